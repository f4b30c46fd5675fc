// HTTP/2 session: many streams over one connection, pinged so that a dead one is noticed.
import {
  constants,
  sensitiveHeaders,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { messageOf } from './exchange.ts';
import { Outlet, type Cancel, type StreamListener, type StreamRequest } from './stream.ts';

export interface SessionTiming {
  readonly pingMs: number;
  readonly pingGraceMs: number;
  /** A session without a stream is closed after so long. */
  readonly idleMs: number;
}

function headersOf({ path, headers }: StreamRequest): OutgoingHttpHeaders {
  return {
    ...headers,
    [constants.HTTP2_HEADER_METHOD]: 'GET',
    [constants.HTTP2_HEADER_PATH]: path,
    // Never into the connection's header table.
    [sensitiveHeaders]: ['authorization'],
  };
}

function carry(stream: ClientHttp2Stream, outlet: Outlet): void {
  let broken: unknown;
  stream.on('response', (headers) => {
    outlet.head(headers[':status'] ?? 0, headers);
  });
  stream.on('data', (chunk: Uint8Array) => {
    outlet.data(chunk);
  });
  stream.on('error', (error) => {
    broken = error;
  });
  stream.once('close', () => {
    if (broken !== undefined) outlet.end(messageOf(broken));
    else if (stream.rstCode === constants.NGHTTP2_NO_ERROR) outlet.end(undefined);
    else outlet.end(`the connection broke (HTTP/2 code ${stream.rstCode})`);
  });
}

/** An established session. */
export class Http2Session {
  readonly #session: ClientHttp2Session;
  readonly #maxStreams: number;
  readonly #timing: SessionTiming;
  #streams = 0;
  #retired = false;
  #timer: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;

  /** `onGone` is called once, when the connection is gone. */
  constructor(
    session: ClientHttp2Session,
    options: { maxStreams: number; timing: SessionTiming; onGone: () => void },
  ) {
    this.#session = session;
    this.#maxStreams = options.maxStreams;
    this.#timing = options.timing;
    session.on('error', () => {
      // 'close' follows, and every stream tells its listener.
    });
    session.once('goaway', () => {
      this.#retired = true; // its streams may go on to their ends; no new ones
    });
    session.once('close', () => {
      this.#retired = true;
      clearTimeout(this.#timer);
      clearTimeout(this.#idle);
      options.onGone();
    });
    this.#schedulePing();
    this.#scheduleIdle();
  }

  get hasRoom(): boolean {
    return !this.#retired && !this.#session.closed && this.#streams < this.#maxStreams;
  }

  /** Only with {@link hasRoom}. */
  open(request: StreamRequest, listener: StreamListener): Cancel {
    const outlet = new Outlet(listener);
    const stream = this.#session.request(headersOf(request), { endStream: true });
    this.#streams += 1;
    clearTimeout(this.#idle);
    carry(stream, outlet);
    stream.once('close', () => {
      this.#streams -= 1;
      if (this.#streams === 0) this.#scheduleIdle();
    });
    return () => {
      outlet.shut();
      stream.close(constants.NGHTTP2_CANCEL);
    };
  }

  /** No new streams; closed when the last one has ended. */
  retire(): void {
    this.#retired = true;
    this.#session.close();
  }

  destroy(): void {
    this.#session.destroy();
  }

  #scheduleIdle(): void {
    this.#idle = setTimeout(() => {
      this.retire();
    }, this.#timing.idleMs).unref();
  }

  #schedulePing(): void {
    this.#timer = setTimeout(() => {
      this.#ping();
    }, this.#timing.pingMs).unref();
  }

  #ping(): void {
    if (this.#session.destroyed) return;
    this.#timer = setTimeout(() => {
      // Timers run before sockets are read: after a busy spell of ours the answer may be waiting there.
      this.#timer = undefined;
      setImmediate(() => {
        if (this.#timer !== undefined || this.#session.destroyed) return;
        const { pingGraceMs } = this.#timing;
        this.#session.destroy(new Error(`the API server has not answered a ping within ${pingGraceMs} ms`));
      });
    }, this.#timing.pingGraceMs).unref();
    this.#session.ping(() => {
      clearTimeout(this.#timer);
      if (!this.#session.destroyed) this.#schedulePing();
    });
  }
}
