// Flight: one question on its way, which many pods may wait for, each no longer than the probe timeout.
import type { Finding } from '../domain/outcome.ts';

/** A timer that fires this much late was held up by our own loop: what it says of the registry is void. */
export const LATE_MS = 50;

const SLOW: Finding = {
  outcome: 'slow',
  detail: 'connected, but no answer within the timeout',
  evidence: 'silent',
};
const LATE: Finding = {
  outcome: 'slow',
  detail: 'our own timers ran late; the answer is void',
  evidence: 'none',
};

export interface FlightOptions {
  readonly quickMs: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** The flight has been silent for `quickMs`, by a timer that was on time. Called at most once. */
  readonly onSilent: () => void;
}

export class Flight {
  /** The finding, whenever it comes; bounded by the client's own budget. Never rejects. */
  readonly settled: Promise<Finding>;
  /** The finding, or `slow` once `quickMs` have passed since take-off. Never rejects. */
  readonly quick: Promise<Finding>;
  #silent = false;

  constructor(finding: Promise<Finding>, options: FlightOptions) {
    this.settled = finding;
    const started = options.now();
    this.quick = new Promise((resolve) => {
      const timer = setTimeout(() => {
        const isLate = options.now() - started - options.quickMs > LATE_MS;
        this.#silent = !isLate;
        if (!isLate) options.onSilent();
        resolve(isLate ? LATE : SLOW);
      }, options.quickMs);
      void finding.then((value) => {
        clearTimeout(timer);
        resolve(value);
      });
    });
  }

  /** Has been silent for longer than a pod may wait. */
  get isSilent(): boolean {
    return this.#silent;
  }
}
