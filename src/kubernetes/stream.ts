// Stream: what a long answer, read as it comes, tells those who wait for it.
import type { ApiHeaders } from './exchange.ts';

export interface StreamRequest {
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface StreamListener {
  onHead(status: number, headers: ApiHeaders): void;
  /** The bytes belong to the listener only during the call. */
  onData(chunk: Uint8Array): void;
  /** Last, once. undefined: the server has ended it in good order; else what broke. */
  onEnd(broken: string | undefined): void;
}

/** Ends a stream; the listener hears nothing more. */
export type Cancel = () => void;

/** Passes on what comes until the end, or until nobody listens any more. */
export class Outlet {
  #listener: StreamListener | undefined;

  constructor(listener: StreamListener) {
    this.#listener = listener;
  }

  get isOpen(): boolean {
    return this.#listener !== undefined;
  }

  head(status: number, headers: ApiHeaders): void {
    this.#listener?.onHead(status, headers);
  }

  data(chunk: Uint8Array): void {
    this.#listener?.onData(chunk);
  }

  end(broken: string | undefined): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.onEnd(broken);
  }

  shut(): void {
    this.#listener = undefined;
  }
}
