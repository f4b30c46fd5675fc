// Leader election: of several processes one works, and it has stopped before another may begin.
import { ok, type Result } from '../domain/result.ts';
import type { ApiFailure, ClusterApi } from './cluster-api.ts';
import { LeaseKeeper, type Held } from './lease-keeper.ts';

export type ElectionEvent =
  | { readonly event: 'elected' | 'lost' | 'released' }
  /** A call has failed; it is tried again. */
  | { readonly event: 'lease-failed'; readonly failure: ApiFailure }
  /** A bug of ours: leadership is given up, for another process to try. */
  | { readonly event: 'work-threw'; readonly error: unknown };

export interface LeaderElectionOptions {
  readonly api: ClusterApi;
  readonly namespace: string;
  readonly name: string;
  /** Of this process and no other that lives: the pod's name, which its next container may have again. */
  readonly identity: string;
  /** How long others leave a lease alone that has not been renewed; 15,000. */
  readonly leaseMs?: number | undefined;
  /** How often it is renewed; 5,000. */
  readonly renewMs?: number | undefined;
  /** When a leader that cannot renew stops; 10,000. What is left of `leaseMs` is the time its work has to end. */
  readonly renewDeadlineMs?: number | undefined;
  /** How often a candidate looks, and a failed call is tried again; 2,000. */
  readonly retryMs?: number | undefined;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Resolves after `ms`, or with the signal. Never rejects. */
  readonly wait: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Wall clock, for people. */
  readonly date?: (() => Date) | undefined;
  /** The work. Its promise may settle at once or only when the signal is aborted; it is waited for then. */
  readonly onStarted: (signal: AbortSignal) => void | Promise<void>;
  /** After the work has ended. */
  readonly onStopped: () => void | Promise<void>;
  readonly log?: ((event: ElectionEvent) => void) | undefined;
}

type Timing = Record<'leaseMs' | 'renewMs' | 'renewDeadlineMs' | 'retryMs', number>;

/** Tries of a take-over that meets other writers or a busy API server. */
const TAKE_OVER_TRIES = 10;

