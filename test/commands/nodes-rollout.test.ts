// The order of nodes: canaries alone, then so many at once, and what is left alone after a failure.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rollOut } from '../../src/commands/nodes/nodes-rollout.ts';
import type { RolloutPlan } from '../../src/commands/nodes/nodes-rollout.ts';

const PLAN: RolloutPlan = { canary: 1, parallel: 2, keepGoing: false, signal: new AbortController().signal };

interface Trace {
  readonly events: string[];
  most: number;
  readonly results: readonly (string | undefined)[];
}

/** Nodes are letters; a capital one fails. Each takes one turn of the loop. */
async function trace(
  nodes: string,
  plan: Partial<RolloutPlan> = {},
  onBegin?: (node: string) => void,
): Promise<Trace> {
  const events: string[] = [];
  let [now, most] = [0, 0];
  const results = await rollOut(
    nodes.split(''),
    { ...PLAN, ...plan },
    {
      run: async (node, { isCanary }) => {
        events.push(`${isCanary ? '*' : ''}+${node}`);
        onBegin?.(node);
        now += 1;
        most = Math.max(most, now);
        await new Promise((resolve) => setImmediate(resolve));
        now -= 1;
        events.push(`-${node}`);
        return node;
      },
      isGood: (node) => node === node.toLowerCase(),
    },
  );
  return { events, most, results };
}

const none = undefined;

describe('rollOut', () => {
  it.each([
    [
      'does the canary alone, then two at once',
      'abcd',
      {},
      ['*+a', '-a', '+b', '+c', '-b', '+d', '-c', '-d'],
      ['a', 'b', 'c', 'd'],
    ],
    ['touches nothing else when the canary fails', 'Abc', {}, ['*+A', '-A'], ['A', none, none]],
    ['nor then, when told to keep going', 'Abc', { keepGoing: true }, ['*+A', '-A'], ['A', none, none]],
    [
      'does canaries one by one',
      'abc',
      { canary: 2 },
      ['*+a', '-a', '*+b', '-b', '+c', '-c'],
      ['a', 'b', 'c'],
    ],
    [
      'lets those under way finish, and begins no other',
      'aBcd',
      {},
      ['*+a', '-a', '+B', '+c', '-B', '-c'],
      ['a', 'B', 'c', none],
    ],
    [
      'goes on when told to',
      'aBcd',
      { keepGoing: true },
      ['*+a', '-a', '+B', '+c', '-B', '+d', '-c', '-d'],
      ['a', 'B', 'c', 'd'],
    ],
    ['has no canary where none is wanted', 'ab', { canary: 0 }, ['+a', '+b', '-a', '-b'], ['a', 'b']],
    ['calls a single node no canary', 'a', {}, ['+a', '-a'], ['a']],
    ['has nothing to do without nodes', '', { canary: 3 }, [], []],
  ] as const)('%s', async (_, nodes, plan, events, results) => {
    const traced = await trace(nodes, plan);
    expect(traced.events).toEqual(events);
    expect(traced.results).toEqual(results);
  });

  it('begins no further node once it is interrupted', async () => {
    const controller = new AbortController();
    const { results } = await trace('abcd', { signal: controller.signal }, (node) => {
      if (node === 'b') controller.abort();
    });
    expect(results).toEqual(['a', 'b', none, none]);
  });

  it('never has more at once than is allowed, and does every node at most once, all when all go well', async () => {
    const nodes = fc.array(fc.constantFrom('a', 'b', 'C'), { maxLength: 12 }).map((list) => list.join(''));
    await fc.assert(
      fc.asyncProperty(
        nodes,
        fc.nat(4),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        async (list, canary, parallel, keepGoing) => {
          const { events, most, results } = await trace(list, { canary, parallel, keepGoing });
          const begun = events.filter((event) => event.includes('+')).length;
          expect(most).toBeLessThanOrEqual(parallel);
          expect(begun).toBe(results.filter((one) => one !== undefined).length);
          if (!list.includes('C')) expect(begun).toBe(list.length);
        },
      ),
      { numRuns: 50 },
    );
  });
});
