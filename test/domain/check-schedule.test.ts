// When a credential is tried again: often enough to be of use, never often enough to lock an account.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountFreeAt, CHECK_LIMITS, learnFromTry, untried } from '../../src/domain/check-schedule.ts';
import type { CheckRecord } from '../../src/domain/check-schedule.ts';
import { OUTCOMES } from '../../src/domain/outcome.ts';
import type { Outcome } from '../../src/domain/outcome.ts';

const MINUTE = 60_000;

/** Tries one after the other, each when it is due; gives the waits in minutes and the last record. */
function tryAll(outcomes: readonly Outcome[]): { waits: number[]; record: CheckRecord } {
  let record = untried(0);
  const waits = outcomes.map((outcome) => {
    const now = record.dueAt;
    record = learnFromTry(record, { outcome, detail: 'words' }, { now, wall: 1_000 + now, random: 0.5 });
    return (record.dueAt - now) / MINUTE;
  });
  return { waits, record };
}

describe('learnFromTry', () => {
  it.each([
    ['available', 'accepted'],
    ['missing', 'accepted'],
    ['denied', 'refused'],
    ['throttled', 'unknown'],
    ['failing', 'unknown'],
    ['unreachable', 'unknown'],
    ['slow', 'unknown'],
  ] as const)('takes %s for %s', (outcome, verdict) => {
    expect(tryAll([outcome]).record.verdict).toBe(verdict);
  });

  it('looks again at what is accepted every half hour', () => {
    expect(tryAll(['available', 'missing', 'available']).waits).toEqual([30, 30, 30]);
  });

  it('backs off doubling from what is refused, to six hours', () => {
    const { waits } = tryAll(Array.from({ length: 9 }, () => 'denied' as const));
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 360, 360]);
  });

  it('begins anew once it was accepted', () => {
    expect(tryAll(['denied', 'denied', 'available', 'denied']).waits).toEqual([5, 10, 30, 5]);
  });

  it('keeps the verdict, its time and its words through what tells nothing', () => {
    const { record } = tryAll(['denied', 'unreachable', 'throttled', 'slow', 'failing']);
    expect(record).toMatchObject({ verdict: 'refused', since: 1_000, message: 'words', refusals: 1 });
    expect(tryAll(['available', 'unreachable']).record.verdict).toBe('accepted');
  });

  it('asks soon after what tells nothing, then slower; not sooner than a refusal allows', () => {
    expect(tryAll(['slow', 'slow', 'slow', 'slow', 'slow', 'slow', 'slow']).waits).toEqual([
      1, 2, 4, 8, 16, 30, 30,
    ]);
    expect(tryAll(['denied', 'denied', 'denied', 'slow']).waits).toEqual([5, 10, 20, 20]);
  });

  it('waits as long as a registry that throttles asks for', () => {
    const at = { now: 0, wall: 0, random: 0.5 };
    const record = learnFromTry(untried(0), { outcome: 'throttled', retryAfterMs: 10 * MINUTE }, at);
    expect(record.dueAt).toBe(10 * MINUTE);
  });

  it('remembers since when it has been refused', () => {
    const { record } = tryAll(['denied', 'denied']);
    expect(record.since).toBe(1_000);
  });
});

describe('accountFreeAt', () => {
  it('allows three tries in ten minutes', () => {
    expect(accountFreeAt([])).toBe(-Infinity);
    expect(accountFreeAt([0, 1])).toBe(-Infinity);
    expect(accountFreeAt([2, 0, 1])).toBe(10 * MINUTE);
    expect(accountFreeAt([2, 0, 1, 10 * MINUTE])).toBe(10 * MINUTE + 1);
  });
});

describe('an account', () => {
  it('is never tried twice within a minute, whatever comes of it', () => {
    const tries = fc.array(
      fc.tuple(fc.constantFrom(...OUTCOMES), fc.double({ min: 0, max: 1, noNaN: true })),
    );
    fc.assert(
      fc.property(tries, (steps) => {
        let record = untried(0);
        for (const [outcome, random] of steps) {
          const now = record.dueAt;
          record = learnFromTry(record, { outcome }, { now, wall: now, random });
          // The sum of a long time and a short one is rounded.
          expect(record.dueAt - now).toBeGreaterThanOrEqual(CHECK_LIMITS.leastMs - 0.001);
          expect(record.dueAt - now).toBeLessThanOrEqual(CHECK_LIMITS.refusedLongestMs * 1.1);
        }
      }),
    );
  });
});
