// A clock that moves when a test says so; tasks that fall due run in order, and what they wait for is waited for.
import type { ControllerClock } from '../../src/controller/status-clock.ts';

export class FakeClock implements ControllerClock {
  #now = 1_000;
  /** 2026-05-01T10:00:00Z */
  #wall = Date.UTC(2026, 4, 1, 10);
  readonly #tasks = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wall;
  }

  after(ms: number, run: () => void): () => void {
    const task = { at: this.#now + ms, run };
    this.#tasks.add(task);
    return () => this.#tasks.delete(task);
  }

  /** Tasks that have not been called off and are not due yet. */
  get pending(): number {
    return this.#tasks.size;
  }

  /** Moves the clock, running what falls due in between, each at its time. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const [next] = [...this.#tasks].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#move(next.at);
      this.#tasks.delete(next);
      next.run();
      await settle();
    }
    this.#move(end);
    await settle();
  }

  #move(to: number): void {
    this.#wall += to - this.#now;
    this.#now = to;
  }
}

/** Lets everything run that waits for nothing but other promises. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
