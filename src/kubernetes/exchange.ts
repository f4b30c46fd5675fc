// Exchange: one request to the API server and its answer, read up to a cap and given up at a time.
import type { Dispatcher } from 'undici';
import { err, ok, type Result } from '../domain/result.ts';

export type ApiHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Bytes of an answer that are read; more is a failure. */
  readonly cap: number;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: ApiHeaders;
  readonly body: Buffer;
}

export interface ExchangeFailure {
  readonly message: string;
  /** No byte of an answer had come when the connection broke: a question may be asked again. */
  readonly early: boolean;
}

/** The value of a header, or the first of several. */
export function headerOf(headers: ApiHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** What broke, in the words of the system; an error of many addresses is that of the first. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  return error instanceof Error && error.message !== '' ? error.message : 'the connection broke';
}

/** A connection that was lost after it had been there; a refused dial or a certificate is no case for asking again. */
function isBroken(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined;
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #cap: number;
  readonly #settle: (result: Result<ApiAnswer, ExchangeFailure>) => void;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #givenUp: Error | undefined;
  #size = 0;
  #status = 0;
  #headers: ApiHeaders = {};

  constructor(cap: number, settle: (result: Result<ApiAnswer, ExchangeFailure>) => void) {
    this.#cap = cap;
    this.#settle = settle;
  }

  /** Settles now. A request that still waits for a connection is never sent. */
  giveUp(message: string): void {
    this.#givenUp = new Error(message);
    this.#controller?.abort(this.#givenUp);
    this.#settle(err({ message, early: false }));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#givenUp) controller.abort(this.#givenUp);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: ApiHeaders): void {
    this.#status = status; // 1xx come here too; the last one counts
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > this.#cap) this.giveUp(`the answer is longer than ${this.#cap} bytes`);
    else this.#chunks.push(Buffer.from(chunk)); // a copy: undici lends its own parsing buffer
  }

  onResponseEnd(): void {
    this.#settle(
      ok({ status: this.#status, headers: this.#headers, body: Buffer.concat(this.#chunks, this.#size) }),
    );
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#settle(err({ message: messageOf(error), early: this.#status === 0 && isBroken(error) }));
  }
}

/**
 * Sends one call. Never rejects; `timeoutMs` is kept by a timer of its own, because the client library looks at no signal
 * before it has a connection.
 */
export function exchange(
  dispatcher: Dispatcher,
  origin: string,
  call: ApiCall,
  timeoutMs: number,
): Promise<Result<ApiAnswer, ExchangeFailure>> {
  return new Promise((resolve) => {
    const { cap, ...request } = call;
    const running = new Exchange(cap, (result) => {
      clearTimeout(timer);
      resolve(result);
    });
    const timer = setTimeout(() => {
      running.giveUp(`no answer within ${Math.round(timeoutMs)} ms`);
    }, timeoutMs);
    try {
      dispatcher.dispatch({ origin, ...request, body: request.body ?? null }, running);
    } catch (error) {
      running.giveUp(messageOf(error)); // closed, or a header that cannot be sent
    }
  });
}
