// Grace: entries that nothing declares any more stay for a moment, for webhooks that have not heard of it yet.
import type { Timers } from './status-clock.ts';

/** Remembers since when each entry of each namespace has been undeclared. */
export class Grace {
  readonly #ms: number;
  readonly #timers: Timers;
  /** Namespace → entry → when it was first found undeclared. */
  readonly #since = new Map<string, ReadonlyMap<string, number>>();

  constructor(ms: number, timers: Timers) {
    this.#ms = ms;
    this.#timers = timers;
  }

  /** One plan of a namespace: what it does not ask about is declared (again), and forgotten. */
  begin(namespace: string): GraceRound {
    return new GraceRound({
      ms: this.#ms,
      now: this.#timers.now(),
      before: this.#since.get(namespace) ?? new Map(),
      onFinish: (since) => {
        if (since.size === 0) this.#since.delete(namespace);
        else this.#since.set(namespace, since);
      },
    });
  }

  forget(namespace: string): void {
    this.#since.delete(namespace);
  }
}

interface RoundOptions {
  readonly ms: number;
  readonly now: number;
  readonly before: ReadonlyMap<string, number>;
  readonly onFinish: (since: ReadonlyMap<string, number>) => void;
}

export class GraceRound {
  readonly #options: RoundOptions;
  readonly #since = new Map<string, number>();

  constructor(options: RoundOptions) {
    this.#options = options;
  }

  /** Must this undeclared entry stay for now? */
  holds(secretName: string, key: string): boolean {
    const { now, ms, before } = this.#options;
    const entry = `${secretName}\n${key}`;
    const since = before.get(entry) ?? now;
    this.#since.set(entry, since);
    return now - since < ms;
  }

  /** Milliseconds until the next one may go; undefined: none is held. */
  finish(): number | undefined {
    const { now, ms, onFinish } = this.#options;
    onFinish(this.#since);
    const due = [...this.#since.values()].map((since) => since + ms - now).filter((left) => left > 0);
    return due.length === 0 ? undefined : Math.min(...due);
  }
}
