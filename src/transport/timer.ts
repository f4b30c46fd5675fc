// Timer: the only way in which this folder measures time-outs; it tells when it ran too late to be believed.

/**
 * Calls `fire` once after `ms`, telling how many milliseconds behind time it ran: more than a few, and it is our own loop
 * that was busy and no proof against anybody. Returns the cancel function.
 *
 * Timers run before the sockets of the same turn of the loop are read; `setImmediate` lets an answer that came while the
 * loop was busy be seen before it is judged missing.
 */
export function startTimer(ms: number, fire: (lateByMs: number) => void): () => void {
  const wait = Math.max(0, ms);
  const due = performance.now() + wait;
  let immediate: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    immediate = setImmediate(fire, performance.now() - due);
  }, wait);
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}

/** The promise's value, or `onTimeout()` when `deadlineAt` (performance.now() milliseconds) comes first. */
export function beforeDeadline<T>(promise: Promise<T>, deadlineAt: number, onTimeout: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = startTimer(deadlineAt - performance.now(), () => {
      resolve(onTimeout());
    });
    promise.then(resolve, reject).finally(cancel);
  });
}
