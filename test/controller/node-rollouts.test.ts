// Node rollouts without an API server, on a clock of the test: how often they write, what they survive, what they say meanwhile.
import { afterEach, describe, expect, it } from 'vitest';
import { NodeRollouts } from '../../src/controller/nodes/node-rollouts.ts';
import type { HealthStatus } from '../../src/domain/health.ts';
import type { MirrorSet } from '../../src/domain/mirror-set.ts';
import type { KnownNodes } from '../../src/domain/set-status-facts.ts';
import { NODE_MIRROR_STATES, NODES, PODS } from '../../src/kubernetes/resource.ts';
import type { KubeObject } from '../../src/kubernetes/resource.ts';
import type { NodeWanted } from '../../src/nodes/data/wanted.ts';
import { failure, MemoryCluster } from '../support/cluster.ts';
import { makeMirror, makeNodePolicy, makeSecret, makeSet } from '../support/make.ts';
import { FakeClock } from './status-fake-clock.ts';

const INSTALL = { namespace: 'rf', fullname: 'registry-failover' };
const SET = makeSet('fra.example', [makeMirror('ams.example', { source: 'SameAsUpstream' })], {
  name: 'fra',
  nodes: makeNodePolicy(),
});

class Scene {
  readonly cluster = new MemoryCluster();
  readonly clock = new FakeClock();
  readonly problems: string[] = [];
  readonly health = new Map<string, { status: HealthStatus; since: number }>();
  sets: readonly MirrorSet[] = [SET];
  answers = true;
  rounds = 0;
  maxUnavailable = 100;
  /** Nodes whose agents say nothing. */
  readonly silent = new Set(['of-no-node']);
  rollouts: NodeRollouts | undefined;
  #stop = new AbortController();

  constructor(nodes: number) {
    this.cluster.now = () => this.clock.now();
    for (let index = 0; index < nodes; index += 1)
      this.cluster.put(NODES, {
        metadata: { name: `n${index}` },
        status: {
          nodeInfo: { containerRuntimeVersion: 'containerd://2.1.9' },
          conditions: [{ type: 'Ready', status: 'True' }],
        },
      });
    this.see('fra.example', 'up');
    this.see('ams.example', 'up');
    this.cluster.put(NODE_MIRROR_STATES, { metadata: { namespace: INSTALL.namespace, name: 'of-no-node' } });
  }

  start(): NodeRollouts {
    this.#stop = new AbortController();
    this.rollouts = new NodeRollouts({
      api: this.cluster,
      informers: this.cluster,
      install: INSTALL,
      declared: { sets: () => this.sets, onChange: () => () => {} },
      healthOf: ({ host }) => this.health.get(host) ?? { status: 'unknown', since: 0 },
      settings: {
        maxUnavailable: { kind: 'count', nodes: this.maxUnavailable },
        canaries: 1,
        gateMs: 20_000,
        silentMs: 300_000,
      },
      clock: this.clock,
      random: () => 0,
      meter: { nodes: () => (this.rounds += 1) },
      log: {
        did: () => {},
        proved: () => {},
        failed: (_subject, message) => this.problems.push(message),
        threw: (error) => this.problems.push(`threw ${String(error)}`),
      },
      onChange: () => {},
    });
    void this.rollouts.start(this.#stop.signal);
    return this.rollouts;
  }

  stop(): void {
    this.#stop.abort();
  }

  see(host: string, status: HealthStatus): void {
    const before = this.health.get(host);
    if (before?.status !== status) this.health.set(host, { status, since: this.clock.now() });
    this.rollouts?.wake();
  }

  /** Time passes, and agents answer within half a second. */
  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      await this.clock.advance(Math.min(500, left));
      await this.cluster.settle();
      if (this.answers) this.answer();
      await this.cluster.settle();
    }
  }

  setReady(name: string, isReady: boolean): void {
    const status = {
      ...(this.cluster.look(NODES, { name })?.['status'] as object),
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
    };
    this.cluster.put(NODES, { metadata: { name }, status });
  }

  /** Nodes that have an object. */
  given(): readonly string[] {
    return this.states().map(({ metadata }) => metadata.name);
  }

  answer(): void {
    for (const object of this.states()) {
      const { metadata } = object;
      const seen = (object['status'] as { observedGeneration?: number } | undefined)?.observedGeneration;
      if (seen === metadata.generation || this.silent.has(metadata.name)) continue;
      const status = {
        observedGeneration: metadata.generation,
        observedRevision: wantedOf(object).revision,
        state: 'UpToDate',
      };
      this.cluster.put(NODE_MIRROR_STATES, { ...object, status });
    }
  }

  states(): readonly KubeObject[] {
    return this.cluster.all(NODE_MIRROR_STATES);
  }

  get writes(): number {
    return this.cluster.count('apply', NODE_MIRROR_STATES);
  }

  firsts(): readonly (string | undefined)[] {
    return this.states().map((object) => wantedOf(object).hosts[0]?.order[0]);
  }

  fact(): KnownNodes | undefined {
    const [set = SET] = this.sets;
    const fact = this.rollouts?.nodesOf(set);
    return fact?.kind === 'Known' ? fact : undefined;
  }
}

