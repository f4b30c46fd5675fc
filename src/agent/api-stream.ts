// API stream: one answer without an end, from its request to what ended it.
import type { ClientRequest, IncomingMessage } from 'node:http';
import { failureOf, parseJson, unreachable, type ApiFailure } from './api-failure.ts';
import { readBody } from './answer-body.ts';

export interface StreamListener {
  /** The head has come, and it is a 200. */
  onOpen(): void;
  /** false: enough; the stream is cut, and nothing more is told. */
  onData(chunk: Buffer): boolean;
  /** Last, once. undefined: the server has ended it in good order. */
  onEnd(failure: ApiFailure | undefined): void;
}

const ERROR_MAX_BYTES = 64 * 1024;

/** It always comes to the listener's `onEnd`, unless it is cancelled before. */
export class ApiStream {
  readonly #listener: StreamListener;
  readonly #timer: NodeJS.Timeout;
  #request: ClientRequest | undefined;
  #isDone = false;

  constructor(listener: StreamListener, answerMs: number) {
    this.#listener = listener;
    this.#timer = setTimeout(() => {
      this.end(unreachable(`the API server does not answer within ${answerMs} ms`));
    }, answerMs);
  }

  start(open: () => ClientRequest): void {
    if (this.#isDone) return;
    const request = open();
    this.#request = request;
    request.on('error', (error) => {
      this.end(unreachable(error.message));
    });
    request.on('response', (response) => {
      this.#read(response);
    });
    request.end();
  }

  cancel(): void {
    this.#isDone = true;
    clearTimeout(this.#timer);
    this.#request?.destroy();
  }

  end(failure: ApiFailure | undefined): void {
    if (this.#isDone) return;
    this.cancel();
    this.#listener.onEnd(failure);
  }

  #read(response: IncomingMessage): void {
    if (response.statusCode !== 200) {
      readBody(response, ERROR_MAX_BYTES, (text) => {
        this.end(text.ok ? failureOf(response.statusCode ?? 0, parseJson(text.value)) : text.error);
      });
      return;
    }
    clearTimeout(this.#timer);
    this.#listener.onOpen();
    response.on('data', (chunk: Buffer) => {
      if (!this.#isDone && !this.#listener.onData(chunk)) this.cancel();
    });
    response.on('end', () => {
      this.end(undefined);
    });
    response.on('close', () => {
      this.end(unreachable('the connection broke'));
    });
  }
}
