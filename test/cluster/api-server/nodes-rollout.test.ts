// Rollouts at a real API server, with the chart's own rights: canary, batches, stop, order, deletion, taking back, a change of leader.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { MirrorSet } from '../../../src/domain/mirror-set.ts';
import { makeMirror, makeNodePolicy, makeSecret, makeSet } from '../../support/make.ts';
import { pause } from '../../lab/wait.ts';
import { NodeWorld } from './node-world.ts';

const FRA_FIRST = 'fra.example ams.example';
const AMS_FIRST = 'ams.example fra.example';

function nodeSet(mirrors: readonly string[] = ['ams.example'], over: Partial<MirrorSet> = {}): MirrorSet {
  return makeSet(
    'fra.example',
    mirrors.map((mirror) => makeMirror(mirror, { source: 'None', mayReceiveUpstreamCredential: true })),
    {
      name: 'fra',
      nodes: makeNodePolicy(),
      ...over,
    },
  );
}

let world: NodeWorld;

async function makeNodes(count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `n${String(index + 1).padStart(2, '0')}`);
  await Promise.all(names.map((name) => world.makeNode(name)));
  return names;
}

/** Everybody has it, and this side has seen it too. */
async function settled(count: number): Promise<void> {
  await world.until(
    `${count} nodes to be up to date`,
    () => world.fact()?.upToDate === count && world.underWay === 0,
  );
}

/** The agents of these nodes look again. */
async function report(nodes: readonly string[]): Promise<void> {
  await Promise.all(nodes.map((node) => world.report(node)));
}

function revisions(): Set<string> {
  return new Set(world.states().map(({ spec }) => spec.wanted.revision));
}

beforeAll(async () => {
  world = await NodeWorld.open();
});
afterEach(() => world.clear());
afterAll(() => world.close());

describe('a rollout', () => {
  it('begins with one of 20 nodes, goes on in batches, and then writes nothing more', async () => {
    await makeNodes(20);
    // Nobody answers by himself but the canary: else a quick agent is done before the next one is told.
    world.fateOf = (node) => (node === 'n01' ? 'UpToDate' : 'silent');
    world.declare(nodeSet());
    const controller = world.start({ kind: 'percent', percent: 15 });
    await world.until('the canary', () => world.states().length === 1);
    expect(world.state('n01')?.spec.wanted).toMatchObject({
      owner: 'registry-failover/registry-failover',
      runtime: { name: 'containerd', version: '2.1.9' },
      action: 'Apply',
      hosts: [{ prefix: 'fra.example', order: ['fra.example', 'ams.example'] }],
    });
    await world.until('the first batch', () => world.states().length >= 4);
    await pause(1_000);
    expect(world.states()).toHaveLength(4);
    world.fateOf = () => 'UpToDate';
    await report(['n02', 'n03', 'n04']);
    await settled(20);
    expect(world.mostUnderWay).toBe(3);
    expect(world.state('n01')?.metadata.annotations?.['registry-failover.io/released']).toBe(
      [...revisions()][0],
    );
    const versions = world.states().map(({ metadata }) => metadata.resourceVersion);
    await pause(1_500);
    expect(world.states().map(({ metadata }) => metadata.resourceVersion)).toEqual(versions);
    expect(world.gauge['up_to_date']).toBe(20);
    expect(controller.problems).toEqual([]);
  });

  it('stops at a canary that fails, and starts anew on another node with another declaration', async () => {
    await makeNodes(20);
    world.fateOf = (node) => (node === 'n01' ? 'Failed' : 'UpToDate');
    world.declare(nodeSet());
    world.start();
    await world.until('the failure', () => world.fact()?.failed === 1);
    await pause(1_500);
    expect(world.states()).toHaveLength(1);
    expect(world.fact()).toMatchObject({
      matched: 20,
      waiting: 19,
      failure: { node: 'n01', message: 'the disk is full' },
    });
    expect(world.fact()?.wait?.message).toContain('stopped after a failure on node n01: the disk is full');
    world.declare(nodeSet(['ams.example', 'dc1.example']));
    await world.until('another canary', () => world.state('n02') !== undefined);
    // n01 is sick: it gets it in its turn, and stops nobody who has it.
    await world.until('the others', () => (world.fact()?.upToDate ?? 0) >= 16);
    expect(world.state('n02')?.metadata.annotations).toHaveProperty(['registry-failover.io/released']);
  });

  it('goes on by itself once the node that failed is well', async () => {
    await makeNodes(4);
    world.fateOf = () => 'Failed';
    world.declare(nodeSet());
    world.start();
    await world.until('the failure', () => world.fact()?.failed === 1);
    world.fateOf = () => 'UpToDate';
    await world.report('n01');
    await settled(4);
  });

  it('tells what cannot be configured, what is not Ready, and what no set selects', async () => {
    await world.makeNode('a');
    await world.makeNode('managed', { labels: { 'cloud.google.com/gke-nodepool': 'x' } });
    await world.makeNode('odd', { runtime: 'docker://24.0' });
    await world.makeNode('late', { ready: false });
    await world.makeNode('other', { labels: { pool: 'other' } });
    const selector = {
      matchLabels: {},
      matchExpressions: [{ key: 'pool', operator: 'DoesNotExist' as const, values: [] }],
    };
    world.declare(nodeSet(['ams.example'], { nodes: makeNodePolicy({ selector }) }));
    world.start();
    await settled(1);
    expect(world.fact()).toMatchObject({ total: 5, matched: 4, notConfigurable: 2, notReady: 1, written: 2 });
    expect(world.fact()?.obstacle?.message).toContain('GKE');
    expect(world.states().map(({ metadata }) => metadata.name)).toEqual(['a']);
    await world.setReady('late', true);
    await settled(2);
    expect(world.gauge).toMatchObject({ up_to_date: 2, not_configurable: 2, not_selected: 1 });
  });
});

