// Node reports and order book: what is remembered of agents and endpoints, and what another order or another leader changes of it.
import { describe, expect, it } from 'vitest';
import { NodeOrderBook } from '../../src/controller/nodes/node-order-book.ts';
import { keepNode, keepState, printState } from '../../src/controller/nodes/node-record.ts';
import type { StateRecord } from '../../src/controller/nodes/node-record.ts';
import { NodeReports } from '../../src/controller/nodes/node-reports.ts';
import { NodeTargets } from '../../src/controller/nodes/node-targets.ts';
import type { HealthStatus } from '../../src/domain/health.ts';
import type { NodeWanted } from '../../src/nodes/data/wanted.ts';
import { makeMirror, makeNodePolicy, makeSet } from '../support/make.ts';

const RUNTIME = { name: 'containerd', version: '2.1.9' } as const;
const SET = makeSet('fra.example', [makeMirror('ams.example', { source: 'SameAsUpstream' })], {
  name: 'fra',
  nodes: makeNodePolicy(),
});

function bookWith(health: Readonly<Record<string, HealthStatus>>, since = 0): NodeOrderBook {
  return new NodeOrderBook({
    healthOf: ({ host }) => ({ status: health[host] ?? 'unknown', since }),
  });
}

function targets(order: NodeOrderBook): NodeTargets {
  return new NodeTargets('ns/rf', [SET], order);
}

function wantedBy(order: NodeOrderBook, present?: NodeWanted): NodeWanted {
  order.update([SET], present === undefined ? [] : [present], 1_000);
  return targets(order).targetOf({}, RUNTIME, present).wanted;
}

const WANTED = wantedBy(bookWith({ 'fra.example': 'up', 'ams.example': 'up' }));
const FLIPPED = wantedBy(bookWith({ 'fra.example': 'down', 'ams.example': 'up' }));

function stateWith(wanted: NodeWanted, generation: number, status: object = {}): StateRecord {
  const object = printState('ns', 'n1', wanted, false);
  const record = keepState({ ...object, metadata: { ...object.metadata, uid: 'u', generation }, status });
  if (record === undefined) throw new Error('no record');
  return record;
}

function said(generation: number, revision: string, state: string): object {
  return { observedGeneration: generation, observedRevision: revision, state, message: 'why. ' };
}

function follow(...states: readonly StateRecord[]) {
  const reports = new NodeReports();
  let now = 0;
  let last: StateRecord | undefined;
  for (const state of states) {
    now += 1_000;
    reports.update(new Map([['n1', state]]), now, { notReady: new Set(), gateMs: 30_000 });
    last = state;
  }
  return last === undefined ? undefined : reports.reportOf(last, now);
}

const OTHER = { ...WANTED, revision: 'ffffffffffffffff' };

describe('NodeReports', () => {
  it.each([
    ['nothing was said', [stateWith(WANTED, 1)], { kind: 'Silent', forMs: 0 }],
    [
      'it is done',
      [stateWith(WANTED, 1), stateWith(WANTED, 1, said(1, WANTED.revision, 'UpToDate'))],
      { kind: 'Done', forMs: 0 },
    ],
    [
      'another order came since',
      [
        stateWith(WANTED, 1, said(1, WANTED.revision, 'UpToDate')),
        stateWith(FLIPPED, 2, said(1, WANTED.revision, 'UpToDate')),
      ],
      { kind: 'Done', forMs: 1_000 },
    ],
    [
      'the revision came, went and came again unseen',
      [
        stateWith(OTHER, 2, said(1, WANTED.revision, 'UpToDate')),
        stateWith(WANTED, 3, said(1, WANTED.revision, 'UpToDate')),
      ],
      { kind: 'Silent', forMs: 0 },
    ],
    [
      'it failed',
      [stateWith(WANTED, 1, said(1, WANTED.revision, 'Failed'))],
      { kind: 'Failed', message: 'why' },
    ],
    [
      'it was refused',
      [stateWith(WANTED, 1, said(1, WANTED.revision, 'Refused'))],
      { kind: 'Failed', message: 'why' },
    ],
    [
      'it tells of another revision',
      [stateWith(WANTED, 1, said(1, 'x', 'UpToDate'))],
      { kind: 'Silent', forMs: 0 },
    ],
    [
      'it has restored what was to be applied',
      [stateWith(WANTED, 1, said(1, WANTED.revision, 'Restored'))],
      { kind: 'Silent', forMs: 0 },
    ],
  ])('when %s', (_name, states, report) => {
    expect(follow(...states)).toEqual(report);
  });
});

