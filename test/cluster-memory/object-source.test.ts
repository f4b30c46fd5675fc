import { afterEach, describe, expect, it } from 'vitest';
import { ClusterSource } from '../../src/cluster/object-source.ts';
import { parseMirrorSet } from '../../src/config/mirror-set.ts';
import { CONFIG_MAPS, MIRROR_SETS, NAMESPACES, SECRETS } from '../../src/kubernetes/resource.ts';
import { MemoryCluster } from '../support/cluster.ts';

const INSTALL = 'registry-failover';
const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

const open: ClusterSource[] = [];
afterEach(() => {
  for (const source of open.splice(0)) source.close();
});

function mirrorSet(mirror: unknown, over: object = {}): Parameters<MemoryCluster['put']>[1] {
  const credential = { source: 'SameAsUpstream' };
  return {
    metadata: { name: 'ocir', ...over },
    spec: { upstream: { prefix: 'fra.ocir.io' }, mirrors: [{ endpoint: mirror, credential }] },
  };
}

function secret(name: string, text: string, namespace = INSTALL): Parameters<MemoryCluster['put']>[1] {
  const data = { '.dockerconfigjson': Buffer.from(text).toString('base64') };
  return { metadata: { namespace, name }, type: 'kubernetes.io/dockerconfigjson', data };
}

async function start(api: MemoryCluster): Promise<ClusterSource> {
  const source = new ClusterSource({
    informers: api,
    installNamespace: INSTALL,
    parseMirrorSet,
    now: () => performance.now(),
    debounceMs: 5,
  });
  open.push(source);
  await source.synced;
  return source;
}

/** Waits for the next notice. */
function notice(source: ClusterSource): Promise<void> {
  return new Promise((resolve) => {
    const stop = source.onChange(() => {
      stop();
      resolve();
    });
  });
}

function mirrors(source: ClusterSource): unknown {
  return source.current().mirrorSets.map(({ spec }) => spec.mirrors[0]?.endpoint);
}

