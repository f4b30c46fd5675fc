// Canary pods at a real API server, with the chart's own rights and policies: made, judged, removed, and what a rollout makes of it.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { MirrorSet } from '../../../src/domain/mirror-set.ts';
import type { KubeObject } from '../../../src/kubernetes/resource.ts';
import { makeMirror, makeNodePolicy, makeSecret, makeSet } from '../../support/make.ts';
import { pause } from '../../lab/wait.ts';
import { NodeWorld } from './node-world.ts';

function canarySet(over: Partial<MirrorSet> = {}): MirrorSet {
  return makeSet('fra.example/team', [makeMirror('ams.example/team', { source: 'SameAsUpstream' })], {
    name: 'fra',
    canary: { repository: 'canary', tag: '1' },
    upstreamSecret: makeSecret('fra-probe', { 'fra.example': 'robot' }),
    nodes: makeNodePolicy({ wholeHost: true }),
    ...over,
  });
}

let world: NodeWorld;

beforeAll(async () => {
  world = await NodeWorld.open();
});
afterEach(async () => {
  await world.clear();
  await world.endPods();
});
afterAll(() => world.close());

async function canaryPod(): Promise<KubeObject> {
  let pod: KubeObject | undefined;
  await world.untilAsync('a canary pod', async () => {
    [pod] = await world.canaryPods();
    return pod !== undefined;
  });
  if (pod === undefined) throw new Error('no pod');
  return pod;
}

async function start(): Promise<void> {
  for (const name of ['n1', 'n2', 'n3']) await world.makeNode(name);
  world.see('fra.example', 'up');
  world.see('ams.example', 'up');
  world.declare(canarySet());
  world.start();
}

describe('the canary pod', () => {
  it('is pinned to the canary node, and the others follow once its image is there', async () => {
    await start();
    const pod = await canaryPod();
    expect(pod['spec']).toMatchObject({
      nodeName: 'n1',
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      imagePullSecrets: [{ name: 'fra-probe' }],
      containers: [{ image: 'fra.example/team/canary:1', imagePullPolicy: 'Always' }],
    });
    await world.setContainer(pod.metadata.name, { state: { waiting: { reason: 'ContainerCreating' } } });
    await pause(1_500);
    expect(world.states()).toHaveLength(1);
    expect(world.fact()).toMatchObject({ inProgress: 1, waiting: 2 });
    await world.setContainer(pod.metadata.name, {
      imageID: 'sha256:1',
      state: { waiting: { reason: 'RunContainerError', message: 'no such file' } },
    });
    await world.until('all', () => world.fact()?.upToDate === 3);
    expect(await world.canaryPods()).toEqual([]);
  });

  it('that cannot pull stops the rollout, and says why', async () => {
    await start();
    const pod = await canaryPod();
    await world.setContainer(pod.metadata.name, {
      state: { waiting: { reason: 'InvalidImageName', message: 'bad name' } },
    });
    await world.until('the failure', () => world.fact()?.failed === 1);
    expect(world.fact()?.failure).toEqual({
      node: 'n1',
      message:
        'the canary fra.example/team/canary:1 of mirror set fra could not be pulled: InvalidImageName: bad name',
    });
    expect(world.states()).toHaveLength(1);
    expect(await world.canaryPods()).toEqual([]);
  });

  it('is not asked for while the upstream is out: it would say nothing about the node', async () => {
    await start();
    await canaryPod();
    world.see('fra.example', 'down');
    await world.until('all', () => world.fact()?.upToDate === 3);
    await world.untilAsync('the pod to go', async () => (await world.canaryPods()).length === 0);
  });

  it('that an earlier leader has left is removed, and a released revision is not proved again', async () => {
    await start();
    const pod = await canaryPod();
    await world.setContainer(pod.metadata.name, { imageID: 'sha256:1', state: { running: {} } });
    await world.until('all', () => world.fact()?.upToDate === 3);
    await world.endPods();
    await world.stop();
    const { metadata, spec } = pod;
    const left = { metadata: { name: metadata.name, labels: metadata.labels }, spec };
    const path = '/api/v1/namespaces/registry-failover/pods';
    await world.chart.expectDone({ method: 'POST', path, body: left });
    world.start();
    await world.untilAsync('the sweep', async () => (await world.canaryPods()).length === 0);
    await pause(1_000);
    expect(await world.canaryPods()).toEqual([]);
    expect(world.fact()?.upToDate).toBe(3);
  });
});
