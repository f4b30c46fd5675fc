// Cleanup: after it nothing of ours is left in any namespace, but what living pods pull with.
import { beforeEach, describe, expect, it } from 'vitest';
import { cleanUp } from '../../src/controller/cleanup.ts';
import type { CleanUpReport } from '../../src/controller/cleanup.ts';
import { NAMESPACES, PODS, ROLE_BINDINGS, SECRETS } from '../../src/kubernetes/resource.ts';
import { failure, MemoryCluster } from '../support/cluster.ts';
import { makeMirror, makeSecret, makeSet } from '../support/make.ts';
import { INSTALL, makeCredentialScene, OPTED_IN } from './credential-scene.ts';
import { FakeClock, settle } from './status-fake-clock.ts';

const SET = 'registry-failover-set-own';
let cluster: MemoryCluster;
let lines: string[];

beforeEach(async () => {
  cluster = new MemoryCluster();
  lines = [];
  const timers = new FakeClock();
  const scene = makeCredentialScene({ api: cluster, informers: cluster, timers });
  for (const name of ['a', 'b', 'c']) cluster.put(NAMESPACES, { metadata: { name, labels: OPTED_IN } });
  const secret = makeSecret('dc1', { 'dc1.test': 'dc1' });
  scene.sets.declare(
    makeSet('fra.test', [makeMirror('dc1.test', { source: 'Secret', secret })], { name: 'own' }),
  );
  scene.start();
  for (let round = 0; round < 10; round += 1) {
    await cluster.settle();
    await timers.advance(100);
  }
  await scene.stop();
  await settle();
  expect(cluster.all(SECRETS)).toHaveLength(3);
});

function run(signal = new AbortController().signal): Promise<CleanUpReport> {
  return cleanUp({ api: cluster, install: INSTALL, say: (line) => lines.push(line), signal });
}

function pod(namespace: string, name: string, image: string, phase = 'Running'): void {
  cluster.put(PODS, {
    metadata: { namespace, name },
    spec: { containers: [{ name: 'app', image }], imagePullSecrets: [{ name: SET }] },
    status: { phase },
  });
}

describe('cleanUp', () => {
  it('removes every derived secret and every binding, and nothing else', async () => {
    cluster.put(SECRETS, { metadata: { namespace: 'a', name: 'theirs' }, type: 'Opaque' });
    cluster.put(SECRETS, {
      metadata: { namespace: 'a', name: 'registry-failover-theirs' },
      type: 'kubernetes.io/dockerconfigjson',
    });
    cluster.put(ROLE_BINDINGS, { metadata: { namespace: 'a', name: 'theirs' } });
    expect(await run()).toEqual({ removed: 3, kept: [], unfinished: [] });
    expect(cluster.all(SECRETS).map(({ metadata }) => metadata.name)).toEqual([
      'theirs',
      'registry-failover-theirs',
    ]);
    expect(cluster.all(ROLE_BINDINGS).map(({ metadata }) => metadata.name)).toEqual(['theirs']);
    expect(lines).toEqual(['3 derived pull secrets removed, RoleBindings of 3 namespaces.']);
  });

  it('keeps what living pods pull with, says how to remove it later, and takes the bindings all the same', async () => {
    pod('a', 'uses-it', 'dc1.test/app:1');
    pod('b', 'is-done', 'dc1.test/app:1', 'Succeeded');
    pod('c', 'uses-another', 'fra.test/app:1');
    expect(await run()).toEqual({ removed: 2, kept: [`a/${SET}`], unfinished: [] });
    expect(cluster.all(ROLE_BINDINGS)).toEqual([]);
    expect(lines).toContain(`  kubectl delete secret -n a ${SET}`);
  });

  it('goes on from where it was stopped', async () => {
    cluster.fault = ({ verb, namespace }) =>
      verb === 'remove' && namespace === 'b' ? failure('server-error', 'etcd is full') : undefined;
    expect(await run()).toEqual({ removed: 2, kept: [], unfinished: ['b'] });
    expect(lines).toContain('Namespace b is not clean: etcd is full');
    expect(cluster.all(ROLE_BINDINGS, { namespace: 'b' })).toHaveLength(2);
    cluster.fault = () => undefined;
    expect(await run()).toEqual({ removed: 1, kept: [], unfinished: [] });
    expect(await run()).toEqual({ removed: 0, kept: [], unfinished: [] });
    expect(cluster.all(ROLE_BINDINGS)).toEqual([]);
  });

  it('begins nothing new when its time is up', async () => {
    expect(await run(AbortSignal.abort())).toMatchObject({ removed: 0, unfinished: ['a', 'b', 'c'] });
    expect(cluster.all(SECRETS)).toHaveLength(3);
  });

  it('is not held up by a binding that somebody has bent, and says what may be left there', async () => {
    const name = 'registry-failover-controller';
    cluster.take(ROLE_BINDINGS, { namespace: 'b', name });
    cluster.put(ROLE_BINDINGS, {
      metadata: { namespace: 'b', name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'nothing' },
    });
    cluster.fault = ({ type, namespace }) =>
      type === SECRETS && namespace === 'b' ? failure('forbidden', 'no') : undefined;
    expect(await run()).toEqual({ removed: 2, kept: [], unfinished: [] });
    expect(lines).toContain('  kubectl delete secrets -n b -l registry-failover.io/derived=true');
    expect(cluster.all(ROLE_BINDINGS)).toEqual([]);
  });

  it('does not pass over secrets that it is refused although the binding is right', async () => {
    cluster.fault = ({ type, namespace }) =>
      type === SECRETS && namespace === 'b' ? failure('forbidden', 'no') : undefined;
    expect(await run()).toMatchObject({ removed: 2, unfinished: ['b'] });
    expect(cluster.all(ROLE_BINDINGS, { namespace: 'b' })).toHaveLength(2);
  });

  it('says so when it can see nothing', async () => {
    cluster.fault = () => failure('forbidden', 'no');
    expect(await run()).toMatchObject({ unfinished: ['(all)'] });
    expect(lines).toEqual(['Our RoleBindings could not be listed: no']);
  });

  it('never lists secrets but in one namespace', async () => {
    await run();
    const lists = cluster.calls.filter(({ verb, type }) => verb === 'list' && type === SECRETS);
    expect(new Set(lists.map(({ namespace }) => namespace))).toEqual(new Set(['a', 'b', 'c']));
  });
});