function wantedOf(object: KubeObject): NodeWanted {
  return (object['spec'] as { wanted: NodeWanted }).wanted;
}

let scene: Scene | undefined;

function open(nodes: number): Scene {
  scene = new Scene(nodes);
  scene.start();
  return scene;
}

afterEach(() => {
  scene?.stop();
});

describe('NodeRollouts', () => {
  it('waits for the gate after the canary, gives it to all, and then writes nothing for ten minutes', async () => {
    const { writes } = open(10);
    expect(writes).toBe(0);
    await scene?.advance(20_000);
    expect(scene?.states()).toHaveLength(1);
    await scene?.advance(3_000);
    expect(scene?.fact()).toMatchObject({ matched: 10, upToDate: 10 });
    // The release is written on the canary's object.
    expect(scene?.writes).toBe(11);
    await scene?.advance(600_000);
    expect(scene?.writes).toBe(11);
    expect(scene?.problems).toEqual([]);
  });

  it('says nothing of a set, or of another generation of one, before the nodes have been judged for it', async () => {
    scene = open(3);
    await scene.advance(60_000);
    expect(scene.fact()).toMatchObject({ matched: 3, upToDate: 3 });
    const other = makeSet('other.example', [makeMirror('ams.example', { source: 'SameAsUpstream' })], {
      name: 'other',
      nodes: makeNodePolicy(),
    });
    scene.sets = [{ ...SET, generation: SET.generation + 1 }, other];
    const kinds = () => scene?.sets.map((set) => scene?.rollouts?.nodesOf(set).kind);
    expect(kinds()).toEqual(['NotKnown', 'NotKnown']);
    scene.rollouts?.wake();
    await scene.advance(500);
    expect(kinds()).toEqual(['Known', 'Known']);
    expect(scene.rollouts?.nodesOf(other)).toMatchObject({ upToDate: 0, written: 3 });
  });

  it('takes an object away that is of no node', async () => {
    const one = open(1);
    await one.advance(2_000);
    expect(one.states().map(({ metadata }) => metadata.name)).toEqual(['n0']);
  });

  it('writes one change for a registry that comes and goes every 5 s for ten minutes', async () => {
    const flapping = open(5);
    await flapping.advance(60_000);
    const before = flapping.writes;
    for (let round = 0; round < 60; round += 1) {
      flapping.see('fra.example', 'down');
      await flapping.advance(5_000);
      flapping.see('fra.example', 'up');
      await flapping.advance(5_000);
      expect(new Set(flapping.firsts())).toEqual(new Set(['ams.example']));
    }
    expect(flapping.writes - before).toBe(5);
    await flapping.advance(24_900);
    expect(new Set(flapping.firsts())).toEqual(new Set(['ams.example']));
    await flapping.advance(200);
    expect(new Set(flapping.firsts())).toEqual(new Set(['fra.example']));
    expect(flapping.writes - before).toBe(10);
  });

  it('gives the order of an outage to nodes that wait for their revision too', async () => {
    const waiting = open(3);
    await waiting.advance(60_000);
    waiting.answers = false;
    const other = makeMirror('dc1.example', { source: 'SameAsUpstream' });
    waiting.sets = [{ ...SET, mirrors: [...SET.mirrors, other] }];
    waiting.see('dc1.example', 'up');
    await waiting.advance(5_000);
    waiting.see('fra.example', 'down');
    await waiting.advance(1_000);
    const orders = waiting.states().map((object) => wantedOf(object).hosts[0]?.order.join(' '));
    const before = 'ams.example fra.example';
    expect(orders).toEqual(['ams.example dc1.example fra.example', before, before]);
  });

  it('writes an outage within a second, and at the right time again once the API server is back', async () => {
    const away = open(5);
    await away.advance(60_000);
    away.see('fra.example', 'down');
    await away.advance(1_000);
    expect(new Set(away.firsts())).toEqual(new Set(['ams.example']));
    away.cluster.goAway();
    away.see('fra.example', 'up');
    await away.advance(60_000);
    expect(new Set(away.firsts())).toEqual(new Set(['ams.example']));
    expect(away.problems.length).toBeGreaterThan(0);
    away.cluster.comeBack();
    await away.advance(61_000);
    expect(new Set(away.firsts())).toEqual(new Set(['fra.example']));
  });

  it('gives a canary pod 60 s, says so, and tries it again every two minutes until it has its image', async () => {
    const here = new Scene(3);
    scene = here;
    here.sets = [{ ...SET, canary: { repository: 'team/canary', tag: '1' } }];
    here.start();
    const pods = (): readonly KubeObject[] => here.cluster.all(PODS);
    await here.advance(50_000);
    expect(pods()).toHaveLength(1);
    expect(here.fact()).toMatchObject({ inProgress: 1, failed: 0 });
    await here.advance(15_000);
    expect(pods()).toEqual([]);
    expect(here.fact()?.failure?.message).toMatch(/could not be pulled: not within 60 s$/);
    expect(here.states()).toHaveLength(1);
    await here.advance(100_000);
    expect(pods()).toEqual([]);
    await here.advance(25_000);
    const [pod] = pods();
    if (pod === undefined) throw new Error('it is not tried again');
    const containerStatuses = [{ name: 'canary', imageID: 'sha256:1', state: { running: {} } }];
    here.cluster.put(PODS, { ...pod, status: { containerStatuses } });
    await here.advance(60_000);
    expect(here.fact()).toMatchObject({ upToDate: 3, failed: 0 });
    expect(pods()).toEqual([]);
  });

  it('tells of a node whose runtime may not heed the files, and of one that asks in another order', async () => {
    const told = open(3);
    await told.advance(60_000);
    expect(told.fact()).toMatchObject({ hindered: 0, remarks: [] });
    const [first, second] = told.states();
    if (first === undefined || second === undefined) throw new Error('no states');
    const say = (state: KubeObject, more: object): void => {
      told.cluster.put(NODE_MIRROR_STATES, { ...state, status: { ...(state['status'] as object), ...more } });
    };
    say(first, { findings: [{ code: 'X', severity: 'error', message: 'X is so', fix: 'Mend X' }] });
    say(second, { order: [{ prefix: 'fra.example', first: 'ams.example' }] });
    await told.advance(2_000);
    expect(told.fact()).toMatchObject({
      upToDate: 3,
      hindered: 1,
      remarks: [
        'n0: X is so. Mend X',
        'n1 still asks ams.example before fra.example, which does not answer from there',
      ],
    });
  });

  it('tells at which mirrors nodes log in, for every pod there', async () => {
    const here = new Scene(3);
    scene = here;
    const mirrors = ['ams', 'dc1'].map((name) =>
      makeMirror(`${name}.example`, {
        source: name === 'dc1' ? 'Secret' : 'SameAsUpstream',
        secret: makeSecret('dc1', { 'dc1.example': 'robot' }),
      }),
    );
    const nodes = makeNodePolicy({ credentials: 'NodeAuth' });
    here.sets = [makeSet('fra.example', mirrors, { name: 'fra', nodes })];
    here.start();
    await here.advance(1_000);
    // SameAsUpstream has no credential of the set's own here, so that the pod's is shown.
    expect(here.fact()?.loginsAt).toEqual(['dc1.example']);
  });

  it('says that an object cannot be written, and tries again less and less often', async () => {
    scene = new Scene(3);
    scene.cluster.fault = ({ verb }) =>
      verb === 'apply' ? failure('forbidden', 'no right to patch') : undefined;
    scene.start();
    await scene.advance(300_000);
    expect(scene.fact()?.wait).toEqual({
      node: 'n0',
      message: 'its NodeMirrorState could not be written (no right to patch); it is tried again',
    });
    expect(scene.writes).toBeLessThan(25);
    scene.cluster.fault = () => undefined;
    await scene.advance(120_000);
    expect(scene.fact()?.upToDate).toBe(3);
  });

  it('counts an agent that does not answer for 5 min as failed, and goes on once it does', async () => {
    const silent = open(3);
    silent.answers = false;
    await silent.advance(299_000);
    expect(silent.fact()).toMatchObject({ failed: 0, inProgress: 1 });
    await silent.advance(3_000);
    expect(silent.fact()).toMatchObject({ failed: 1, waiting: 2 });
    expect(silent.fact()?.failure?.message).toContain('does not report');
    silent.answers = true;
    await silent.advance(40_000);
    expect(silent.fact()?.upToDate).toBe(3);
  });

  it('tries no other node while its canary, which died within the gate, is dead, and goes on once it has come back for the gate', async () => {
    scene = open(6);
    await scene.advance(5_000);
    expect(scene.given()).toEqual(['n0']);
    scene.setReady('n0', false);
    await scene.advance(300_000);
    expect(scene.given()).toEqual(['n0']);
    expect(scene.fact()?.failure?.message).toContain('has stopped being Ready');
    // Another leader does not know how it came to be dead.
    scene.stop();
    scene.start();
    await scene.advance(60_000);
    expect(scene.given()).toEqual(['n0']);
    scene.setReady('n0', true);
    await scene.advance(15_000);
    expect(scene.given()).toEqual(['n0']);
    await scene.advance(15_000);
    expect(scene.given()).toHaveLength(6);
  });

  it('goes on with no further batch while a node that died within the gate is dead', async () => {
    scene = new Scene(6);
    scene.maxUnavailable = 1;
    scene.answers = false;
    scene.start();
    await scene.advance(1_000);
    scene.answer();
    await scene.advance(25_000);
    expect(scene.given()).toEqual(['n0', 'n1']);
    scene.setReady('n1', false);
    scene.answer();
    await scene.advance(300_000);
    expect(scene.given()).toEqual(['n0', 'n1']);
    scene.setReady('n1', true);
    scene.answers = true;
    await scene.advance(60_000);
    expect(scene.given()).toHaveLength(6);
  });

  it('does not blame what it has written for a node that another leader had seen die, nor for its silence about an order', async () => {
    scene = open(3);
    await scene.advance(120_000);
    scene.setReady('n1', false);
    scene.silent.add('n1');
    await scene.advance(5_000);
    expect(scene.fact()).toMatchObject({ upToDate: 3, failure: undefined });
    scene.see('fra.example', 'down');
    await scene.advance(5_000);
    expect(scene.firsts()).toEqual(['ams.example', 'ams.example', 'ams.example']);
    scene.stop();
    scene.start();
    await scene.advance(1_000);
    expect(scene.fact()).toMatchObject({ upToDate: 3, failure: undefined });
    await scene.advance(600_000);
    expect(scene.fact()).toMatchObject({ upToDate: 3, failure: undefined });
  });

  it('does not judge all nodes over and over while a canary that has failed is tried again', async () => {
    scene = new Scene(2);
    scene.sets = [{ ...SET, canary: { repository: 'probe', tag: '1' } }];
    scene.start();
    // A minute without a pull, then two until the next try, which is as long.
    await scene.advance(200_000);
    expect(scene.fact()?.failure?.message).toContain('could not be pulled');
    const before = scene.rounds;
    await scene.advance(30_000);
    expect(scene.cluster.all(PODS)).toHaveLength(1);
    expect(scene.rounds - before).toBeLessThan(5);
  });

  it('knows nothing before it has read, and after it has stopped', async () => {
    scene = new Scene(2);
    const rollouts = scene.start();
    expect(rollouts.nodesOf(SET)).toEqual({ kind: 'NotKnown' });
    await scene.advance(1_000);
    expect(rollouts.isSettled).toBe(true);
    scene.stop();
    await scene.advance(1_000);
    expect(rollouts.nodesOf(SET)).toEqual({ kind: 'NotKnown' });
    expect(scene.cluster.openWatches).toBe(0);
  });
});
