// Cleanup of nodes: agents are asked to restore and waited for; nobody is waited for for ever, and nothing of ours stays.
import { beforeEach, describe, expect, it } from 'vitest';
import { cleanUpNodes } from '../../src/controller/cleanup-nodes.ts';
import type { NodeCleanUpReport } from '../../src/controller/cleanup-nodes.ts';
import { NODE_MIRROR_STATES, PODS, SECRETS } from '../../src/kubernetes/resource.ts';
import type { KubeObject } from '../../src/kubernetes/resource.ts';
import { DEFAULT_LAYOUT } from '../../src/nodes/node-file.ts';
import type { NodeLayout } from '../../src/nodes/node-file.ts';
import { host, state, wanted } from '../config/node-mirror-state-examples.ts';
import { failure, MemoryCluster } from '../support/cluster.ts';
import { INSTALL } from './credential-scene.ts';

const { namespace } = INSTALL;
let cluster: MemoryCluster;
let lines: string[];
let clock: number;
/** What happens at each poll. */
let meanwhile: (round: number) => void;

beforeEach(() => {
  cluster = new MemoryCluster();
  lines = [];
  clock = 0;
  meanwhile = () => {};
  for (const name of ['n1', 'n2', 'n3']) {
    const draft = state({}, name) as unknown as KubeObject;
    cluster.put(NODE_MIRROR_STATES, { ...draft, metadata: { name, namespace } });
  }
});

const look = (name: string): KubeObject => cluster.look(NODE_MIRROR_STATES, { namespace, name })!;

/** As the node's agent does. */
function report(name: string, status: object): void {
  const object = look(name);
  const { generation } = object.metadata;
  cluster.put(NODE_MIRROR_STATES, {
    ...object,
    metadata: { name, namespace },
    status: { observedGeneration: generation, ...status },
  });
}

function run(
  layout: NodeLayout = DEFAULT_LAYOUT,
  signal = new AbortController().signal,
): Promise<NodeCleanUpReport> {
  let round = 0;
  return cleanUpNodes({
    api: cluster,
    install: INSTALL,
    say: (line) => lines.push(line),
    signal,
    layout,
    patienceMs: 60_000,
    now: () => clock,
    wait: (ms) => {
      clock += ms;
      round += 1;
      meanwhile(round);
      return Promise.resolve();
    },
  });
}

const restored = { state: 'Restored', message: '' };

describe('cleanUpNodes', () => {
  it('asks every agent to restore, waits until all have, and removes what is ours', async () => {
    cluster.put(SECRETS, { metadata: { namespace, name: 'registry-failover-node-auth' } });
    cluster.put(SECRETS, { metadata: { namespace, name: 'theirs' } });
    const labels = { 'registry-failover.io/canary': 'true' };
    cluster.put(PODS, { metadata: { namespace, name: 'canary', labels } });
    cluster.put(PODS, { metadata: { namespace, name: 'theirs' } });
    meanwhile = (round) => {
      if (round === 1)
        expect(look('n1')['spec']).toEqual({ wanted: wanted({ action: 'Restore', hosts: [] }) });
      if (round <= 3) report(`n${round}`, restored);
    };
    expect(await run()).toEqual({ restored: ['n1', 'n2', 'n3'], left: [], failures: [] });
    expect(clock).toBe(3_000);
    expect(cluster.all(NODE_MIRROR_STATES)).toEqual([]);
    expect(cluster.all(SECRETS).map(({ metadata }) => metadata.name)).toEqual(['theirs']);
    expect(cluster.all(PODS).map(({ metadata }) => metadata.name)).toEqual(['theirs']);
    expect(lines.at(-1)).toBe('3 of 3 nodes are as they were.');
  });

  it('waits no longer than its patience, and says who is left, why, and the command for them', async () => {
    meanwhile = (round) => {
      if (round === 1) report('n2', restored);
      if (round === 2) report('n3', { state: 'Failed', message: 'the disk is full' });
    };
    expect(await run()).toEqual({ restored: ['n2'], left: ['n1', 'n3'], failures: [] });
    expect(clock).toBe(60_000);
    expect(lines).toContain('  n1: its agent has not answered');
    expect(lines).toContain('  n3: the disk is full');
    expect(lines.at(-1)).toBe(
      '  registry-failover nodes restore --owner registry-failover/registry-failover --hosts n1,n3',
    );
    expect(cluster.all(NODE_MIRROR_STATES)).toEqual([]);
  });

  it('names folders in the command where they are not the usual ones', async () => {
    await run({
      containersFolder: '/a/c',
      containerdFolder: '/etc/containerd',
      authFile: '/etc/crio/auth.json',
    });
    expect(lines.at(-1)).toContain(
      ' --containers-folder /a/c --auth-file /etc/crio/auth.json --hosts n1,n2,n3',
    );
  });

  it('does not take an answer from before it asked for one', async () => {
    for (const name of ['n1', 'n2', 'n3']) {
      const object = look(name);
      const metadata = { name, namespace };
      cluster.put(NODE_MIRROR_STATES, {
        ...object,
        metadata,
        spec: { wanted: wanted({ hosts: [host('a.io', ['b.io'])] }) },
      });
      report(name, restored);
    }
    expect((await run()).left).toEqual(['n1', 'n2', 'n3']);
  });

  it('goes on at once when nothing is left to restore, a second time too', async () => {
    meanwhile = () => ['n1', 'n2', 'n3'].forEach((name) => report(name, restored));
    await run();
    lines = [];
    clock = 0;
    expect(await run()).toEqual({ restored: [], left: [], failures: [] });
    expect([clock, lines]).toEqual([0, []]);
  });

  it('outlasts an API server that is away for a moment', async () => {
    meanwhile = (round) => {
      if (round === 1) cluster.goAway();
      if (round === 3) cluster.comeBack();
      if (round === 4) ['n1', 'n2', 'n3'].forEach((name) => report(name, restored));
    };
    expect((await run()).restored).toEqual(['n1', 'n2', 'n3']);
  });

  it('takes a node as done that has gone', async () => {
    meanwhile = () => {
      cluster.take(NODE_MIRROR_STATES, { namespace, name: 'n1' });
      for (const name of ['n2', 'n3']) if (look(name)['status'] === undefined) report(name, restored);
    };
    expect((await run()).left).toEqual([]);
  });

  it('says what it may not, and goes on', async () => {
    cluster.fault = ({ verb, name }) =>
      verb === 'patch' && name === 'n2' ? failure('forbidden', 'no') : undefined;
    meanwhile = () => ['n1', 'n3'].forEach((name) => report(name, restored));
    const { left, failures } = await run();
    expect({ left, failures }).toEqual({ left: ['n2'], failures: ['node n2: no'] });
    expect(lines.at(-1)).toBe('Not done: node n2: no');
  });

  it('has nothing to do where there is no such kind of object', async () => {
    cluster.fault = ({ type }) => (type === NODE_MIRROR_STATES ? failure('not-found') : undefined);
    expect(await run()).toEqual({ restored: [], left: [], failures: [] });
  });

  it('is not done when it can see nothing', async () => {
    cluster.fault = () => failure('server-error', 'etcd is full');
    expect(await run()).toEqual({ restored: [], left: [], failures: ['etcd is full'] });
  });

  it('stops waiting when the time for everything is up', async () => {
    const controller = new AbortController();
    meanwhile = () => controller.abort();
    expect((await run(DEFAULT_LAYOUT, controller.signal)).left).toEqual(['n1', 'n2', 'n3']);
    expect(clock).toBe(1_000);
  });
});
