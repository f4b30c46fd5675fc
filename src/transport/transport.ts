// Transport: every connection this program holds to registries and token servers, and the one way to ask over them.
import { LRUCache } from 'lru-cache';
import type { TrustAnchor } from '../domain/endpoint.ts';
import type { Result } from '../domain/result.ts';
import { dial, type DialTools } from './dial.ts';
import { exchange, type DoubtSettings, type ExchangeTask } from './exchange.ts';
import {
  printOrigin,
  type ExchangeFailure,
  type Origin,
  type Reply,
  type TransportHooks,
} from './message.ts';
import { Names, type NamesOptions } from './names.ts';
import { OriginPool } from './origin-pool.ts';
import type { Proxy } from './proxy.ts';
import { TlsTrust } from './tls-trust.ts';

export interface TransportSettings {
  /** Names, TCP, proxy and TLS handshake together. */
  readonly dialTimeoutMs: number;
  /** A question on a reused connection that is silent for so long is doubted. */
  readonly hedgeMs: number;
  /** The caller's own time-out for a first answer; verdicts about a dead connection come 50 ms before it. */
  readonly probeTimeoutMs: number;
  /** Our own timers are void when they run later than this: the loop was busy, not the registry slow. */
  readonly lateMs: number;
  readonly maxConnectionsPerOrigin: number;
  readonly idleMs: number;
}

export const DEFAULT_TRANSPORT: TransportSettings = {
  dialTimeoutMs: 1000,
  hedgeMs: 200,
  probeTimeoutMs: 1000,
  lateMs: 50,
  maxConnectionsPerOrigin: 8,
  idleMs: 20_000,
};

export interface TransportOptions {
  readonly settings?: Partial<TransportSettings>;
  readonly names?: NamesOptions;
  readonly proxy?: Proxy | undefined;
  readonly hooks?: TransportHooks;
}

const MAX_ORIGINS = 512;
const BEFORE_CALLER_MS = 50;

export class Transport {
  readonly #settings: TransportSettings;
  readonly #doubt: DoubtSettings;
  readonly #tools: DialTools;
  readonly #hooks: TransportHooks;
  readonly #pools = new LRUCache<string, OriginPool>({
    max: MAX_ORIGINS,
    dispose: (pool) => {
      pool.close();
    },
  });

  constructor(options: TransportOptions = {}) {
    this.#settings = { ...DEFAULT_TRANSPORT, ...options.settings };
    this.#hooks = options.hooks ?? {};
    const { dialTimeoutMs, hedgeMs, probeTimeoutMs, lateMs } = this.#settings;
    this.#doubt = {
      hedgeMs,
      askAgainMs: probeTimeoutMs / 2,
      verdictMs: probeTimeoutMs - BEFORE_CALLER_MS,
      lateMs,
    };
    this.#tools = {
      names: new Names({ timeoutMs: dialTimeoutMs, ...options.names }),
      trust: new TlsTrust(),
      proxy: options.proxy,
      dialTimeoutMs,
      lateMs,
      hooks: this.#hooks,
    };
  }

  /** One exchange with one origin. Never rejects; settles by the task's deadline. */
  async exchange(origin: Origin, task: ExchangeTask): Promise<Result<Reply, ExchangeFailure>> {
    const started = performance.now();
    const result = await exchange(this.#poolOf(origin), task, this.#doubt);
    this.#hooks.onExchange?.({
      origin: printOrigin(origin),
      method: task.request.method,
      ms: performance.now() - started,
      status: result.ok ? result.value.status : undefined,
      failure: result.ok ? undefined : result.error,
    });
    return result;
  }

  /** Parses the CAs of declared endpoints ahead of time. */
  prepare(anchors: readonly TrustAnchor[]): Promise<void> {
    return this.#tools.trust.prepare(anchors);
  }

  close(): void {
    this.#pools.clear();
    this.#tools.names.close();
  }

  #poolOf(origin: Origin): OriginPool {
    const address = printOrigin(origin);
    // Connections made under another guard or another trust have been judged by other rules.
    const key = `${address}#${origin.trust?.sha256 ?? ''}#${origin.guard ?? ''}`;
    const known = this.#pools.get(key);
    if (known) return known;
    const pool = new OriginPool({
      origin: address,
      dial: () => dial(this.#tools, origin),
      maxConnections: this.#settings.maxConnectionsPerOrigin,
      idleMs: this.#settings.idleMs,
    });
    this.#pools.set(key, pool);
    return pool;
  }
}