describe('NodeOrderBook and NodeTargets', () => {
  it('puts the same revision in another order during an outage', () => {
    expect(WANTED.hosts[0]?.order).toEqual(['fra.example', 'ams.example']);
    expect(FLIPPED.hosts[0]?.order).toEqual(['ams.example', 'fra.example']);
    expect(FLIPPED.revision).toBe(WANTED.revision);
  });

  it('leaves the order of what nothing is known of, and of what is declared no more', () => {
    const unknown = bookWith({});
    expect(wantedBy(unknown, FLIPPED).hosts).toEqual(FLIPPED.hosts);
    expect(wantedBy(bookWith({})).hosts).toEqual(WANTED.hosts);
    const other = bookWith({ 'fra.example': 'up', 'ams.example': 'up' });
    other.update([], [FLIPPED], 1_000_000);
    expect(targets(other).reorder(FLIPPED)).toEqual(FLIPPED);
  });

  it('lets an upstream that was found late wait for its 30 s', () => {
    const book = bookWith({ 'fra.example': 'up', 'ams.example': 'up' }, 500);
    expect(wantedBy(book, FLIPPED).hosts).toEqual(FLIPPED.hosts);
    expect(book.backInMs).toBe(29_500);
    book.update([SET], [FLIPPED], 30_500);
    expect(targets(book).reorder(FLIPPED).hosts).toEqual(WANTED.hosts);
    expect(book.backInMs).toBeUndefined();
  });
});

describe('keepNode and keepState', () => {
  it('trust nothing to have a shape', () => {
    const odd = {
      metadata: { name: 'n', uid: 'u' },
      spec: 7,
      status: { conditions: 'x', order: [1], nodeInfo: [] },
    };
    expect(keepNode(odd)).toMatchObject({
      isReady: false,
      runtime: { obstacle: expect.stringContaining('has not named its runtime') as string },
    });
    expect(keepState(odd)).toMatchObject({ wanted: undefined, status: { generation: 0, state: '' } });
  });

  it('write nothing for a Windows node, where no agent runs that could report', () => {
    const nodeInfo = { operatingSystem: 'windows', containerRuntimeVersion: 'containerd://2.1.9' };
    expect(keepNode({ metadata: { name: 'win' }, status: { nodeInfo } }).runtime).toEqual({
      obstacle: expect.stringContaining('kubernetes.io/os: linux') as string,
    });
    const linux = { ...nodeInfo, operatingSystem: 'linux' };
    expect(keepNode({ metadata: { name: 'n' }, status: { nodeInfo: linux } }).runtime).toEqual({
      name: 'containerd',
      version: '2.1.9',
    });
  });

  it('know of a credential that has not reached its node, and pass over what was known before', () => {
    const leftOut = (reason: string): object => ({ prefix: 'p', reason, message: `${reason} is so.` });
    const state = keepState({
      metadata: { name: 'n', uid: 'u' },
      status: { leftOut: [leftOut('CredentialNotSent'), leftOut('NoNodeCredential')] },
    });
    expect(state?.status.troubles).toEqual(['NoNodeCredential is so']);
  });

  it('know what is in the way on a node, with what to do, and pass over what is only good to know', () => {
    const finding = (code: string, severity: string): object => {
      return { code, severity, message: `${code} is so.`, fix: `Mend ${code}.` };
    };
    const troubles = (status: object): readonly string[] | undefined =>
      keepState({ metadata: { name: 'n', uid: 'u' }, status })?.status.troubles;
    expect(
      troubles({
        conflicts: [{ path: '/etc/x', reason: 'NotOurs', message: 'it is not ours.' }],
        findings: [
          finding('CrioAutoReload', 'info'),
          finding('CrioCertsHidden', 'warning'),
          finding('ContainerdConfigPathEmpty', 'error'),
          finding('CrioEntryReplaced', 'warning'),
        ],
      }),
    ).toEqual([
      '/etc/x: it is not ours',
      'ContainerdConfigPathEmpty is so. Mend ContainerdConfigPathEmpty',
      'CrioEntryReplaced is so. Mend CrioEntryReplaced',
    ]);
    expect(troubles({ findings: [finding('ContainerdDefaultHidden', 'warning')] })).toHaveLength(1);
    expect(troubles({ findings: [finding('CrioCertsHidden', 'warning')] })).toEqual([]);
  });

  it('cuts what an agent has made long', () => {
    const long = 'x'.repeat(1_000_000);
    const state = keepState({
      metadata: { name: 'n', uid: 'u' },
      status: {
        message: long,
        conflicts: Array.from({ length: 1_000 }, () => ({ path: long, message: long })),
        findings: [{ severity: 'error', message: long, fix: long }],
      },
    });
    expect(JSON.stringify([state?.status.message, state?.status.troubles]).length).toBeLessThan(6_000);
  });
});

describe('a CA that cannot be read', () => {
  it('costs its own mirror, not all of a node’s data', () => {
    const pem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    const trust = { pem, sha256: 'a'.repeat(64) };
    const bad = makeMirror('dc1.example', { source: 'SameAsUpstream', trust });
    const order = bookWith({});
    order.update([SET], [], 0);
    const made = new NodeTargets('ns/rf', [{ ...SET, mirrors: [...SET.mirrors, bad] }], order);
    const { wanted, leftOut } = made.targetOf({}, RUNTIME, undefined);
    expect(wanted.hosts[0]?.order).toEqual(['fra.example', 'ams.example']);
    expect(leftOut).toMatchObject([{ endpoint: 'dc1.example', reason: 'CaNotUsable' }]);
  });
});
