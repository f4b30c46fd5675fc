import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Informer } from '../../../src/kubernetes/cluster-api.ts';
import type { InformerEvent } from '../../../src/kubernetes/informer-event.ts';
import { KubernetesInformers } from '../../../src/kubernetes/informers.ts';
import { CONFIG_MAPS, keyOf } from '../../../src/kubernetes/resource.ts';
import { startApiServer, type RealApiServer } from './api-server.ts';

const NAMESPACES_COUNT = 50;

let real: RealApiServer;
let informers: KubernetesInformers;
const events: InformerEvent[] = [];
beforeAll(async () => {
  // A short history, so that a version can become too old in the time of a test.
  real = await startApiServer({ apiServerFlags: ['--etcd-compaction-interval=2s', '--watch-cache=false'] });
  informers = new KubernetesInformers({
    api: real.api,
    connection: real.connection,
    log: (event) => events.push(event),
  });
  for (let i = 0; i < NAMESPACES_COUNT; i += 1) await real.namespace(`n${i}`);
});
afterAll(async () => {
  await real.stop();
});

function watch(namespace: string | undefined): Informer<string> {
  return informers.watch({
    type: CONFIG_MAPS,
    scope: { namespace },
    keep: ({ data }) => JSON.stringify(data),
  });
}

async function put(namespace: string, name: string, text: string): Promise<void> {
  const applied = await real.api.apply(CONFIG_MAPS, { metadata: { namespace, name }, data: { text } });
  if (!applied.ok) throw new Error(applied.error.message);
}

function eventually(check: () => void, timeout = 60_000): Promise<void> {
  return vi.waitFor(check, { timeout, interval: 10 });
}

describe('informers on a real API server', () => {
  it('see what is made, changed and removed within a second', async () => {
    const informer = watch('n0');
    await informer.synced;
    const sees = async (text: string | undefined): Promise<number> => {
      const began = performance.now();
      await eventually(() => expect(informer.items.get('n0/a')).toBe(text));
      return performance.now() - began;
    };
    const took: number[][] = [];
    for (let round = 0; round < 3; round += 1) {
      await put('n0', 'a', '1');
      const made = await sees('{"text":"1"}');
      await put('n0', 'a', '2');
      const changed = await sees('{"text":"2"}');
      await real.api.remove(CONFIG_MAPS, { namespace: 'n0', name: 'a' });
      took.push([made, changed, await sees(undefined)]);
    }
    // The best of three: the machine may have other work.
    for (const step of [0, 1, 2])
      expect(Math.min(...took.map((round) => round[step] ?? NaN))).toBeLessThan(1000);
    informer.close();
  });

  it('watch 50 namespaces over one connection', async () => {
    const all = Array.from({ length: NAMESPACES_COUNT }, (_, index) => watch(`n${index}`));
    await Promise.all(all.map(({ synced }) => synced));
    await put('n49', 'last', '1');
    await eventually(() => expect(all[49]?.items.size).toBe(1));
    // At most four for calls, one for all watches.
    expect(real.connections()).toBeLessThanOrEqual(5);
    for (const informer of all) informer.close();
  });

  it('go on when the API server was killed and comes back, and make up for what they missed', async () => {
    await put('n1', 'stays', '1');
    await put('n1', 'goes', '1');
    const informer = watch('n1');
    const changes: string[] = [];
    await informer.synced;
    informer.onChange(({ key, before, after }) => changes.push(`${key} ${before ?? ''}->${after ?? ''}`));
    await real.controlPlane.stopApiServer();
    await eventually(() => expect(informer.staleSince).toBeTypeOf('number'));
    expect([...informer.items.keys()].toSorted()).toEqual(['n1/goes', 'n1/stays']);
    await real.controlPlane.startApiServer();
    await put('n1', 'comes', '1');
    await real.api.remove(CONFIG_MAPS, { namespace: 'n1', name: 'goes' });
    await eventually(() => expect([...informer.items.keys()].toSorted()).toEqual(['n1/comes', 'n1/stays']));
    await eventually(() => expect(informer.staleSince).toBeUndefined());
    expect(changes.toSorted()).toEqual(['n1/comes ->{"text":"1"}', 'n1/goes {"text":"1"}->']);
    informer.close();
  });

  it('list again when their version has been compacted away', async () => {
    await put('n2', 'a', '1');
    await put('n2', 'goes', '1');
    const informer = watch('n2');
    await informer.synced;
    await real.controlPlane.stopApiServer();
    await eventually(() => expect(informer.staleSince).toBeTypeOf('number'));
    const from = events.length;
    // History goes on while this informer cannot see it: it must be old before it asks again.
    const away = vi.spyOn(real.connection, 'stream').mockImplementation((_request, listener) => {
      queueMicrotask(() => {
        listener.onEnd('kept away by the test');
      });
      return () => undefined;
    });
    await real.controlPlane.startApiServer();
    await real.api.remove(CONFIG_MAPS, { namespace: 'n2', name: 'goes' });
    for (let i = 2; i < 9; i += 1) {
      await put('n2', 'a', String(i));
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    away.mockRestore();
    await eventually(() => expect([...informer.items]).toEqual([['n2/a', '{"text":"8"}']]));
    await eventually(() => expect(informer.staleSince).toBeUndefined());
    const own = events.slice(from).filter((event) => event.what === 'configmaps in n2');
    expect(own.some((event) => event.event === 'broken' && event.kind === 'expired')).toBe(true);
    expect(own.some(({ event }) => event === 'relisted')).toBe(true);
    informer.close();
  });

  it('watch all namespaces at once', async () => {
    const informer = watch(undefined);
    await informer.synced;
    await put('n3', 'everywhere', '1');
    await eventually(() => expect(informer.items.get('n3/everywhere')).toBe('{"text":"1"}'));
    const listed = await real.api.list(CONFIG_MAPS, {});
    expect(new Set(informer.items.keys())).toEqual(new Set(listed.ok ? listed.value.items.map(keyOf) : []));
    informer.close();
  });
});
