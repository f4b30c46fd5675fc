// Check schedule: what a try of a credential has shown, and when it may be tried again without ever locking an account.
import type { Finding, Outcome } from './outcome.ts';

export type Verdict = 'accepted' | 'refused' | 'unknown';

/** What is known of one credential at one mirror. Times are monotonic milliseconds, but for `since`. */
export interface CheckRecord {
  readonly verdict: Verdict;
  /** When the verdict became so, milliseconds of Unix time. */
  readonly since: number;
  /** The registry's words when it refused, cleaned; else ''. */
  readonly message: string;
  /** Refusals since it was last accepted. */
  readonly refusals: number;
  /** Tries in a row that told nothing. */
  readonly blanks: number;
  readonly triedAt: number;
  readonly dueAt: number;
}

const MINUTE_MS = 60_000;

export const CHECK_LIMITS = {
  /** Between two tries of a credential that is accepted. */
  intervalMs: 30 * MINUTE_MS,
  /** Between any two tries of one credential at one mirror. */
  leastMs: MINUTE_MS,
  /** After the first refusal; doubles with each. Registries lock accounts after some five failed logins in a short time. */
  refusedMs: 5 * MINUTE_MS,
  refusedLongestMs: 6 * 60 * MINUTE_MS,
  /** Tries of one user name at one endpoint, whatever the password, within the window: somebody may be trying passwords out. */
  accountTries: 3,
  accountWindowMs: 10 * MINUTE_MS,
  /** Refusals that one namespace's credentials may earn at one endpoint within the window: registries ban addresses too. */
  namespaceRefusals: 10,
  /** Give or take, of any wait. */
  jitter: 0.1,
} as const;

export function untried(dueAt: number): CheckRecord {
  return {
    verdict: 'unknown',
    since: 0,
    message: '',
    refusals: 0,
    blanks: 0,
    triedAt: -Infinity,
    dueAt,
  };
}

const MEANING: Readonly<Record<Outcome, Verdict>> = {
  available: 'accepted',
  // The registry has looked for it on behalf of the credential.
  missing: 'accepted',
  denied: 'refused',
  throttled: 'unknown',
  failing: 'unknown',
  unreachable: 'unknown',
  slow: 'unknown',
};

/** Doubles with each; 0 for none. */
function doubled(firstMs: number, times: number, longestMs: number): number {
  return times === 0 ? 0 : Math.min(firstMs * 2 ** Math.min(times - 1, 30), longestMs);
}

function waitAfter(record: CheckRecord, retryAfterMs: number): number {
  const { intervalMs, leastMs, refusedMs, refusedLongestMs } = CHECK_LIMITS;
  // A try that told nothing may have been a failed login all the same: what refusals have come to still holds.
  const refused = doubled(refusedMs, record.refusals, refusedLongestMs);
  const blank = doubled(leastMs, record.blanks, intervalMs);
  return Math.max(refused, blank, retryAfterMs, record.refusals + record.blanks === 0 ? intervalMs : leastMs);
}

/** The record after a try. What tells nothing leaves the verdict as it was. */
export function learnFromTry(
  before: CheckRecord,
  finding: Pick<Finding, 'outcome' | 'detail' | 'retryAfterMs'>,
  at: { readonly now: number; readonly wall: number; readonly random: number },
): CheckRecord {
  const meaning = MEANING[finding.outcome];
  const verdict = meaning === 'unknown' ? before.verdict : meaning;
  const counted = {
    unknown: { refusals: before.refusals, blanks: before.blanks + 1, message: before.message },
    accepted: { refusals: 0, blanks: 0, message: '' },
    refused: { refusals: before.refusals + 1, blanks: 0, message: finding.detail ?? '' },
  }[meaning];
  const record: CheckRecord = {
    ...counted,
    verdict,
    since: verdict === before.verdict ? before.since : at.wall,
    triedAt: at.now,
    dueAt: 0,
  };
  const wait = waitAfter(record, finding.retryAfterMs ?? 0);
  const jittered = wait * (1 - CHECK_LIMITS.jitter + 2 * CHECK_LIMITS.jitter * at.random);
  return { ...record, dueAt: at.now + Math.max(jittered, CHECK_LIMITS.leastMs) };
}

/**
 * When an account may be tried next, from when it was tried before (any order). Monotonic milliseconds; in the past when it
 * may be now.
 */
export function accountFreeAt(tries: readonly number[], most: number = CHECK_LIMITS.accountTries): number {
  const { accountWindowMs } = CHECK_LIMITS;
  const last = [...tries].sort((a, b) => b - a)[most - 1];
  return last === undefined ? -Infinity : last + accountWindowMs;
}
