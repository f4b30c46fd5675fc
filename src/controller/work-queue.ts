// Work queue: keys to be worked on, each once at a time, a few at once, and again later when that fails.
import type { Timers } from './status-clock.ts';

/** What came of one run. `later`: all is well, look again after that time. `failed`: try again, each time later. */
export type WorkResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'later'; readonly ms: number }
  /** `retryAfterMs`: not before that, when the API server has said so. */
  | { readonly kind: 'failed'; readonly retryAfterMs: number | undefined };

export interface WorkQueueOptions {
  /** What it throws is reported, and counts as failed. */
  readonly work: (key: string) => Promise<WorkResult>;
  readonly onEnd: (key: string, result: WorkResult['kind'] | 'threw', error?: unknown) => void;
  readonly timers: Timers;
  /** At least 0, below 1. */
  readonly random: () => number;
  /** Keys at once. */
  readonly concurrency?: number | undefined;
}

const CONCURRENCY = 8;
const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 60_000;
/** A key may run this often in a row, then once a second: somebody who undoes our work at once must not keep us busy. */
const BURST = 10;
const PACE_MS = 1_000;
/** What was added during a run is often that run's own doing, told piece by piece: time for the last piece to come in. */
const REST_MS = 50;

/** `all`: one of many that are added at once, for which others need not wait. */
export type Urgency = 'one' | 'all';

/** Doubles from 0.2 s to 60 s, less up to half of it by chance, so that what failed together does not come back together. */
export function backoffMs(failures: number, random: () => number): number {
  const whole = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 30));
  return whole * (1 - random() / 2);
}

interface Pending {
  readonly at: number;
  readonly cancel: () => void;
}

/** A key that is added while it waits is not added twice; one that is added while it runs runs once more. */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  /** Ready to run, each in order; nothing of `all` starts while there is a `one`. */
  readonly #ready: Readonly<Record<Urgency, Set<string>>> = { one: new Set(), all: new Set() };
  readonly #waiting = new Map<string, Pending>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #addedMeanwhile = new Set<string>();
  readonly #failures = new Map<string, number>();
  /** Per key: the time up to which its runs are used up, one PACE_MS each (the generic cell rate algorithm). */
  readonly #usedUpTo = new Map<string, number>();
  #isClosed = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Runs the key soon: at once unless it has run too often of late, also when a retry was due later. */
  add(key: string, urgency: Urgency = 'one'): void {
    if (this.#isClosed || this.#ready.one.has(key)) return;
    if (this.#running.has(key)) {
      this.#addedMeanwhile.add(key);
      return;
    }
    const wait = this.#paceMs(key);
    if (wait > 0) this.#addAfter(key, wait);
    else this.#makeReady(key, urgency);
  }

  /** No key starts any more. Resolves when those that run have ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#ready.one.clear();
    this.#ready.all.clear();
    for (const { cancel } of this.#waiting.values()) cancel();
    this.#waiting.clear();
    await Promise.all(this.#running.values());
  }

  #paceMs(key: string): number {
    return (this.#usedUpTo.get(key) ?? 0) - BURST * PACE_MS - this.#options.timers.now();
  }

  /** What is due earlier stays. */
  #addAfter(key: string, ms: number): void {
    const at = this.#options.timers.now() + ms;
    const present = this.#waiting.get(key);
    if (present !== undefined && present.at <= at) return;
    present?.cancel();
    const cancel = this.#options.timers.after(ms, () => {
      this.#waiting.delete(key);
      this.#makeReady(key, 'one');
    });
    this.#waiting.set(key, { at, cancel });
  }

  #makeReady(key: string, urgency: Urgency): void {
    this.#waiting.get(key)?.cancel();
    this.#waiting.delete(key);
    if (urgency === 'one') this.#ready.all.delete(key);
    this.#ready[urgency].add(key);
    this.#startReady();
  }

  #startReady(): void {
    const places = this.#options.concurrency ?? CONCURRENCY;
    for (const ready of [this.#ready.one, this.#ready.all]) {
      for (const key of ready) {
        if (this.#isClosed || this.#running.size >= places) return;
        ready.delete(key);
        this.#running.set(key, this.#run(key));
      }
    }
  }

  #useUp(key: string): void {
    const now = this.#options.timers.now();
    this.#usedUpTo.set(key, Math.max(now, this.#usedUpTo.get(key) ?? 0) + PACE_MS);
    // Keys come and go with namespaces; what is rested needs no memory.
    if (this.#usedUpTo.size % 1_024 !== 0) return;
    for (const [other, upTo] of this.#usedUpTo) if (upTo <= now) this.#usedUpTo.delete(other);
  }

  async #run(key: string): Promise<void> {
    this.#useUp(key);
    const result = await this.#work(key);
    this.#running.delete(key);
    if (this.#isClosed) return;
    this.#schedule(key, result);
    this.#startReady();
  }

  async #work(key: string): Promise<WorkResult> {
    const { work, onEnd } = this.#options;
    try {
      // Never in the caller's turn: add() is called by listeners.
      await Promise.resolve();
      const result = await work(key);
      onEnd(key, result.kind);
      return result;
    } catch (error) {
      onEnd(key, 'threw', error);
      return { kind: 'failed', retryAfterMs: undefined };
    }
  }

  #schedule(key: string, result: WorkResult): void {
    if (result.kind === 'failed') {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      this.#addAfter(key, Math.max(backoffMs(failures, this.#options.random), result.retryAfterMs ?? 0));
    } else this.#failures.delete(key);
    if (result.kind === 'later') this.#addAfter(key, result.ms);
    if (this.#addedMeanwhile.delete(key)) this.#addAfter(key, Math.max(REST_MS, this.#paceMs(key)));
  }
}
