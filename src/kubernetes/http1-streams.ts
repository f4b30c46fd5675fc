// HTTP/1.1 streams: the way out for servers (or proxies before them) that speak no HTTP/2; a connection for each stream.
import { Agent, type Dispatcher } from 'undici';
import type { TlsMaterial } from './access.ts';
import { tlsOptions } from './dial.ts';
import { messageOf, type ApiHeaders } from './exchange.ts';
import { Outlet, type Cancel, type StreamListener, type StreamRequest } from './stream.ts';

/** No pings here: the system's keep-alive probes notice a dead peer (Linux: 15 s of silence, then 10 probes of 1 s). */
const KEEP_ALIVE_MS = 15_000;

class Carrier implements Dispatcher.DispatchHandler {
  readonly #outlet: Outlet;
  #controller: Dispatcher.DispatchController | undefined;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  cancel(): void {
    this.#outlet.shut();
    this.#controller?.abort(new Error('not wanted any more'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (!this.#outlet.isOpen) controller.abort(new Error('not wanted any more'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: ApiHeaders): void {
    if (status >= 200) this.#outlet.head(status, headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#outlet.data(chunk);
  }

  onResponseEnd(): void {
    this.#outlet.end(undefined);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#outlet.end(messageOf(error));
  }
}

/** Opens streams, each on a connection that no other uses meanwhile. */
export class Http1Streams {
  readonly #origin: string;
  readonly #agent: Agent;

  constructor(origin: URL, tls: TlsMaterial, dialMs: number) {
    this.#origin = origin.origin;
    this.#agent = new Agent({
      allowH2: false,
      pipelining: 1,
      headersTimeout: 0, // time is kept by the watch
      bodyTimeout: 0,
      connect: {
        ...tlsOptions(tls),
        timeout: dialMs,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
      },
    });
  }

  open({ path, headers }: StreamRequest, listener: StreamListener): Cancel {
    const carrier = new Carrier(new Outlet(listener));
    this.#agent.dispatch({ origin: this.#origin, method: 'GET', path, headers }, carrier);
    return () => {
      carrier.cancel();
    };
  }

  /** No new streams; connections are closed as theirs end. */
  retire(): void {
    void this.#agent.close();
  }

  destroy(): void {
    void this.#agent.destroy();
  }
}
