// Connection: everything between us and the API server: credential, verified TLS, few sockets for calls, fewer for watches.
import { Agent } from 'undici';
import type { Problem } from '../domain/problem.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { AccessBook, type Access, type TlsMaterial } from './access.ts';
import { failureOfAnswer, notAsked, unreachable } from './api-failure.ts';
import type { ApiFailure } from './cluster-api.ts';
import { tlsOptions } from './dial.ts';
import { exchange, headerOf, type ApiAnswer, type ApiCall } from './exchange.ts';
import { loadKubeConfig, type KubeConfigOptions } from './kube-config.ts';
import { StreamPool, type PoolTiming } from './stream-pool.ts';
import type { Cancel, StreamListener, StreamRequest } from './stream.ts';

export interface ConnectionOptions extends KubeConfigOptions {
  /** For the API server's own logs; `registry-failover` when absent. */
  readonly userAgent?: string | undefined;
  /** Milliseconds; only tests have a reason to set them. */
  readonly timing?: Partial<PoolTiming> | undefined;
}

/** A dead connection is noticed after 15 + 10 s at the latest; a dial is given up before the call that waits for it. */
const TIMING: PoolTiming = { dialMs: 5000, pingMs: 15_000, pingGraceMs: 10_000, idleMs: 30_000 };
/** Calls are short; more would only queue in the API server. */
const CALL_CONNECTIONS = 4;
const CALL_IDLE_MS = 60_000;
const KEEP_ALIVE_MS = 15_000;
/** Left of a call's time, or asking again is pointless. */
const WORTH_A_TRY_MS = 50;

/** The sockets that were made with one {@link TlsMaterial}. */
interface Sockets {
  readonly tlsKey: string;
  readonly calls: Agent;
  readonly streams: StreamPool;
}

/** An API server, and who we are there. */
export class Connection {
  /** `https://host:port`, for people. */
  readonly server: string;
  readonly #base: URL;
  readonly #access: AccessBook;
  readonly #timing: PoolTiming;
  readonly #userAgent: string;
  readonly #retired = new Set<Sockets>();
  #sockets: Sockets | undefined;
  #closed = false;

  constructor(server: string, access: AccessBook, options: ConnectionOptions) {
    this.#base = new URL(server);
    this.server = this.#base.origin;
    this.#access = access;
    this.#timing = { ...TIMING, ...options.timing };
    this.#userAgent = options.userAgent ?? 'registry-failover';
  }

