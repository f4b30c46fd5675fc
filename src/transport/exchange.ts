// Exchange: one request to one origin, answered or given up within its deadline, with a doubt about every reused connection.
import type { Result } from '../domain/result.ts';
import { err } from '../domain/result.ts';
import type { Connection, SendFailure } from './connection.ts';
import type { ExchangeFailure, HttpRequest, Reply } from './message.ts';
import type { Lease, OriginPool } from './origin-pool.ts';
import { startTimer } from './timer.ts';

/** When a reused connection is doubted, and when our own timers are; milliseconds. */
export interface DoubtSettings {
  /** Silent for so long since the request: a second connection is dialled to see whether the origin lives. */
  readonly hedgeMs: number;
  /** Still silent while the origin lives: asked again on a fresh connection, the first answer wins. */
  readonly askAgainMs: number;
  /** Still silent and no handshake, so long after the QUESTION began: unreachable. Just before the caller's own time-out. */
  readonly verdictMs: number;
  /** A timer that runs later than this proves nothing. */
  readonly lateMs: number;
}

export interface ExchangeTask {
  readonly request: HttpRequest;
  /** When the question began that this exchange is part of (performance.now() milliseconds). */
  readonly questionAt: number;
  /** performance.now() milliseconds. */
  readonly deadlineAt: number;
  readonly urgent: boolean;
}

/** Less than this is no silence: the question had spent its time before, and the registry never had a chance. */
const LEAST_SILENCE_MS = 100;

type ExchangeResult = Result<Reply, ExchangeFailure>;

/**
 * A connection that was idle may be dead without a sign: a firewall that drops has told nobody. So a question on a reused
 * connection that stays silent is doubted; on a fresh connection silence is the registry's own.
 */
class Exchange {
  readonly #pool: OriginPool;
  readonly #task: ExchangeTask;
  readonly #doubt: DoubtSettings;
  readonly #finish: (result: ExchangeResult) => void;
  readonly #cancels: (() => void)[] = [];
  readonly #leases = new Set<Lease>();
  readonly #sending = new Set<Connection>();
  #heard = false;
  #retried = false;
  #over = false;
  #sentAt = Infinity;

  constructor(
    pool: OriginPool,
    task: ExchangeTask,
    doubt: DoubtSettings,
    finish: (result: ExchangeResult) => void,
  ) {
    this.#pool = pool;
    this.#task = task;
    this.#doubt = doubt;
    this.#finish = finish;
    this.#after(task.deadlineAt - performance.now(), (late) => {
      this.#settle(err(this.#overdue(late)));
    });
    this.#lease(-Infinity);
  }

  #after(ms: number, act: (late: boolean) => void): void {
    this.#cancels.push(
      startTimer(ms, (lateByMs) => {
        act(lateByMs > this.#doubt.lateMs);
      }),
    );
  }

  #overdue(late: boolean): ExchangeFailure {
    if (late) return { kind: 'void', detail: 'our own timer ran late: the answer is void' };
    if (this.#sending.size === 0) return { kind: 'void', detail: 'no connection was free in time' };
    if (performance.now() - this.#sentAt < LEAST_SILENCE_MS) {
      return { kind: 'void', detail: 'the time was used up before its turn came' };
    }
    return {
      kind: 'silent',
      detail: this.#heard ? 'its answer did not end in time' : 'connected, but no answer in time',
    };
  }

  #lease(provenSince: number): void {
    const askedAt = performance.now();
    const lease: Lease = {
      provenSince,
      urgent: this.#task.urgent,
      settle: (result) => {
        this.#leases.delete(lease);
        if (this.#over) return false;
        if (result.ok) void this.#send(result.value, askedAt);
        else this.#lost(result.error);
        return true;
      },
    };
    this.#leases.add(lease);
    this.#pool.lease(lease);
  }

  async #send(connection: Connection, askedAt: number): Promise<void> {
    // Idle when it was asked for, without a sign of life since: it may be dead.
    const doubtful = connection.provenAt < askedAt;
    const reused = doubtful || connection.exchanges > 0;
    this.#sending.add(connection);
    this.#sentAt = Math.min(this.#sentAt, performance.now());
    if (doubtful && this.#sending.size === 1) this.#startDoubt(performance.now(), connection);
    const result = await connection.send(this.#task.request, () => {
      this.#heard = true;
      this.#pool.noteProof(connection);
    });
    this.#sending.delete(connection);
    if (result.ok) {
      this.#settle(result);
      this.#pool.release(connection);
      return;
    }
    this.#pool.discard(connection);
    if (!this.#over) this.#sendFailed(result.error, reused);
  }

  #sendFailed(failure: SendFailure, reused: boolean): void {
    if (failure.early && reused && !this.#retried) {
      // The server closed an idle connection just as we used it: the classic race of keep-alive.
      this.#retried = true;
      this.#lease(performance.now());
      return;
    }
    this.#lost({ kind: failure.kind, detail: failure.detail });
  }

  /** One way to an answer is lost; the exchange is, when there is no other. */
  #lost(failure: ExchangeFailure): void {
    if (this.#sending.size === 0 && this.#leases.size === 0) this.#settle(err(failure));
  }

  #startDoubt(sentAt: number, connection: Connection): void {
    this.#after(this.#doubt.hedgeMs, (late) => {
      if (this.#heard) return;
      // A late timer proves nothing: the doubt starts over.
      if (late) this.#startDoubt(performance.now(), connection);
      else void this.#prove(sentAt, connection);
    });
  }

  async #prove(sentAt: number, connection: Connection): Promise<void> {
    let proven: Result<void, ExchangeFailure> | undefined;
    const { hedgeMs, askAgainMs, verdictMs } = this.#doubt;
    // A second exchange of the question may begin late: its dial still gets as long as its silence was waited for.
    const verdictAt = Math.max(this.#task.questionAt + verdictMs, sentAt + 2 * hedgeMs);
    this.#after(verdictAt - performance.now(), (late) => {
      if (proven === undefined && !late)
        this.#pronounce({ kind: 'connect', detail: 'no answer, and no new connection' });
    });
    proven = await this.#pool.prove(sentAt);
    if (!proven.ok) {
      if (proven.error.kind === 'connect') this.#pronounce(proven.error);
      return;
    }
    this.#after(sentAt + askAgainMs - performance.now(), () => {
      if (this.#heard || this.#retried || !this.#sending.has(connection)) return;
      this.#retried = true;
      this.#pool.disown(connection);
      this.#lease(sentAt);
    });
  }

  /** The origin is dead, unless an answer has begun all the same. */
  #pronounce(failure: ExchangeFailure): void {
    if (this.#heard || this.#over) return;
    this.#pool.condemn(failure);
    this.#settle(err(failure));
  }

  #settle(result: ExchangeResult): void {
    if (this.#over) return;
    this.#over = true;
    for (const cancel of this.#cancels) cancel();
    for (const lease of this.#leases) this.#pool.leave(lease);
    // Whatever is still on its way is of no use; pipelining is 1, so closing hurts nobody else.
    for (const connection of this.#sending) this.#pool.discard(connection);
    this.#finish(result);
  }
}

/** Runs one exchange. Never rejects; settles by the deadline. */
export function exchange(
  pool: OriginPool,
  task: ExchangeTask,
  doubt: DoubtSettings,
): Promise<ExchangeResult> {
  return new Promise((resolve) => {
    void new Exchange(pool, task, doubt, resolve);
  });
}