/** A candidate, and a leader for a while. */
export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  readonly #timing: Timing;
  readonly #keeper: LeaseKeeper;
  readonly #stopping = new AbortController();
  /** Until when we may work without having heard of the lease; undefined while somebody else leads. */
  #validUntil: number | undefined;
  #running: Promise<void> | undefined;

  constructor(options: LeaderElectionOptions) {
    const { leaseMs = 15_000, renewMs = 5000, renewDeadlineMs = 10_000, retryMs = 2000 } = options;
    if (!(renewMs < renewDeadlineMs && renewDeadlineMs < leaseMs)) {
      throw new Error('leader election needs renewMs < renewDeadlineMs < leaseMs');
    }
    this.#options = options;
    this.#timing = { leaseMs, renewMs, renewDeadlineMs, retryMs };
    this.#keeper = new LeaseKeeper({ ...options, leaseMs, date: options.date ?? (() => new Date()) });
  }

  /** By the clock of this very moment: false as soon as another could lead, even if no timer has run yet. */
  get isLeader(): boolean {
    return this.#validUntil !== undefined && this.#options.now() < this.#validUntil;
  }

  /** Who leads, as far as was seen last; '' when nobody does. */
  get leader(): string {
    return this.#keeper.holder;
  }

  /** Becomes a candidate; once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the work, waits for it, and gives the lease back. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /**
   * Takes the lease although it is held (for an uninstall job: nobody may make again what it removes), and resolves once the
   * old leader must have stopped. From then on no other candidate leads for `durationMs`. Not for one that was started.
   */
  async takeOver(durationMs: number): Promise<Result<undefined, ApiFailure>> {
    const { wait } = this.#options;
    const { retryMs } = this.#timing;
    for (let left = TAKE_OVER_TRIES - 1; ; left -= 1) {
      const seized = await this.#keeper.seize(durationMs, retryMs * 2);
      if (seized.ok) {
        await wait(seized.value);
        return ok(undefined);
      }
      this.#tell({ event: 'lease-failed', failure: seized.error });
      if (left === 0 || seized.error.kind === 'forbidden') return seized;
      if (seized.error.kind !== 'conflict') await wait(retryMs);
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const taken = await this.#keeper.take(this.#timing.renewMs);
      if (!taken.ok) this.#tell({ event: 'lease-failed', failure: taken.error });
      if (taken.ok && taken.value !== undefined) await this.#lead(taken.value);
      if (!signal.aborted) await this.#options.wait(this.#timing.retryMs, signal);
    }
  }

  async #lead(taken: Held): Promise<void> {
    this.#tell({ event: 'elected' });
    const work = new AbortController();
    const leaving = new AbortController();
    const leave = (): void => {
      leaving.abort();
    };
    this.#stopping.signal.addEventListener('abort', leave);
    if (this.#stopping.signal.aborted) leave();
    this.#extend(taken);
    const working = this.#work(work.signal, leave);
    let held = await this.#hold(taken, leaving.signal);
    this.#validUntil = undefined;
    work.abort();
    const finished = new AbortController();
    const ended = this.#finish(working).finally(() => {
      finished.abort();
    });
    // Until the work has ended, what is still ours must stay ours.
    if (held) held = await this.#hold(held, finished.signal);
    await ended;
    this.#stopping.signal.removeEventListener('abort', leave);
    if (held) await this.#release(held);
    else this.#tell({ event: 'lost' });
  }

  #extend({ sentAt }: Held): void {
    this.#validUntil = sentAt + this.#timing.renewDeadlineMs;
  }

  async #work(signal: AbortSignal, leave: () => void): Promise<void> {
    // Too long under way: it may be another's by now. Holding it finds the same and ends at once.
    if (!this.isLeader) return;
    try {
      await this.#options.onStarted(signal);
    } catch (error) {
      this.#tell({ event: 'work-threw', error });
      leave();
    }
  }

  async #finish(working: Promise<void>): Promise<void> {
    await working;
    try {
      await this.#options.onStopped();
    } catch (error) {
      this.#tell({ event: 'work-threw', error });
    }
  }

  /** Renews until the signal; yields what is held then, or undefined as soon as it is not sure to be held any more. */
  async #hold(first: Held, until: AbortSignal): Promise<Held | undefined> {
    const { now, wait } = this.#options;
    const { renewMs, renewDeadlineMs, retryMs } = this.#timing;
    const isWorking = this.#validUntil !== undefined;
    let held = first;
    let pause = Math.max(0, first.sentAt + renewMs - now());
    for (;;) {
      const deadline = held.sentAt + renewDeadlineMs;
      await wait(Math.min(pause, Math.max(0, deadline - now())), until);
      if (now() >= deadline) return undefined;
      if (until.aborted) return held;
      const renewed = await this.#renewBefore(deadline, held);
      if (renewed === 'lost') return undefined;
      pause = renewed === 'failed' ? retryMs : renewMs;
      if (renewed === 'failed') continue;
      held = renewed;
      if (isWorking) this.#extend(held);
    }
  }

  /** However long a call hangs, at the deadline it is given up and the lease with it. */
  async #renewBefore(deadline: number, held: Held): Promise<Held | 'lost' | 'failed'> {
    const { now, wait } = this.#options;
    const answered = new AbortController();
    const timeoutMs = Math.max(1, Math.min(this.#timing.renewMs, deadline - now()));
    const renewed = await Promise.race([
      this.#keeper.renew(held, timeoutMs),
      wait(deadline - now(), answered.signal),
    ]);
    // Not before the race is decided: the timer that is called off would win it.
    answered.abort();
    if (renewed === undefined) return 'lost';
    if (renewed.ok) return renewed.value;
    if (renewed.error.kind === 'lost') return 'lost';
    this.#tell({ event: 'lease-failed', failure: renewed.error.failure });
    return 'failed';
  }

  async #release(held: Held): Promise<void> {
    const released = await this.#keeper.release(held, this.#timing.renewMs);
    if (released.ok) this.#tell({ event: 'released' });
    else this.#tell({ event: 'lease-failed', failure: released.error });
  }

  #tell(event: ElectionEvent): void {
    try {
      this.#options.log?.(event);
    } catch {
      // Telling of a trouble must not become one.
    }
  }
}
