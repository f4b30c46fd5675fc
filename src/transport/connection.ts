// Connection: one established TLS connection and the HTTP/1.1 exchanges on it, one at a time.
import type { TLSSocket } from 'node:tls';
import { Client, type Dispatcher } from 'undici';
import { err, ok, type Result } from '../domain/result.ts';
import type { Dialled } from './dial.ts';
import {
  headerOf,
  type BodyCap,
  type ExchangeFailure,
  type HttpRequest,
  type Reply,
  type ReplyHeaders,
} from './message.ts';
import { failureOfConnection } from './socket-failure.ts';

/** `early`: it failed before a single byte of an answer, so nothing is lost by asking again. */
export type SendFailure = ExchangeFailure & { readonly early: boolean };

/** Collects one answer for undici, up to the cap. */
class ReplyReader implements Dispatcher.DispatchHandler {
  started = false;
  readonly #cap: BodyCap;
  readonly #finish: (result: Result<Omit<Reply, 'address'>, SendFailure>) => void;
  readonly #onFirstByte: () => void;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #status = 0;
  #headers: ReplyHeaders = {};

  constructor(
    cap: BodyCap,
    onFirstByte: () => void,
    finish: (result: Result<Omit<Reply, 'address'>, SendFailure>) => void,
  ) {
    this.#cap = cap;
    this.#onFirstByte = onFirstByte;
    this.#finish = finish;
  }

  onRequestStart(): void {
    // undici insists on the method.
  }

  onResponseStarted(): void {
    this.started = true;
    this.#onFirstByte();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: ReplyHeaders): void {
    this.#status = status; // 1xx come here too; the last one counts
    this.#headers = headers;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const cap = this.#status < 300 ? this.#cap.success : this.#cap.error;
    const room = cap - this.#size;
    this.#size += chunk.length;
    // A copy: undici lends its own parsing buffer.
    this.#chunks.push(Buffer.from(chunk.subarray(0, Math.max(0, room))));
    if (chunk.length <= room) return;
    this.#complete(true);
    controller.abort(new Error('body over the cap'));
  }

  onResponseEnd(): void {
    this.#complete(false);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#finish(err({ ...failureOfConnection(error), early: !this.started }));
  }

  #complete(cut: boolean): void {
    this.#finish(
      ok({ status: this.#status, headers: this.#headers, body: Buffer.concat(this.#chunks), cut }),
    );
  }
}

/** A connection. It never reconnects by itself: when its socket is gone, so is it. */
export class Connection {
  readonly establishedAt = performance.now();
  /** When the other side last showed that it lives: handshake or first byte of an answer (performance.now()). */
  provenAt = this.establishedAt;
  exchanges = 0;
  readonly #address: string | undefined;
  readonly #socket: TLSSocket;
  readonly #client: Client;
  /** undici's own idle time-out starts with the first exchange only. */
  readonly #unused: NodeJS.Timeout;
  #reusable = true;

  /** `onClose` is called once, when the socket is gone for whatever reason. `idleMs`: closed after so long without a question. */
  constructor(origin: string, dialled: Dialled, options: { idleMs: number; onClose: () => void }) {
    this.#address = dialled.address;
    this.#socket = dialled.socket;
    let spare: TLSSocket | undefined = dialled.socket;
    this.#client = new Client(origin, {
      pipelining: 1,
      allowH2: false,
      headersTimeout: 0, // time is kept by the exchange
      bodyTimeout: 0,
      keepAliveTimeout: options.idleMs,
      keepAliveMaxTimeout: options.idleMs,
      connect: (_options, callback) => {
        const socket = spare;
        spare = undefined;
        // Not at once: undici does not look at its queue again while it is still inside this call.
        queueMicrotask(() => {
          if (socket) callback(null, socket);
          else callback(Object.assign(new Error('the connection is gone'), { code: 'ECONNRESET' }), null);
        });
      },
    });
    this.#socket.on('error', () => {
      // 'close' follows; an error of an idle socket is nobody's question.
    });
    this.#socket.once('close', options.onClose);
    this.#socket.unref(); // an idle connection keeps no process alive
    this.#unused = setTimeout(() => {
      this.close();
    }, options.idleMs).unref();
  }

  get open(): boolean {
    return this.#reusable && !this.#socket.destroyed && this.#socket.writable;
  }

  /** Sends one request. Has no time-out: {@link close} ends it. Never rejects. */
  async send(request: HttpRequest, onFirstByte: () => void): Promise<Result<Reply, SendFailure>> {
    this.exchanges += 1;
    clearTimeout(this.#unused);
    this.#socket.ref();
    const result = await new Promise<Result<Omit<Reply, 'address'>, SendFailure>>((resolve) => {
      const reader = new ReplyReader(
        request.cap,
        () => {
          this.provenAt = performance.now();
          onFirstByte();
        },
        resolve,
      );
      const { method, path, headers, body } = request;
      // undici closes after a HEAD unless told otherwise; the answers' framing is checked by its parser.
      this.#client.dispatch({ method, path, headers, body: body ?? null, reset: false }, reader);
    });
    if (!result.ok) {
      this.#reusable = false;
      return result;
    }
    const { cut, headers } = result.value;
    if (cut || /\bclose\b/iu.test(headerOf(headers, 'connection'))) this.#reusable = false;
    return ok({ ...result.value, address: this.#address });
  }

  /** Ends the connection and whatever is on it. */
  close(): void {
    this.#reusable = false;
    clearTimeout(this.#unused);
    this.#client.destroy(Object.assign(new Error('given up'), { code: 'ECONNRESET' }), () => undefined);
    this.#socket.destroy();
  }
}
