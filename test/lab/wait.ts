// Waiting for a condition, bounded in time.

const STEP_MS = 25;

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Asks until the answer is yes. Throws with `what` after `timeoutMs`; what `ask` throws ends the waiting at once. */
export async function waitFor(what: string, timeoutMs: number, ask: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    if (await ask()) return;
    if (performance.now() > until) throw new Error(`waited ${timeoutMs / 1_000} s for ${what}`);
    await pause(STEP_MS);
  }
}
