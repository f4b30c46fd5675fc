// Back-off: how long to wait before the next try. Pure but for the dice.

const FIRST_MS = 500;
const MAX_MS = 30_000;

/** Doubles from 0.5 s to 30 s; each wait is between half and all of it, so that many do not come back at one moment. */
export class BackOff {
  readonly #random: () => number;
  #step = FIRST_MS;

  /** `random`: [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** The next wait in milliseconds, at most `max`. */
  next(max: number = MAX_MS): number {
    const ms = Math.min(this.#step, max);
    this.#step = Math.min(this.#step * 2, MAX_MS);
    return ms * (0.5 + this.#random() / 2);
  }

  reset(): void {
    this.#step = FIRST_MS;
  }
}
