// Origin pool: the live connections to one origin, and who waits for one. A black hole costs one dial, not one per question.
import type { Result } from '../domain/result.ts';
import { err, ok } from '../domain/result.ts';
import { Connection } from './connection.ts';
import type { Dialled } from './dial.ts';
import type { ExchangeFailure } from './message.ts';

/** Somebody who wants a connection. */
export interface Lease {
  /** Only a connection that has shown a sign of life since then (performance.now()); -Infinity for any. */
  readonly provenSince: number;
  /** Not counted against the maximum: pings must get through when every connection is held by a silent question. */
  readonly urgent: boolean;
  /** Called at most once; false means "no longer wanted", and the connection goes to the next. */
  readonly settle: (result: Result<Connection, ExchangeFailure>) => boolean;
}

interface Waiter extends Lease {
  readonly since: number;
}

interface FlyingDial {
  readonly startedAt: number;
  readonly result: Promise<Result<void, ExchangeFailure>>;
}

export interface PoolOptions {
  readonly origin: string;
  readonly dial: () => Promise<Result<Dialled, ExchangeFailure>>;
  readonly maxConnections: number;
  readonly idleMs: number;
}

/**
 * The rules: nothing enters before its handshake succeeded; without a live connection one dial is in flight and its failure
 * answers everybody who waits; with one, dials run in parallel up to the maximum. The connection used last is used first, so
 * that surplus ones grow idle and go.
 */
export class OriginPool {
  readonly #options: PoolOptions;
  readonly #live = new Set<Connection>();
  readonly #idle: Connection[] = [];
  readonly #dials = new Set<FlyingDial>();
  #waiters: Waiter[] = [];
  #provenAt = -Infinity;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Hands over a connection now or later, or the failure of the dial that it waited for. No time-out of its own. */
  lease(lease: Lease): void {
    const idle = this.#takeIdle(lease.provenSince);
    if (idle) {
      if (!lease.settle(ok(idle))) this.release(idle);
      return;
    }
    const waiter = { ...lease, since: performance.now() };
    if (lease.urgent) this.#waiters.unshift(waiter);
    else this.#waiters.push(waiter);
    this.#dialForWaiters();
  }

  /** A waiter that is no longer interested leaves the queue, so that nobody dials for it. */
  leave(lease: Lease): void {
    this.#waiters = this.#waiters.filter((waiter) => waiter.settle !== lease.settle);
  }

  /** A connection has shown a sign of life. */
  noteProof(connection: Connection): void {
    this.#provenAt = Math.max(this.#provenAt, connection.provenAt);
  }

  /** The connection is free again: to the next waiter, or idle. */
  release(connection: Connection): void {
    this.noteProof(connection);
    if (this.#closed || !connection.open || !this.#live.has(connection)) {
      this.discard(connection);
      return;
    }
    this.#handOver(connection);
  }

  /** Closes a connection: it failed, its question gave up, or nobody can use it. */
  discard(connection: Connection): void {
    this.disown(connection);
    connection.close();
    this.#dialForWaiters();
  }

  /** Stops counting a connection that hangs, without closing it: its answer may still come. */
  disown(connection: Connection): void {
    this.#live.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  /**
   * Does the origin still take connections? Settles at once when one has shown a sign of life since `since`, else with the
   * outcome of a dial, one for all who ask. When that dial fails, the idle connections are gone and all waiters are answered.
   */
  prove(since: number): Promise<Result<void, ExchangeFailure>> {
    if (this.#provenAt >= since) return Promise.resolve(ok(undefined));
    const flying = [...this.#dials].find((dial) => dial.startedAt >= since) ?? this.#startDial();
    return flying.result;
  }

  /** Somebody has found the origin dead before the dial did: idle connections are thrown away, waiters answered. */
  condemn(failure: ExchangeFailure): void {
    const waiters = this.#waiters;
    this.#waiters = []; // first, so that nobody dials for them again
    for (const idle of this.#idle.splice(0)) this.discard(idle);
    for (const waiter of waiters) waiter.settle(err(failure));
  }

  /** Closes what is idle now and what is in use when it comes back; waiters are answered. */
  close(): void {
    this.#closed = true;
    this.condemn({ kind: 'void', detail: 'shutting down' });
  }

  #takeIdle(provenSince: number): Connection | undefined {
    for (let index = this.#idle.length - 1; index >= 0; index -= 1) {
      const connection = this.#idle[index];
      if (connection === undefined || connection.provenAt < provenSince) continue;
      this.#idle.splice(index, 1);
      if (connection.open) return connection;
      this.discard(connection);
    }
    return undefined;
  }

  #dialForWaiters(): void {
    const urgent = this.#waiters.filter((waiter) => waiter.urgent).length;
    const limit = this.#live.size === 0 ? 1 : this.#options.maxConnections - this.#live.size + urgent;
    while (this.#dials.size < Math.min(limit, this.#waiters.length)) this.#startDial();
  }

  #startDial(): FlyingDial {
    const startedAt = performance.now();
    const result = this.#options.dial().then((dialled) => {
      this.#dials.delete(flying);
      if (dialled.ok) this.#adopt(dialled.value);
      else this.#dialFailed(startedAt, dialled.error);
      return dialled.ok ? ok(undefined) : dialled;
    });
    const flying = { startedAt, result };
    this.#dials.add(flying);
    return flying;
  }

  #adopt(dialled: Dialled): void {
    const connection = new Connection(this.#options.origin, dialled, {
      idleMs: this.#options.idleMs,
      onClose: () => {
        this.discard(connection);
      },
    });
    this.#live.add(connection);
    this.release(connection);
    this.#dialForWaiters();
  }

  #dialFailed(startedAt: number, failure: ExchangeFailure): void {
    const dead = this.#provenAt < startedAt;
    if (dead && failure.kind === 'connect') {
      this.condemn(failure);
      return;
    }
    // Something else has lived in the meantime: only those whom this dial could have served hear of its failure.
    const heard = this.#waiters.filter((waiter) => dead || waiter.since <= startedAt);
    this.#waiters = this.#waiters.filter((waiter) => !heard.includes(waiter));
    for (const waiter of heard) waiter.settle(err(failure));
    this.#dialForWaiters();
  }

  #handOver(connection: Connection): void {
    for (let index = 0; index < this.#waiters.length; index += 1) {
      const waiter = this.#waiters[index];
      if (waiter === undefined || connection.provenAt < waiter.provenSince) continue;
      this.#waiters.splice(index, 1);
      if (waiter.settle(ok(connection))) return;
      index -= 1;
    }
    this.#idle.push(connection);
  }
}
