import { describe, expect, it } from 'vitest';
import { BackOff } from '../../src/kubernetes/back-off.ts';

describe('BackOff', () => {
  it('doubles from half a second to half a minute, and starts anew', () => {
    const backOff = new BackOff(() => 1);
    const waits = Array.from({ length: 8 }, () => backOff.next());
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    backOff.reset();
    expect(backOff.next()).toBe(500);
  });

  it('takes at least half of each wait', () => {
    expect(new BackOff(() => 0).next()).toBe(250);
  });

  it('stays under a limit of the caller’s', () => {
    const backOff = new BackOff(() => 1);
    expect(Array.from({ length: 7 }, () => backOff.next(5000)).at(-1)).toBe(5000);
  });
});
