// Status clock: time for all that the controller does later or writes down; handed in, so that tests need not wait.

export interface ControllerClock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds of Unix time. */
  wall(): number;
  /** Runs a task once, later; the result calls it off. */
  after(ms: number, task: () => void): () => void;
}

/** What queues and watches go by. */
export type Timers = Pick<ControllerClock, 'now' | 'after'>;

export const SYSTEM_CLOCK: ControllerClock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};
