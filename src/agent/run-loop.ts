// Run loop: one run at a time: at once when asked, again after a failure with back-off, and slowly by itself.
import { BackOff, type BackOffBounds } from './back-off.ts';

/** `again`: something is left to be done that only trying again can do. */
export type RunVerdict = 'settled' | 'again';

export interface RunLoopParts {
  /** Never rejects. */
  readonly run: () => Promise<RunVerdict>;
  readonly pollMs: number;
  readonly retry: BackOffBounds;
  /** [0, 1). */
  readonly random: () => number;
}

export class RunLoop {
  readonly #parts: RunLoopParts;
  readonly #backOff: BackOff;
  #timer: NodeJS.Timeout | undefined;
  /** When the next run is due, by performance.now(). */
  #due = Number.POSITIVE_INFINITY;
  #running: Promise<void> | undefined;
  #runningSince: number | undefined;
  #isStopped = false;

  constructor(parts: RunLoopParts) {
    this.#parts = parts;
    this.#backOff = new BackOff(parts.retry, parts.random);
  }

  /** A run within `afterMs`; one that is due earlier anyway is enough. During a run it means one more after it. */
  request(afterMs = 0): void {
    const due = performance.now() + afterMs;
    if (this.#isStopped || due >= this.#due) return;
    this.#due = due;
    if (this.#running === undefined) this.#arm();
  }

  /** What is wanted has changed: what failed before says nothing about it. */
  requestAnew(): void {
    this.#backOff.reset();
    this.request();
  }

  /** Milliseconds that the run under way has taken; 0 without one. */
  busyMs(): number {
    return this.#runningSince === undefined ? 0 : performance.now() - this.#runningSince;
  }

  /** No more runs; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        this.#running = this.#runOnce();
      },
      Math.max(0, this.#due - performance.now()),
    );
  }

  async #runOnce(): Promise<void> {
    this.#due = Number.POSITIVE_INFINITY;
    this.#runningSince = performance.now();
    const verdict = await this.#parts.run();
    this.#runningSince = undefined;
    this.#running = undefined;
    if (this.#isStopped) return;
    if (verdict === 'settled') this.#backOff.reset();
    this.request(verdict === 'settled' ? this.#pollMs() : this.#backOff.next());
    this.#arm();
  }

  /** A tenth earlier or later, so that nodes that started together do not stay together. */
  #pollMs(): number {
    return this.#parts.pollMs * (0.9 + this.#parts.random() * 0.2);
  }
}
