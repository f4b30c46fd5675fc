// Recreation: what is a habit of deleting rewritten pods, and what is ordinary life.
import { describe, expect, it } from 'vitest';
import {
  isForgotten,
  isHabit,
  NO_RECREATION,
  podDeleted,
  podMade,
  ROUNDS,
  WINDOW_MS,
  YOUNG_MS,
} from '../../src/domain/recreation.ts';
import type { RecreationState } from '../../src/domain/recreation.ts';

/** Each round: a pod of this age goes, and a second later another one is made. */
function rounds(count: number, everyMs: number, ageMs = 5_000): { state: RecreationState; now: number } {
  let state = NO_RECREATION;
  let now = 0;
  for (let round = 0; round < count; round += 1) {
    now += everyMs;
    state = podMade(podDeleted(state, ageMs, now), now + 1_000);
  }
  return { state, now: now + 1_000 };
}

describe('isHabit', () => {
  it('is so after three rounds within five minutes', () => {
    const { state, now } = rounds(ROUNDS, 10_000);
    expect(isHabit(state, now)).toBe(true);
    const fewer = rounds(ROUNDS - 1, 10_000);
    expect(isHabit(fewer.state, fewer.now)).toBe(false);
  });

  it('is not so when the rounds lie far apart', () => {
    const { state, now } = rounds(10, WINDOW_MS / 2 + 1_000);
    expect(isHabit(state, now)).toBe(false);
  });

  it('is not so when the pods were old', () => {
    const { state, now } = rounds(10, 10_000, YOUNG_MS + 1);
    expect(isHabit(state, now)).toBe(false);
  });

  it('is not so when young pods go and are not made again: that is scaling down', () => {
    let state = NO_RECREATION;
    for (let now = 0; now < 20; now += 1) state = podDeleted(state, 1_000, now);
    expect(isHabit(state, 20)).toBe(false);
  });

  it('is not so when many pods are made: that is scaling up', () => {
    let state = podDeleted(NO_RECREATION, 1_000, 0);
    for (let now = 1; now < 20; now += 1) state = podMade(state, now);
    expect(isHabit(state, 20)).toBe(false);
  });

  it('ends with time, and nothing is left', () => {
    const { state, now } = rounds(ROUNDS, 10_000);
    expect(isHabit(state, now + WINDOW_MS)).toBe(false);
    expect(isForgotten(state, now)).toBe(false);
    expect(isForgotten(state, now + WINDOW_MS + 1)).toBe(true);
  });

  it('stays small however long it goes on', () => {
    const { state } = rounds(1_000, 100);
    expect(state.rounds.length + state.missing.length).toBeLessThan(40);
  });
});
