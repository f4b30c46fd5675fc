import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkOrder } from '../../src/agent/order-check.ts';
import { firstsOf, settleOrder, sourcesToAsk } from '../../src/agent/order.ts';
import type { WantedSource } from '../../src/nodes/data/wanted.ts';
import { AMS, DC1, host, source, UPSTREAM, wanted } from './wanted.ts';

const MIRRORS_FIRST = [AMS, DC1, UPSTREAM];
const UPSTREAM_FIRST = [UPSTREAM, AMS, DC1];

interface Row {
  readonly name: string;
  readonly order: readonly string[];
  readonly present: string | undefined;
  readonly silent: readonly string[];
  readonly asked: readonly string[];
  readonly first: string;
}

const ROWS: readonly Row[] = [
  {
    name: 'asks nobody for the upstream first on a new node',
    order: UPSTREAM_FIRST,
    present: undefined,
    silent: [AMS, DC1, UPSTREAM],
    asked: [],
    first: UPSTREAM,
  },
  {
    name: 'asks nobody when nothing changes',
    order: MIRRORS_FIRST,
    present: AMS,
    silent: [AMS, DC1, UPSTREAM],
    asked: [],
    first: AMS,
  },
  {
    name: 'lets a mirror that answers go first',
    order: MIRRORS_FIRST,
    present: UPSTREAM,
    silent: [UPSTREAM],
    asked: [AMS, DC1],
    first: AMS,
  },
  {
    name: 'takes the next mirror when the first is silent',
    order: MIRRORS_FIRST,
    present: UPSTREAM,
    silent: [AMS],
    asked: [AMS, DC1],
    first: DC1,
  },
  {
    name: 'keeps the order when no mirror answers',
    order: MIRRORS_FIRST,
    present: UPSTREAM,
    silent: [AMS, DC1],
    asked: [AMS, DC1],
    first: UPSTREAM,
  },
  {
    name: 'lets no mirror go first on a new node unless it answers',
    order: MIRRORS_FIRST,
    present: undefined,
    silent: [AMS, DC1],
    asked: [AMS, DC1],
    first: UPSTREAM,
  },
  {
    name: 'goes back to an upstream that answers',
    order: UPSTREAM_FIRST,
    present: AMS,
    silent: [],
    asked: [UPSTREAM],
    first: UPSTREAM,
  },
  {
    name: 'stays at the mirror while the upstream is silent from here',
    order: UPSTREAM_FIRST,
    present: AMS,
    silent: [UPSTREAM],
    asked: [UPSTREAM],
    first: AMS,
  },
  {
    name: 'takes what is no source any more for the upstream',
    order: MIRRORS_FIRST,
    present: 'old.example',
    silent: [AMS, DC1],
    asked: [AMS, DC1],
    first: UPSTREAM,
  },
];

describe('settleOrder', () => {
  it.each(ROWS)('$name', ({ order, present, silent, asked, first }) => {
    const data = wanted([host(order)]);
    const known = new Map(present === undefined ? [] : [[UPSTREAM, present]]);
    expect(sourcesToAsk(data, known).map(({ endpoint }) => endpoint)).toEqual(asked);
    const settled = settleOrder(data, known, ({ endpoint }) =>
      silent.includes(endpoint) ? 'silent' : undefined,
    );
    expect(firstsOf(settled.wanted)).toEqual(new Map([[UPSTREAM, first]]));
    expect(settled.unmet).toHaveLength(first === order[0] ? 0 : 1);
  });

  it('says who is silent, why, and what comes first instead', () => {
    const silent = ({ endpoint }: WantedSource): string | undefined =>
      endpoint === DC1 ? undefined : 'no answer within 2000 ms';
    expect(settleOrder(wanted([host(MIRRORS_FIRST)]), new Map(), silent).unmet).toEqual([
      'fra.ocir.io: ams.ocir.io does not answer from this node (no answer within 2000 ms), so dc1.example:5000 comes first',
    ]);
  });

  it('never loses a source, and changes nothing but the order', () => {
    const orders = fc.shuffledSubarray([UPSTREAM, AMS, DC1], { minLength: 3 });
    const answers = fc.subarray([UPSTREAM, AMS, DC1]);
    fc.assert(
      fc.property(
        orders,
        fc.constantFrom(UPSTREAM, AMS, DC1, undefined),
        answers,
        (order, present, answering) => {
          const data = wanted([host(order)]);
          const known = new Map(present === undefined ? [] : [[UPSTREAM, present]]);
          const settled = settleOrder(data, known, ({ endpoint }) =>
            answering.includes(endpoint) ? undefined : 'silent',
          );
          const [after] = settled.wanted.hosts;
          expect(new Set(after?.order)).toEqual(new Set(order));
          expect({ ...settled.wanted, hosts: [{ ...after, order }] }).toEqual(data);
          const first = after?.order[0] ?? '';
          // What comes first was there before, or has answered.
          expect(first === (present ?? UPSTREAM) || answering.includes(first)).toBe(true);
        },
      ),
    );
  });
});

describe('checkOrder', () => {
  it('asks each place once, however many prefixes it serves', async () => {
    const asked: string[] = [];
    const hosts = ['a', 'b', 'c'].map((team) => ({
      prefix: `${UPSTREAM}/${team}`,
      sources: [source(`${UPSTREAM}/${team}`, { role: 'Upstream' }), source(`${AMS}/${team}`)],
      order: [`${AMS}/${team}`, `${UPSTREAM}/${team}`],
    }));
    const settled = await checkOrder(wanted(hosts), new Map(), {
      handshake: ({ endpoint }) => {
        asked.push(endpoint);
        return Promise.resolve(undefined);
      },
      deadlineMs: 1000,
    });
    expect(asked).toHaveLength(1);
    expect(settled).toEqual({ wanted: wanted(hosts), unmet: [] });
  });

  it('asks one registry for each CA that it is to be trusted by', async () => {
    const asked: string[] = [];
    const hosts = ['a', 'b'].map((team) => ({
      prefix: `${UPSTREAM}/${team}`,
      sources: [
        source(`${UPSTREAM}/${team}`, { role: 'Upstream' }),
        source(`${AMS}/${team}`, { caPem: team === 'a' ? 'PEM' : '' }),
      ],
      order: [`${AMS}/${team}`, `${UPSTREAM}/${team}`],
    }));
    const settled = await checkOrder(wanted(hosts), new Map(), {
      handshake: ({ caPem }) => {
        asked.push(caPem);
        return Promise.resolve(caPem === '' ? 'not trusted' : undefined);
      },
      deadlineMs: 1000,
    });
    expect(asked.toSorted()).toEqual(['', 'PEM']);
    expect(settled.wanted.hosts.map(({ order: [first] }) => first)).toEqual([`${AMS}/a`, `${UPSTREAM}/b`]);
  });

  it('counts as silent what there was no time to ask', async () => {
    const settled = await checkOrder(wanted([host(MIRRORS_FIRST)]), new Map(), {
      handshake: () => Promise.resolve(undefined),
      deadlineMs: -1,
    });
    expect(settled.wanted.hosts[0]?.order[0]).toBe(UPSTREAM);
    expect(settled.unmet[0]).toContain('there was no time');
  });

  it('asks nobody while the order is the wanted one', async () => {
    const present = firstsOf(wanted([host(MIRRORS_FIRST)]));
    const handshake = (): never => {
      throw new Error('asked');
    };
    await expect(
      checkOrder(wanted([host(MIRRORS_FIRST)]), present, { handshake, deadlineMs: 1000 }),
    ).resolves.toMatchObject({ unmet: [] });
  });
});
