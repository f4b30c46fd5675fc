// Stream pool: as many streams as are asked for over as few connections as the API server allows.
import type { TlsMaterial } from './access.ts';
import { dial } from './dial.ts';
import { Http1Streams } from './http1-streams.ts';
import { Http2Session, type SessionTiming } from './http2-session.ts';
import { Outlet, type Cancel, type StreamListener, type StreamRequest } from './stream.ts';

export interface PoolTiming extends SessionTiming {
  readonly dialMs: number;
}

/** Also where the server would allow more: what breaks with one connection is bounded. kube-apiserver allows 100 (measured). */
const MAX_STREAMS = 250;

/** Streams to one server with one {@link TlsMaterial}. */
export class StreamPool {
  readonly #origin: URL;
  readonly #tls: TlsMaterial;
  readonly #timing: PoolTiming;
  readonly #sessions = new Set<Http2Session>();
  #http1: Http1Streams | undefined;
  #dialling: Promise<string | undefined> | undefined;
  #closed = false;

  constructor(origin: URL, tls: TlsMaterial, timing: PoolTiming) {
    this.#origin = origin;
    this.#tls = tls;
    this.#timing = timing;
  }

  /** Opens a stream as soon as there is a connection with room. */
  open(request: StreamRequest, listener: StreamListener): Cancel {
    const outlet = new Outlet(listener);
    let cancel: Cancel | undefined;
    void this.#findPlace(outlet, (place) => {
      cancel = place.open(request, listener);
    }).then((failure) => {
      if (failure !== undefined) outlet.end(failure);
    });
    return () => {
      outlet.shut();
      cancel?.();
    };
  }

  /** No new connections; those that are there go when their last stream ends. */
  retire(): void {
    this.#closed = true;
    for (const session of this.#sessions) session.retire();
    this.#http1?.retire();
  }

  destroy(): void {
    this.#closed = true;
    for (const session of this.#sessions) session.destroy();
    this.#http1?.destroy();
  }

  /** Takes the first connection with room, in the very turn in which it was seen to have some; or says why there is none. */
  async #findPlace(
    outlet: Outlet,
    take: (place: Http2Session | Http1Streams) => void,
  ): Promise<string | undefined> {
    while (outlet.isOpen) {
      if (this.#closed) return 'the connection was closed';
      const place = this.#http1 ?? this.#sessionWithRoom();
      if (place) {
        take(place);
        return undefined;
      }
      // One dial at a time, for all who wait; its failure is everybody's.
      this.#dialling ??= this.#dial().finally(() => {
        this.#dialling = undefined;
      });
      const failure = await this.#dialling;
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  #sessionWithRoom(): Http2Session | undefined {
    for (const session of this.#sessions) if (session.hasRoom) return session;
    return undefined;
  }

  async #dial(): Promise<string | undefined> {
    const { dialMs } = this.#timing;
    const dialled = await dial(this.#origin, this.#tls, dialMs);
    if (dialled.kind === 'failed') return dialled.message;
    if (dialled.kind === 'http1') {
      this.#http1 = new Http1Streams(this.#origin, this.#tls, dialMs);
      return undefined;
    }
    const session = new Http2Session(dialled.session, {
      maxStreams: Math.min(MAX_STREAMS, dialled.maxStreams),
      timing: this.#timing,
      onGone: () => this.#sessions.delete(session),
    });
    this.#sessions.add(session);
    if (this.#closed) session.destroy();
    return undefined;
  }
}
