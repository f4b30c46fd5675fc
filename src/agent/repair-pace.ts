// Repair pace: how soon a change in our folders is looked at, so that no fight over a file, with another tool or with a node that refuses it, becomes a hot one.
import { BackOff } from './back-off.ts';

export interface RepairPaceParts {
  /** Of the wait after the first repair, and of any. */
  readonly bounds: { readonly firstMs: number; readonly maxMs: number };
  /** After this long without a repair the next one is made at once again. */
  readonly calmMs: number;
  readonly random: () => number;
  /** Milliseconds of any origin. */
  readonly now: () => number;
}

/** Another tool that writes our files again and again is repaired ever more rarely: nobody wins such a fight. A run that fails is one too. */
export class RepairPace {
  readonly #parts: RepairPaceParts;
  readonly #backOff: BackOff;
  #seen = 0;
  #seenAt: number;
  #delayMs = 0;

  constructor(parts: RepairPaceParts) {
    this.#parts = parts;
    this.#backOff = new BackOff(parts.bounds, parts.random);
    this.#seenAt = parts.now();
  }

  /** How long to wait before the next look, when so many repairs were made, or failed, up to now. */
  delayMs(repairs: number): number {
    const now = this.#parts.now();
    if (now - this.#seenAt > this.#parts.calmMs) {
      this.#backOff.reset();
      this.#delayMs = 0;
    }
    if (repairs !== this.#seen) {
      this.#seen = repairs;
      this.#seenAt = now;
      this.#delayMs = this.#backOff.next();
    }
    return this.#delayMs;
  }
}
