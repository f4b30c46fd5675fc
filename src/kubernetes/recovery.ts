// Recovery: what one informer has learned of the way to the API server, the others need not find out by waiting.

/** Not all in one moment: the API server has just come back. */
const SPREAD_MS = 1000;

/** Wakes those who wait for the API server to be reachable. */
export class Recovery {
  readonly #random: () => number;
  readonly #waiting = new Set<() => void>();

  /** `random`: [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Somebody has got through. */
  announce(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Waits `ms`; with `forServer` at most a second from when somebody gets through. Ends with the signal. Never rejects. */
  pause(ms: number, forServer: boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const due = performance.now() + ms;
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const wake = (): void => {
        clearTimeout(timer);
        timer = setTimeout(finish, Math.min(due - performance.now(), this.#random() * SPREAD_MS));
      };
      let timer = setTimeout(finish, ms);
      if (forServer) this.#waiting.add(wake);
      signal.addEventListener('abort', finish);
    });
  }
}
