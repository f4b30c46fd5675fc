// The in-memory cluster is as strict as the API server where tests lean on it.
import { describe, expect, it } from 'vitest';
import { CONFIG_MAPS, MIRROR_SETS, NAMESPACES, SECRETS } from '../../src/kubernetes/resource.ts';
import type { KubeObject } from '../../src/kubernetes/resource.ts';
import { failure, MemoryCluster } from './cluster.ts';

const IDENTITY = { apiVersion: 'v1', kind: 'ConfigMap' };

function configMap(data: Readonly<Record<string, string>>, over: object = {}): KubeObject {
  return { ...IDENTITY, metadata: { namespace: 'shop', name: 'a', ...over }, data };
}

function cluster(): MemoryCluster {
  const made = new MemoryCluster();
  made.put(NAMESPACES, { metadata: { name: 'shop' } });
  return made;
}

describe('MemoryCluster', () => {
  it('refuses a replacement of an older version, and a second creation', async () => {
    const api = cluster();
    const made = await api.create(CONFIG_MAPS, configMap({ x: '1' }));
    expect(made.ok).toBe(true);
    expect(await api.create(CONFIG_MAPS, configMap({}))).toMatchObject({ error: { kind: 'already-exists' } });
    const old = made.ok ? made.value : configMap({});
    expect(await api.replace(CONFIG_MAPS, { ...old, data: { x: '2' } })).toMatchObject({ ok: true });
    expect(await api.replace(CONFIG_MAPS, { ...old, data: { x: '3' } })).toMatchObject({
      error: { kind: 'conflict' },
    });
    expect(await api.create(CONFIG_MAPS, configMap({}, { namespace: 'none' }))).toMatchObject({
      error: { kind: 'not-found' },
    });
  });

  it('takes away by an apply what the last apply has set, and leaves what others have', async () => {
    const api = cluster();
    await api.apply(CONFIG_MAPS, configMap({ ours: '1', gone: '1' }));
    api.put(CONFIG_MAPS, configMap({ ours: '2', gone: '1', theirs: '1' }));
    await api.apply(CONFIG_MAPS, configMap({ ours: '1' }));
    expect(api.look(CONFIG_MAPS, { namespace: 'shop', name: 'a' })?.['data']).toEqual({
      ours: '1',
      theirs: '1',
    });
  });

  it('makes no new version when nothing changes', async () => {
    const api = cluster();
    const first = await api.apply(CONFIG_MAPS, configMap({ x: '1' }));
    expect(await api.apply(CONFIG_MAPS, configMap({ x: '1' }))).toEqual(first);
  });

  it('keeps the status apart, and merges its conditions by type', async () => {
    const api = cluster();
    const identity = { apiVersion: 'registry-failover.io/v1alpha1', kind: 'RegistryMirrorSet' };
    const metadata = { name: 'ocir' };
    api.put(MIRROR_SETS, { metadata, spec: { a: 1 } });
    const status = { conditions: [{ type: 'Valid', status: 'True' }], refused: [{ a: 1 }] };
    await api.apply(MIRROR_SETS, { ...identity, metadata, spec: {}, status }, { subresource: 'status' });
    const other = { conditions: [{ type: 'Ready', status: 'True' }] };
    await api.apply(MIRROR_SETS, { ...identity, metadata, status: other }, { subresource: 'status' });
    expect(api.look(MIRROR_SETS, metadata)).toMatchObject({
      metadata: { generation: 1 },
      spec: { a: 1 },
      status: other,
    });
    expect(api.look(MIRROR_SETS, metadata)?.['status']).toEqual(other);
    api.put(MIRROR_SETS, { metadata, spec: { a: 2 }, status: other });
    expect(api.look(MIRROR_SETS, metadata)?.metadata.generation).toBe(2);
  });

  it('removes only the object that was meant, and waits for finalizers', async () => {
    const api = cluster();
    const { uid } = api.put(SECRETS, {
      metadata: { namespace: 'shop', name: 's', finalizers: ['x'] },
    }).metadata;
    const name = { namespace: 'shop', name: 's' };
    expect(await api.remove(SECRETS, name, { uid: 'another' })).toMatchObject({
      error: { kind: 'conflict' },
    });
    expect(await api.remove(SECRETS, name, { uid })).toMatchObject({ ok: true });
    expect(api.look(SECRETS, name)?.metadata.deletionTimestamp).toBeDefined();
    api.put(SECRETS, { metadata: name });
    expect(api.look(SECRETS, name)).toBeUndefined();
  });

  it('tells informers late, by selector, and the differences after an outage', async () => {
    const api = cluster();
    const scope = { namespace: 'shop', fieldSelector: 'type!=Opaque', labelSelector: 'a in (1, 2),!b' };
    const informer = api.watch({ type: SECRETS, scope, keep: (object) => object.metadata.name });
    const seen: string[] = [];
    informer.onChange(({ before, after }) => void seen.push(`${before}→${after}`));
    await informer.synced;
    const put = (name: string, type: string, labels: Record<string, string>): unknown =>
      api.put(SECRETS, { metadata: { namespace: 'shop', name, labels }, type });
    put('x', 'kubernetes.io/dockercfg', { a: '1' });
    put('y', 'Opaque', { a: '1' });
    put('z', 'kubernetes.io/dockercfg', { a: '1', b: '' });
    expect(seen).toEqual([]);
    await api.settle();
    expect(seen).toEqual(['undefined→x']);
    put('x', 'kubernetes.io/dockercfg', { a: '3' });
    await api.settle();
    put('x', 'kubernetes.io/dockercfg', { a: '2' });
    await api.settle();
    expect(seen).toEqual(['undefined→x', 'x→undefined', 'undefined→x']);
    api.goAway();
    expect(informer.staleSince).toBeDefined();
    expect(await api.get(SECRETS, { namespace: 'shop', name: 'x' })).toMatchObject({
      error: { kind: 'unreachable' },
    });
    api.take(SECRETS, { namespace: 'shop', name: 'x' });
    await api.settle();
    expect([...informer.items.keys()]).toEqual(['shop/x']);
    api.comeBack();
    await api.settle();
    expect(informer.items.size).toBe(0);
    expect(informer.staleSince).toBeUndefined();
  });

  it('shows no more than metadata where that was asked for', async () => {
    const api = cluster();
    api.put(CONFIG_MAPS, configMap({ secret: 'x' }));
    const informer = api.watch({
      type: CONFIG_MAPS,
      scope: { metadataOnly: true },
      keep: (object) => object,
    });
    await informer.synced;
    expect(informer.items.get('shop/a')).not.toHaveProperty('data');
  });

  it('fails calls as it is told', async () => {
    const api = cluster();
    api.fault = ({ verb }) => (verb === 'get' ? failure('forbidden') : undefined);
    expect(await api.get(NAMESPACES, { name: 'shop' })).toMatchObject({ error: { status: 403 } });
    expect(api.count('get', NAMESPACES)).toBe(1);
  });
});
