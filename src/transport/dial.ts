// Dial: a verified TLS connection to an origin within one time-out for names, TCP, proxy and handshake together.
import type { TLSSocket } from 'node:tls';
import type { Result } from '../domain/result.ts';
import { err, ok } from '../domain/result.ts';
import { DialAttempt, type DialStage } from './dial-attempt.ts';
import { printHost, printOrigin, type ExchangeFailure, type Origin, type TransportHooks } from './message.ts';
import type { Names } from './names.ts';
import type { Proxy } from './proxy.ts';
import { startTimer } from './timer.ts';
import type { TlsTrust } from './tls-trust.ts';

/** A connection that has proven itself by its handshake. */
export interface Dialled {
  readonly socket: TLSSocket;
  /** The registry's address; undefined through a proxy. */
  readonly address: string | undefined;
}

export interface DialTools {
  readonly names: Names;
  readonly trust: TlsTrust;
  readonly proxy: Proxy | undefined;
  readonly dialTimeoutMs: number;
  /** A time-out that runs later than this is void. */
  readonly lateMs: number;
  readonly hooks: TransportHooks;
}

/** A second address is tried beside a slow first one after this (RFC 8305 section 5, "Connection Attempt Delay"). */
const NEXT_ADDRESS_MS = 250;
const MAX_ADDRESSES = 6;

const TIMED_OUT: Readonly<Record<DialStage | 'names', string>> = {
  names: 'DNS does not answer',
  tcp: 'no TCP connection',
  proxy: 'no answer from the proxy',
  tls: 'TCP connection, but no TLS handshake',
};

/** One dial: all addresses of a name, one after the other, the next at a failure or after a moment. First handshake wins. */
class Dial {
  readonly #tools: DialTools;
  readonly #origin: Origin;
  readonly #finish: (result: Result<Dialled, ExchangeFailure>) => void;
  readonly #proxy: Proxy | undefined;
  readonly #attempts = new Set<DialAttempt>();
  readonly #cancelTimeout: () => void;
  #addresses: string[] | undefined;
  #cancelNext: (() => void) | undefined;
  #failure: (ExchangeFailure & { telling: boolean }) | undefined;
  #over = false;

  constructor(tools: DialTools, origin: Origin, finish: (result: Result<Dialled, ExchangeFailure>) => void) {
    this.#tools = tools;
    this.#origin = origin;
    this.#finish = finish;
    this.#proxy = tools.proxy?.serves(origin.hostname, origin.port) === true ? tools.proxy : undefined;
    this.#cancelTimeout = startTimer(tools.dialTimeoutMs, (lateByMs) => {
      this.#settle(err(this.#timeoutFailure(lateByMs > tools.lateMs)));
    });
    void this.#resolve();
  }

  async #resolve(): Promise<void> {
    const host = this.#proxy ?? this.#origin;
    const found = await this.#tools.names.lookup(host.hostname);
    if (this.#over) return;
    if (!found.ok) {
      this.#settle(err({ kind: 'connect', detail: found.error }));
      return;
    }
    this.#addresses = found.value.slice(0, MAX_ADDRESSES);
    this.#next();
  }

  #next(): void {
    this.#cancelNext?.();
    const address = this.#addresses?.shift();
    if (address === undefined) {
      if (this.#attempts.size === 0 && this.#failure) this.#settle(err(this.#failure));
      return;
    }
    const target = {
      origin: this.#origin,
      address,
      port: (this.#proxy ?? this.#origin).port,
      proxy: this.#proxy,
      context: this.#tools.trust.contextFor(this.#origin.trust),
    };
    const attempt = new DialAttempt(target, (result) => {
      this.#attempts.delete(attempt);
      if (result.ok) this.#win(result.value, address);
      else this.#lose(result.error, attempt.telling);
    });
    this.#attempts.add(attempt);
    this.#cancelNext = startTimer(NEXT_ADDRESS_MS, () => {
      this.#next();
    });
  }

  #win(socket: TLSSocket, address: string): void {
    this.#tools.names.prefer((this.#proxy ?? this.#origin).hostname, address);
    this.#settle(ok({ socket, address: this.#proxy ? undefined : address }));
  }

  #lose(failure: ExchangeFailure, telling: boolean): void {
    // What a certificate says is worth more to a person than that another address refused.
    if (this.#failure === undefined || (telling && !this.#failure.telling))
      this.#failure = { ...failure, telling };
    this.#next();
  }

  #timeoutFailure(late: boolean): ExchangeFailure {
    const timeout = this.#tools.dialTimeoutMs;
    if (late) return { kind: 'void', detail: 'our own timer ran late while connecting: the answer is void' };
    if (this.#failure?.telling === true) return this.#failure;
    const stage = this.#addresses === undefined ? 'names' : ([...this.#attempts].at(-1)?.stage ?? 'tcp');
    return {
      kind: 'connect',
      detail: `${TIMED_OUT[stage]} to ${printHost(this.#origin)} within ${timeout} ms`,
    };
  }

  #settle(result: Result<Dialled, ExchangeFailure>): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelTimeout();
    this.#cancelNext?.();
    for (const attempt of this.#attempts) attempt.abandon();
    this.#finish(result);
  }
}

/** Dials an origin. Never rejects; always settles within the dial time-out (and 50 ms, or the failure is `void`). */
export function dial(tools: DialTools, origin: Origin): Promise<Result<Dialled, ExchangeFailure>> {
  const started = performance.now();
  return new Promise((resolve) => {
    void new Dial(tools, origin, (result) => {
      const failure = result.ok ? undefined : result.error;
      tools.hooks.onDial?.({ origin: printOrigin(origin), ms: performance.now() - started, failure });
      resolve(result.ok ? result : err({ kind: result.error.kind, detail: result.error.detail }));
    });
  });
}