  /**
   * One call, answered or given up within `timeoutMs`. An answer that is no 2xx is a failure. Asked again are: anything
   * once, with the credential read anew, after a 401 (it was not carried out); a GET once, when a connection broke
   * before the answer had begun.
   */
  async call(call: ApiCall, timeoutMs: number): Promise<Result<ApiAnswer, ApiFailure>> {
    const deadline = performance.now() + timeoutMs;
    const first = await this.#send(call, deadline);
    if (first.result.ok || !first.again || deadline - performance.now() < WORTH_A_TRY_MS) return first.result;
    return (await this.#send(call, deadline)).result;
  }

  /** A stream; a failure of ours to open it is told to its listener like any other end. */
  stream(request: StreamRequest, listener: StreamListener): Cancel {
    let isCancelled = false;
    let cancel: Cancel | undefined;
    void this.#access.current().then((access) => {
      if (isCancelled) return;
      if (!access.ok) listener.onEnd(access.error);
      else cancel = this.#openStream(access.value, request, listener);
    });
    return () => {
      isCancelled = true;
      cancel?.();
    };
  }

  /** Ends everything that is under way. */
  close(): void {
    this.#closed = true;
    for (const sockets of [...this.#retired, this.#sockets]) {
      sockets?.streams.destroy();
      void sockets?.calls.destroy();
    }
    this.#retired.clear();
    this.#sockets = undefined;
  }

  #openStream(access: Access, request: StreamRequest, listener: StreamListener): Cancel {
    const sockets = this.#socketsFor(access);
    if (sockets === undefined) {
      listener.onEnd('the connection was closed');
      return () => undefined;
    }
    const watched: StreamListener = {
      onHead: (status, headers) => {
        if (status === 401) this.#access.renew(access);
        listener.onHead(status, headers);
      },
      onData: (chunk) => {
        listener.onData(chunk);
      },
      onEnd: (broken) => {
        listener.onEnd(broken);
      },
    };
    return sockets.streams.open(
      { path: this.#pathOf(request.path), headers: this.#headersOf(access, request.headers) },
      watched,
    );
  }

  async #send(
    call: ApiCall,
    deadline: number,
  ): Promise<{ result: Result<ApiAnswer, ApiFailure>; again: boolean }> {
    const access = await this.#access.current();
    if (!access.ok) return { result: err(notAsked('unauthorized', access.error)), again: false };
    const sockets = this.#socketsFor(access.value);
    if (sockets === undefined) {
      return { result: err(unreachable('the connection was closed')), again: false };
    }
    const request = {
      ...call,
      path: this.#pathOf(call.path),
      headers: this.#headersOf(access.value, call.headers),
    };
    const left = Math.max(0, deadline - performance.now());
    const sent = await exchange(sockets.calls, this.server, request, left);
    if (!sent.ok) {
      const { message, early } = sent.error;
      return { result: err(unreachable(message)), again: early && call.method === 'GET' };
    }
    const { status, headers, body } = sent.value;
    if (status >= 200 && status < 300) return { result: sent, again: false };
    if (status === 401) this.#access.renew(access.value);
    const failure = failureOfAnswer(status, body.toString('utf8'), headerOf(headers, 'retry-after'));
    return { result: err(failure), again: status === 401 };
  }

  #socketsFor({ tls, tlsKey }: Access): Sockets | undefined {
    if (this.#closed) return undefined;
    const present = this.#sockets;
    if (present?.tlsKey === tlsKey) return present;
    if (present) this.#retire(present);
    this.#sockets = { tlsKey, calls: this.#openAgent(tls), streams: this.#openPool(tls) };
    return this.#sockets;
  }

  /** What is under way on the old certificates may end there: the API server asks for them at the handshake only. */
  #retire(sockets: Sockets): void {
    this.#retired.add(sockets);
    sockets.streams.retire();
    void sockets.calls.close().finally(() => this.#retired.delete(sockets));
  }

  #openPool(tls: TlsMaterial): StreamPool {
    return new StreamPool(this.#base, tls, this.#timing);
  }

  #openAgent(tls: TlsMaterial): Agent {
    return new Agent({
      allowH2: false,
      connections: CALL_CONNECTIONS,
      pipelining: 1,
      keepAliveTimeout: CALL_IDLE_MS,
      headersTimeout: 0, // time is kept by the exchange
      bodyTimeout: 0,
      connect: {
        ...tlsOptions(tls),
        timeout: this.#timing.dialMs,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
      },
    });
  }

  /** A server address may have a path of its own (a proxy of many clusters). */
  #pathOf(path: string): string {
    return this.#base.pathname === '/' ? path : `${this.#base.pathname}${path}`;
  }

  #headersOf(access: Access, headers: Readonly<Record<string, string>>): Record<string, string> {
    return { 'user-agent': this.#userAgent, ...headers, ...access.headers };
  }
}

/** Reads which API server and who we are there; nothing is dialled yet. */
export function openConnection(
  options: ConnectionOptions = {},
): Promise<Result<Connection, readonly Problem[]>> {
  const config = loadKubeConfig(options);
  if (!config.ok) return Promise.resolve(err(config.error));
  const reload = (): typeof config.value | undefined => {
    const again = loadKubeConfig(options);
    return again.ok && again.value.getCurrentCluster()?.server === server ? again.value : undefined;
  };
  const server = config.value.getCurrentCluster()?.server ?? '';
  const access = new AccessBook({ config: config.value, reload }, () => performance.now());
  return Promise.resolve(ok(new Connection(server, access, options)));
}