describe('an outage', () => {
  it('reaches all nodes at once, whatever maxUnavailable says, and ends after 30 s of health', async () => {
    const names = await makeNodes(20);
    world.declare(nodeSet());
    world.see('fra.example', 'up');
    world.see('ams.example', 'up');
    world.start({ kind: 'count', nodes: 20 });
    await settled(20);
    const before = revisions();
    await world.stop();
    // No agent answers, so that with one node at a time the second would never be told.
    world.fateOf = () => 'silent';
    world.start({ kind: 'count', nodes: 1 });
    const began = performance.now();
    world.see('fra.example', 'down');
    await world.until('every order', () =>
      Object.values(world.orders()).every((order) => order === AMS_FIRST),
    );
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(world.underWay).toBe(20);
    expect(revisions()).toEqual(before);
    world.fateOf = () => 'UpToDate';
    await report(names);
    await settled(20);
    world.see('fra.example', 'up', 20_000);
    await pause(1_000);
    expect(new Set(Object.values(world.orders()))).toEqual(new Set([AMS_FIRST]));
    world.see('fra.example', 'up', 30_001);
    await world.until('the return', () =>
      Object.values(world.orders()).every((order) => order === FRA_FIRST),
    );
  });

  it('reaches nodes that wait for a revision that has stopped', async () => {
    await makeNodes(3);
    world.declare(nodeSet());
    world.see('fra.example', 'up');
    world.see('ams.example', 'up');
    world.start();
    await settled(3);
    world.fateOf = () => 'Failed';
    world.see('dc1.example', 'up');
    world.declare(nodeSet(['ams.example', 'dc1.example']));
    await world.until('the stop', () => world.fact()?.failed === 1);
    world.see('fra.example', 'down');
    await world.until('every order', () =>
      Object.values(world.orders()).every((order) => order.endsWith(' fra.example')),
    );
    const orders = Object.values(world.orders()).sort();
    expect(orders).toEqual(['ams.example dc1.example fra.example', AMS_FIRST, AMS_FIRST]);
  });

  it('is not forgotten by a leader that knows nothing yet', async () => {
    await makeNodes(3);
    world.declare(nodeSet());
    world.see('fra.example', 'down');
    world.see('ams.example', 'up');
    world.start();
    await settled(3);
    expect(new Set(Object.values(world.orders()))).toEqual(new Set([AMS_FIRST]));
    await world.stop();
    const versions = world.states().map(({ metadata }) => metadata.resourceVersion);
    world.see('fra.example', 'unknown');
    world.see('ams.example', 'unknown');
    world.start();
    await settled(3);
    world.see('fra.example', 'up');
    world.see('ams.example', 'up');
    await pause(1_500);
    expect(world.states().map(({ metadata }) => metadata.resourceVersion)).toEqual(versions);
  });
});

