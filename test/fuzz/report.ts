// Report: counts what was tried, keeps the first failures of each kind, and says it all at the end.
import type { Failure } from './checks.ts';

/** Further failures of a kind are counted only: the first ones are what one looks at. */
const SHOWN_PER_CHECK = 3;

export interface Found extends Failure {
  /** How to have this case again: seed and number, scene, file. */
  readonly where: string;
}

export class Report {
  readonly #counts = new Map<string, number>();
  readonly #failures = new Map<string, { count: number; readonly shown: Found[] }>();

  count(what: string, by = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by);
  }

  /** Is another failure of this kind still worth being made small? */
  wants(check: string): boolean {
    return (this.#failures.get(check)?.shown.length ?? 0) < SHOWN_PER_CHECK;
  }

  fail(found: Found): void {
    const entry = this.#failures.get(found.check) ?? { count: 0, shown: [] };
    this.#failures.set(found.check, entry);
    entry.count += 1;
    if (entry.shown.length < SHOWN_PER_CHECK) entry.shown.push(found);
  }

  /** Failures so far. */
  get failed(): number {
    return [...this.#failures.values()].reduce((sum, { count }) => sum + count, 0);
  }

  print(write: (line: string) => void): void {
    for (const [what, count] of this.#counts) write(`${String(count).padStart(9)}  ${what}`);
    for (const [check, { count, shown }] of this.#failures) {
      write(`\nFAILED ${check}: ${count} time(s)`);
      for (const { detail, where } of shown) write(`  ${where}\n    ${detail.replaceAll('\n', '\n    ')}`);
    }
  }
}
