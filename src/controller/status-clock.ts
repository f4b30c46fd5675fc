// Status clock: time for what is written down about sets and pods; handed in, so that tests need not wait.

export interface ControllerClock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds of Unix time. */
  wall(): number;
  /** Runs a task once, later; the result calls it off. */
  after(ms: number, task: () => void): () => void;
}

export const SYSTEM_CLOCK: ControllerClock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};