describe('ClusterSource', () => {
  it('reads sets with their age and origin, namespaces with labels, and the install namespace alone', async () => {
    const api = new MemoryCluster();
    api.put(NAMESPACES, { metadata: { name: 'shop', labels: { tier: 'gold' } } });
    api.put(MIRROR_SETS, mirrorSet('ams.ocir.io', { creationTimestamp: '2026-01-02T03:04:05Z' }));
    api.put(SECRETS, secret('mine', '{"auths":{}}'));
    api.put(SECRETS, secret('theirs', '{"auths":{}}', 'shop'));
    api.put(SECRETS, {
      metadata: { namespace: INSTALL, name: 'opaque' },
      type: 'Opaque',
      data: { k: 'eA==' },
    });
    api.put(SECRETS, { metadata: { namespace: INSTALL, name: 'helm' }, type: 'helm.sh/release.v1' });
    api.put(CONFIG_MAPS, { metadata: { namespace: INSTALL, name: 'ca' }, data: { 'ca.crt': PEM, big: 'x' } });
    const source = await start(api);
    const { mirrorSets, namespaces, secrets, configMaps } = source.current();
    expect(mirrorSets).toMatchObject([
      {
        name: 'ocir',
        generation: 1,
        createdAt: '2026-01-02T03:04:05Z',
        origin: 'registrymirrorset/ocir',
      },
    ]);
    expect(namespaces).toContainEqual({
      name: 'shop',
      labels: { tier: 'gold', 'kubernetes.io/metadata.name': 'shop' },
    });
    // Of what can be no pull secret only the type, so that the problem can say it.
    expect(secrets).toMatchObject([
      { name: 'mine', type: 'kubernetes.io/dockerconfigjson' },
      { name: 'opaque', type: 'Opaque', data: {} },
    ]);
    expect(configMaps).toEqual([{ namespace: INSTALL, name: 'ca', data: { 'ca.crt': PEM, big: '' } }]);
  });

  it('keeps the last valid content of a set that no longer parses, and says what is wrong', async () => {
    const api = new MemoryCluster();
    api.put(MIRROR_SETS, mirrorSet('ams.ocir.io'));
    const source = await start(api);
    api.put(MIRROR_SETS, mirrorSet(7));
    await notice(source);
    expect(mirrors(source)).toEqual(['ams.ocir.io']);
    expect(source.problems()).toMatchObject([
      { path: 'registrymirrorset/ocir spec.mirrors[0].endpoint', set: 'ocir' },
    ]);
    api.put(MIRROR_SETS, mirrorSet('lhr.ocir.io'));
    await notice(source);
    expect([mirrors(source), source.problems()]).toEqual([['lhr.ocir.io'], []]);
  });

  it('gives a new object nothing of what a former one under its name has said', async () => {
    const api = new MemoryCluster();
    api.put(MIRROR_SETS, mirrorSet('ams.ocir.io'));
    const source = await start(api);
    api.goAway();
    api.take(MIRROR_SETS, { name: 'ocir' });
    api.put(MIRROR_SETS, mirrorSet(7));
    api.comeBack();
    await notice(source);
    expect(mirrors(source)).toEqual([]);
  });

  it('tells changes that come together once, and leaves what did not change the same', async () => {
    const api = new MemoryCluster();
    api.put(MIRROR_SETS, mirrorSet('ams.ocir.io'));
    const source = await start(api);
    const before = source.current();
    let notices = 0;
    source.onChange(() => (notices += 1));
    for (const name of ['a', 'b', 'c']) api.put(NAMESPACES, { metadata: { name } });
    await notice(source);
    expect(notices).toBe(1);
    const after = source.current();
    expect(after.namespaces).toHaveLength(3);
    expect(after.mirrorSets).toBe(before.mirrorSets);
    expect(after.secrets).toBe(before.secrets);
  });

  it('is not woken by a status, an annotation or a lock', async () => {
    const api = new MemoryCluster();
    api.put(MIRROR_SETS, mirrorSet('ams.ocir.io'));
    api.put(NAMESPACES, { metadata: { name: 'shop' } });
    const source = await start(api);
    const before = source.current();
    let notices = 0;
    source.onChange(() => (notices += 1));
    api.put(MIRROR_SETS, { ...mirrorSet('ams.ocir.io'), status: { observedGeneration: 1 } });
    api.put(NAMESPACES, { metadata: { name: 'shop', annotations: { a: 'b' } } });
    await api.settle();
    // A real change behind them would be told together with theirs.
    api.put(NAMESPACES, { metadata: { name: 'other' } });
    await notice(source);
    expect(notices).toBe(1);
    expect(source.current().mirrorSets).toBe(before.mirrorSets);
  });

  it('says which derived secrets registries refuse, from the status, without touching the sets', async () => {
    const api = new MemoryCluster();
    api.put(MIRROR_SETS, mirrorSet('ams.ocir.io'));
    const source = await start(api);
    const before = source.current();
    const entry = { namespace: 'shop', secret: 'registry-failover-from-a', endpoint: 'ams.ocir.io' };
    api.put(MIRROR_SETS, { ...mirrorSet('ams.ocir.io'), status: { refused: [entry, 'nonsense', {}] } });
    await notice(source);
    expect(source.refused()).toEqual([entry]);
    expect(source.current()).toBe(before);
  });

  it('goes on from memory while the API server is away, and says since when', async () => {
    const api = new MemoryCluster();
    api.put(MIRROR_SETS, mirrorSet('ams.ocir.io'));
    const source = await start(api);
    expect(source.staleSince).toBeUndefined();
    api.goAway();
    expect(source.staleSince).toBeLessThanOrEqual(performance.now());
    expect(source.watches.every(({ staleSince }) => staleSince !== undefined)).toBe(true);
    expect(mirrors(source)).toEqual(['ams.ocir.io']);
    api.take(MIRROR_SETS, { name: 'ocir' });
    api.comeBack();
    await notice(source);
    expect(mirrors(source)).toEqual([]);
    expect(source.staleSince).toBeUndefined();
  });

  it('counts as stale from the beginning while nothing can be read', async () => {
    const api = new MemoryCluster();
    api.goAway();
    const source = new ClusterSource({
      informers: api,
      installNamespace: INSTALL,
      parseMirrorSet,
      now: () => 42,
    });
    open.push(source);
    expect(source.watches.map(({ staleSince }) => staleSince)).toEqual([42, 42, 42, 42]);
  });

  it('calls the other listeners when one throws', async () => {
    const api = new MemoryCluster();
    const faults: unknown[] = [];
    const source = new ClusterSource({
      informers: api,
      installNamespace: INSTALL,
      parseMirrorSet,
      now: () => 0,
      debounceMs: 1,
      onFault: (error) => faults.push(error),
    });
    open.push(source);
    await source.synced;
    source.onChange(() => {
      throw new Error('a bug');
    });
    const told = notice(source);
    api.put(NAMESPACES, { metadata: { name: 'shop' } });
    await told;
    expect(faults).toHaveLength(1);
  });
});
