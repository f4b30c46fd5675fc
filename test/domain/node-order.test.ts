// Node order: out at once, back after 30 s, and files that do not flap with a registry that does.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HealthStatus } from '../../src/domain/health.ts';
import { BACK_AFTER_MS, backInMs, demotedBy, nextPlace } from '../../src/domain/node-order.ts';
import type { OrderPlace } from '../../src/domain/node-order.ts';

interface Step {
  /** How long nothing changes before. */
  readonly ms: number;
  readonly health: HealthStatus;
}

/** The places that an endpoint has, looked at after each step; `since` as a health book keeps it. */
function follow(steps: readonly Step[], from?: OrderPlace): { at: number; place: OrderPlace | undefined }[] {
  let [now, since, place]: [number, number, OrderPlace | undefined] = [0, 0, from];
  let status: HealthStatus | undefined;
  return steps.map(({ ms, health }) => {
    now += ms;
    if (health !== status) since = now;
    status = health;
    place = nextPlace(place, { status, since }, now);
    return { at: now, place };
  });
}

const up = (ms: number): Step => ({ ms, health: 'up' });
const down = (ms: number): Step => ({ ms, health: 'down' });
const unknown = (ms: number): Step => ({ ms, health: 'unknown' });

describe('nextPlace', () => {
  it.each<[string, readonly Step[], OrderPlace | undefined]>([
    ['nothing is known of it', [unknown(0)], undefined],
    ['it is up for the first time', [unknown(0), up(1)], 'well'],
    ['it goes down', [up(0), down(1)], 'out'],
    ['it has been back for less than 30 s', [down(0), up(1_000), up(29_999)], 'out'],
    ['it has been back for 30 s', [down(0), up(1_000), up(30_000)], 'well'],
    [
      'it was down again meanwhile',
      [down(0), up(1_000), up(20_000), down(1), up(1), up(15_000), up(14_000)],
      'out',
    ],
    ['nobody knew meanwhile', [down(0), up(1_000), up(20_000), unknown(1), up(1), up(29_000)], 'out'],
    ['it was well and nothing is known any more', [up(0), unknown(1)], 'well'],
  ])('when %s', (_name, steps, place) => {
    expect(follow(steps).at(-1)?.place).toBe(place);
  });

  it('makes who finds an order with it out wait as well', () => {
    expect(follow([unknown(0), up(1), up(29_000)], 'out').map(({ place }) => place)).toEqual([
      'out',
      'out',
      'out',
    ]);
    expect(backInMs('out', { status: 'up', since: 1_000 }, 11_000)).toBe(20_000);
    expect(backInMs('out', { status: 'down', since: 1_000 }, 11_000)).toBeUndefined();
    expect(backInMs('well', { status: 'up', since: 1_000 }, 11_000)).toBeUndefined();
  });

  it('never comes back within 30 s of going out, however a registry comes and goes', () => {
    const step = fc.record({
      ms: fc.integer({ min: 1, max: 40_000 }),
      health: fc.constantFrom<HealthStatus>('up', 'up', 'down', 'unknown'),
    });
    let returns = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 200 }), (steps) => {
        let out = -Infinity;
        let before: OrderPlace | undefined;
        for (const { at, place } of follow(steps)) {
          if (before !== 'out' && place === 'out') out = at;
          if (before === 'out' && place === 'well') {
            returns += 1;
            expect(at - out).toBeGreaterThanOrEqual(BACK_AFTER_MS);
          }
          before = place;
        }
      }),
    );
    expect(returns).toBeGreaterThan(100);
  });

  it('moves once for a registry that comes and goes every 5 s for ten minutes', () => {
    const steps = Array.from({ length: 600 }, (_, second) =>
      Math.floor(second / 5) % 2 === 0 ? up(1_000) : down(1_000),
    );
    const places = follow(steps).map(({ place }) => place);
    expect(places.filter((place, index) => index > 0 && place !== places[index - 1])).toEqual(['out']);
  });
});

describe('demotedBy', () => {
  it.each<[string, string[], string[]]>([
    ['as declared', ['u', 'm1', 'm2'], []],
    ['the upstream last', ['m1', 'm2', 'u'], ['u']],
    ['a mirror behind', ['u', 'm2', 'm1'], ['m1']],
    ['both', ['m2', 'm1', 'u'], ['u', 'm1']],
  ])('%s', (_name, order, demoted) => {
    expect(demotedBy(['u', 'm1', 'm2'], order)).toEqual(demoted);
  });
});
