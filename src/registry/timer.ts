// Timer: the only way in which this folder measures time-outs; it tells when it ran too late to be believed.

/** A time-out that fires later than this says that our own loop was busy, not that the registry was slow. */
export const LATE_MS = 50;

/**
 * Calls `fire` once after `ms`, with `late` = it ran more than {@link LATE_MS} behind time. Returns the cancel function.
 *
 * Two traps of a busy loop are met here. The loop's clock stands still during a long turn, so a timer may also fire
 * EARLY: then it waits for the rest. And timers run before the sockets of the same turn are read: `setImmediate` lets an
 * answer that is already there be seen first.
 */
export function startTimer(ms: number, fire: (late: boolean) => void): () => void {
  const due = performance.now() + Math.max(0, ms);
  let immediate: NodeJS.Immediate | undefined;
  let timer: NodeJS.Timeout | undefined;
  const arm = (wait: number): void => {
    timer = setTimeout(() => {
      const over = performance.now() - due;
      if (over < -1) arm(-over);
      else immediate = setImmediate(fire, over > LATE_MS);
    }, wait);
  };
  arm(Math.max(0, ms));
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}

/** The promise's value, or `onTimeout(late)` when `deadlineAt` (performance.now() milliseconds) comes first. */
export function beforeDeadline<T>(
  promise: Promise<T>,
  deadlineAt: number,
  onTimeout: (late: boolean) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = startTimer(deadlineAt - performance.now(), (late) => {
      resolve(onTimeout(late));
    });
    promise.then(resolve, reject).finally(cancel);
  });
}
