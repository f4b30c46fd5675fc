// Recreation: does an owner delete its rewritten pods young and make them again, over and over? A pure count per owner.

/** A pod that is deleted at this age or below is deleted young, milliseconds. */
export const YOUNG_MS = 60_000;
/** Rounds further apart than this are two stories. */
export const WINDOW_MS = 5 * 60_000;
/** Rounds within the window that make it a habit. */
export const ROUNDS = 3;

/** What is known of one owner. Times are milliseconds on the caller's monotonic clock. */
export interface RecreationState {
  /** Young pods that went and have not been made again. */
  readonly missing: readonly number[];
  /** When pods were made in place of those. */
  readonly rounds: readonly number[];
}

export const NO_RECREATION: RecreationState = { missing: [], rounds: [] };

/** More tells nothing more. */
const MAX_KEPT = 16;

function recent(times: readonly number[], now: number): number[] {
  return times.filter((time) => now - time <= WINDOW_MS).slice(-MAX_KEPT);
}

/** A rewritten pod of the owner has been deleted at this age (milliseconds). */
export function podDeleted(state: RecreationState, ageMs: number, now: number): RecreationState {
  const [missing, rounds] = [recent(state.missing, now), recent(state.rounds, now)];
  return { missing: ageMs <= YOUNG_MS ? [...missing, now].slice(-MAX_KEPT) : missing, rounds };
}

/**
 * The owner has made a rewritten pod. Only that closes a round: whoever scales down, or rolls out anew, deletes young pods
 * too, but does not make them again.
 */
export function podMade(state: RecreationState, now: number): RecreationState {
  const [missing, rounds] = [recent(state.missing, now), recent(state.rounds, now)];
  if (missing.length === 0) return { missing, rounds };
  return { missing: missing.slice(1), rounds: [...rounds, now].slice(-MAX_KEPT) };
}

/** Is it a habit by now? */
export function isHabit(state: RecreationState, now: number): boolean {
  return recent(state.rounds, now).length >= ROUNDS;
}

/** Nothing is left that could still count. */
export function isForgotten(state: RecreationState, now: number): boolean {
  return recent(state.missing, now).length === 0 && recent(state.rounds, now).length === 0;
}
