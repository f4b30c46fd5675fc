// Alarm: what a loop sleeps on between two rounds, and how long it must sleep when rounds come too fast.

/** setTimeout takes no more than 2^31-1 ms; and a clock that was set is noticed within this time. */
const LONGEST_SLEEP_MS = 3_600_000;

/** A sleep that anybody can end. Rung while nobody sleeps, the next sleep ends at once. */
export class Alarm {
  #wake: (() => void) | undefined;
  #hasRung = false;

  ring(): void {
    this.#hasRung = true;
    this.#wake?.();
  }

  /** Ends with the time (at most an hour), the alarm, or the signal. One sleeper at a time. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#hasRung && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(Math.max(ms, 0), LONGEST_SLEEP_MS));
        const wake = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.#wake = wake;
        signal.addEventListener('abort', wake);
      });
      this.#wake?.();
      this.#wake = undefined;
    }
    this.#hasRung = false;
  }
}

export interface PaceOptions {
  /** Attempts that cost nothing. */
  readonly free: number;
  readonly firstMs: number;
  readonly longestMs: number;
  /** After so long without an attempt everything is forgotten. */
  readonly quietMs: number;
}

/** Attempts on the way to something that works, or a quarrel with somebody who writes the same: both must slow down. */
export class Pace {
  readonly #options: PaceOptions;
  readonly #random: () => number;
  #attempts = 0;
  #lastAt = -Infinity;

  constructor(options: PaceOptions, random: () => number) {
    this.#options = options;
    this.#random = random;
  }

  /** How long to wait before the attempt that is due now, milliseconds; counts it. */
  next(now: number): number {
    const { free, firstMs, longestMs, quietMs } = this.#options;
    // The wait itself is no quiet.
    if (now - this.#lastAt > quietMs + longestMs) this.#attempts = 0;
    this.#attempts += 1;
    this.#lastAt = now;
    const beyond = this.#attempts - free;
    if (beyond <= 0) return 0;
    const delay = Math.min(firstMs * 2 ** Math.min(beyond - 1, 30), longestMs);
    return delay * (0.8 + 0.4 * this.#random());
  }
}
