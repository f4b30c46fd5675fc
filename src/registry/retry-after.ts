// Retry-After: how long a registry that limits us is not asked again. Pure.

const DEFAULT_MS = 30_000;
/** Below this we would be part of the flood; above it a registry's mistake would keep us away for the day. */
const SHORTEST_MS = 30_000;
const LONGEST_MS = 15 * 60_000;

/** Milliseconds from a Retry-After header (RFC 9110 section 10.2.3: seconds or a date), within 30 s and 15 min. `nowMs` is wall time. */
export function parseRetryAfter(value: string, nowMs: number): number {
  const text = value.trim();
  const wanted = /^\d{1,9}$/u.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Number.isNaN(wanted) ? DEFAULT_MS : wanted));
}

/** Docker Hub's `ratelimit-remaining: 0` or `0;w=21600`: this request still went through, the next pull will not. */
export function isUsedUp(rateLimitRemaining: string): boolean {
  return /^\s*0+\s*(?:;|$)/u.test(rateLimitRemaining);
}
