// Back-off: how long to wait before the next try. Pure but for the dice.

export interface BackOffBounds {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Doubles from `firstMs` to `maxMs`; each wait is between half and all of it, so that many do not come back at once. */
export class BackOff {
  readonly #bounds: BackOffBounds;
  readonly #random: () => number;
  #step: number;

  /** `random`: [0, 1). */
  constructor(bounds: BackOffBounds, random: () => number) {
    this.#bounds = bounds;
    this.#random = random;
    this.#step = bounds.firstMs;
  }

  /** The next wait in milliseconds. */
  next(): number {
    const ms = this.#step;
    this.#step = Math.min(this.#step * 2, this.#bounds.maxMs);
    return ms * (0.5 + this.#random() / 2);
  }

  reset(): void {
    this.#step = this.#bounds.firstMs;
  }
}