describe('what goes', () => {
  it('takes its object along, when it is a node', async () => {
    await makeNodes(2);
    world.declare(nodeSet());
    world.start();
    await settled(2);
    await world.removeNode('n01');
    await world.until('the object to go', () => world.state('n01') === undefined);
    expect(world.state('n02')).toBeDefined();
  });

  it('is taken back on the nodes, canary first, when it is a set', async () => {
    await makeNodes(3);
    world.declare(nodeSet());
    world.start();
    await settled(3);
    world.fateOf = (node) => (node === 'n01' ? 'silent' : 'UpToDate');
    world.declare();
    await world.until('the order to restore', () => world.state('n01')?.spec.wanted.action === 'Restore');
    await pause(1_000);
    expect(
      world
        .states()
        .map(({ spec }) => spec.wanted.action)
        .sort(),
    ).toEqual(['Apply', 'Apply', 'Restore']);
    world.fateOf = () => 'UpToDate';
    await world.report('n01');
    await world.until('all objects to go', () => world.states().length === 0);
  });

  it('comes back as it was when somebody edits or deletes it', async () => {
    await makeNodes(1);
    world.declare(nodeSet());
    world.start();
    await settled(1);
    const before = world.state('n01');
    const spec = JSON.stringify(before?.spec);
    await world.edit('n01', { hosts: [] });
    await world.until('the repair', () => {
      const now = world.state('n01');
      // The edit is one generation, the repair another.
      const isLater = (now?.metadata.generation ?? 0) > (before?.metadata.generation ?? NaN) + 1;
      return isLater && JSON.stringify(now?.spec) === spec;
    });
    const uid = world.state('n01')?.metadata.uid;
    await world.deleteState('n01');
    await world.until('a new one', () => ![undefined, uid].includes(world.state('n01')?.metadata.uid));
  });
});

describe('NodeAuth', () => {
  const auth = (credentials: 'NodeAuth' | 'None') =>
    makeSet(
      'fra.example',
      [makeMirror('ams.example', { source: 'Secret', secret: makeSecret('dc', { 'ams.example': 'robot' }) })],
      { name: 'fra', nodes: makeNodePolicy({ credentials }) },
    );

  it('has its Secret for as long as a node has the mirror', async () => {
    await makeNodes(2);
    world.declare(auth('NodeAuth'));
    world.start();
    await settled(2);
    await world.untilAsync('the Secret', async () => (await world.nodeAuth()) !== undefined);
    expect(await world.nodeAuth()).toEqual({ 'ams.example': 'robot' });
    world.fateOf = () => 'silent';
    world.declare(auth('None'));
    await world.until('the canary', () =>
      world.states().some(({ spec }) => spec.wanted.action !== 'Apply' || spec.wanted.hosts.length === 0),
    );
    await pause(1_000);
    expect(await world.nodeAuth()).toEqual({ 'ams.example': 'robot' });
    world.fateOf = () => 'UpToDate';
    await report(['n01', 'n02']);
    await world.untilAsync('the Secret to go', async () => (await world.nodeAuth()) === undefined);
  });
});
