// Random: a seeded generator of its own, so that a run and each case of it can be had again from two numbers.

/** One stream of numbers: mulberry32, enough for choosing, and the same on every machine. */
export class Random {
  #state: number;

  /** Streams of different cases of one seed have nothing to do with each other. */
  constructor(seed: number, stream: number) {
    this.#state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) + Math.imul(stream + 1, 0xc2b2ae35)) >>> 0;
    for (let round = 0; round < 4; round += 1) this.next();
  }

  /** From 0 up to but not including 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from 0 up to but not including `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    const found = list[this.below(list.length)];
    if (found === undefined && list.length === 0) throw new Error('nothing to pick from');
    return found as T;
  }

  /** `count` values made one after the other. */
  several<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, make);
  }

  text(length: number, alphabet: string): string {
    return this.several(length, () => alphabet[this.below(alphabet.length)] ?? '').join('');
  }
}
