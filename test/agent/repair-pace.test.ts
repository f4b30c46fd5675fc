import { describe, expect, it } from 'vitest';
import { RepairPace } from '../../src/agent/repair-pace.ts';

describe('RepairPace', () => {
  it('looks at once until something was repaired, then ever later, and at once again after a calm', () => {
    let now = 0;
    const pace = new RepairPace({
      bounds: { firstMs: 1000, maxMs: 4000 },
      calmMs: 10_000,
      random: () => 1,
      now: () => now,
    });
    expect([pace.delayMs(0), pace.delayMs(0)]).toEqual([0, 0]);
    // The change that our own repair is comes back as an event: it counts as none.
    expect([pace.delayMs(1), pace.delayMs(1), pace.delayMs(2), pace.delayMs(3), pace.delayMs(4)]).toEqual([
      1000, 1000, 2000, 4000, 4000,
    ]);
    now = 10_001;
    expect([pace.delayMs(4), pace.delayMs(5)]).toEqual([0, 1000]);
  });
});
