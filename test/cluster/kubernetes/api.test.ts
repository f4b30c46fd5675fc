import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KubernetesApi } from '../../../src/kubernetes/api.ts';
import { openConnection } from '../../../src/kubernetes/connection.ts';
import { CONFIG_MAPS, MIRROR_SETS, NAMESPACES, SECRETS } from '../../../src/kubernetes/resource.ts';
import { startApiServer, type RealApiServer } from './api-server.ts';

let real: RealApiServer;
let api: KubernetesApi;
beforeAll(async () => {
  real = await startApiServer({ users: [{ name: 'nobody', groups: [] }] });
  api = real.api;
  await real.namespace('shop');
});
afterAll(async () => {
  await real.stop();
});

const name = { namespace: 'shop', name: 'config' };

describe('an object of the real API server', () => {
  it('is made, read, replaced, applied, patched and removed', async () => {
    const made = await api.create(CONFIG_MAPS, { metadata: name, data: { a: '1' } });
    expect(made).toMatchObject({ ok: true, value: { kind: 'ConfigMap', data: { a: '1' } } });
    const found = await api.get(CONFIG_MAPS, name);
    expect(found).toMatchObject({ ok: true, value: { data: { a: '1' } } });
    if (!found.ok) return;
    const replaced = await api.replace(CONFIG_MAPS, { ...found.value, data: { a: '2' } });
    expect(replaced).toMatchObject({ ok: true, value: { data: { a: '2' } } });
    const applied = await api.apply(CONFIG_MAPS, { metadata: name, data: { b: '1' } });
    expect(applied).toMatchObject({ ok: true, value: { data: { a: '2', b: '1' } } });
    const operations = [{ op: 'replace', path: '/data/b', value: '2' } as const];
    expect(await api.patch(CONFIG_MAPS, name, operations)).toMatchObject({
      ok: true,
      value: { data: { b: '2' } },
    });
    const tested = [{ op: 'test', path: '/data/b', value: 'x' } as const, ...operations];
    expect(await api.patch(CONFIG_MAPS, name, tested)).toMatchObject({
      ok: false,
      error: { kind: 'invalid' },
    });
    expect(await api.remove(CONFIG_MAPS, name)).toEqual({ ok: true, value: undefined });
    expect(await api.remove(CONFIG_MAPS, name)).toEqual({ ok: true, value: undefined });
    expect(await api.get(CONFIG_MAPS, name)).toMatchObject({
      ok: false,
      error: { kind: 'not-found', status: 404 },
    });
  });

  it('is applied anew where it is not there, by our field manager', async () => {
    const applied = await api.apply(CONFIG_MAPS, {
      metadata: { ...name, name: 'applied' },
      data: { a: '1' },
    });
    expect(applied).toMatchObject({ ok: true });
    const managers = JSON.stringify(applied.ok && applied.value.metadata);
    expect(managers).toContain('"manager":"registry-failover","operation":"Apply"');
  });

  it('is a conflict when it has changed in between, and exists already when made twice', async () => {
    const both = { metadata: { ...name, name: 'twice' }, data: { a: '1' } };
    const made = await api.create(CONFIG_MAPS, both);
    expect(await api.create(CONFIG_MAPS, both)).toMatchObject({
      error: { kind: 'already-exists', status: 409 },
    });
    if (!made.ok) throw new Error(made.error.message);
    await api.replace(CONFIG_MAPS, { ...made.value, data: { a: '2' } });
    const late = await api.replace(CONFIG_MAPS, { ...made.value, data: { a: '3' } });
    expect(late).toMatchObject({ error: { kind: 'conflict', status: 409 } });
  });

  it('is removed only if it is the very one', async () => {
    const only = { ...name, name: 'only' };
    await api.create(CONFIG_MAPS, { metadata: only });
    const wrong = await api.remove(CONFIG_MAPS, only, { uid: '00000000-0000-0000-0000-000000000000' });
    expect(wrong).toMatchObject({ error: { kind: 'conflict' } });
    const found = await api.get(CONFIG_MAPS, only);
    const uid = found.ok ? found.value.metadata.uid : undefined;
    expect(await api.remove(CONFIG_MAPS, only, { uid })).toMatchObject({ ok: true });
  });

  it('is refused with the API server’s own words when it is invalid', async () => {
    const result = await api.create(CONFIG_MAPS, { metadata: { namespace: 'shop', name: 'Not A Name' } });
    expect(result).toMatchObject({ error: { kind: 'invalid', status: 422 } });
    expect(!result.ok && result.error.message).toContain('RFC 1123');
  });
});

describe('the real API server', () => {
  it('lists more than a page', async () => {
    await real.namespace('many');
    for (let i = 0; i < 600; i += 50) {
      const batch = Array.from({ length: 50 }, (_, j) =>
        api.create(CONFIG_MAPS, { metadata: { namespace: 'many', name: `c${i + j}` }, data: { a: 'b' } }),
      );
      for (const made of await Promise.all(batch)) expect(made.ok).toBe(true);
    }
    const pages: number[] = [];
    await api.listPages(CONFIG_MAPS, { namespace: 'many' }, {}, (page) => pages.push(page.length));
    expect(pages).toEqual([500, 100]);
    const all = await api.list(CONFIG_MAPS, { namespace: 'many', metadataOnly: true });
    expect(all.ok && new Set(all.value.items.map(({ metadata }) => metadata.name)).size).toBe(600);
    expect(all.ok && all.value.items.some((item) => 'data' in item)).toBe(false);
    expect(real.connections()).toBeLessThanOrEqual(4);
  });

  it('selects by label and by field', async () => {
    const labelled = { namespace: 'shop', name: 'labelled', labels: { a: 'b' } };
    await api.create(SECRETS, { metadata: labelled, type: 'Opaque' });
    await api.create(SECRETS, { metadata: { namespace: 'shop', name: 'other' }, type: 'example.com/other' });
    const byLabel = await api.list(SECRETS, { namespace: 'shop', labelSelector: 'a=b' });
    expect(byLabel.ok && byLabel.value.items.map(({ metadata }) => metadata.name)).toEqual(['labelled']);
    const byField = await api.list(SECRETS, { namespace: 'shop', fieldSelector: 'type!=example.com/other' });
    expect(byField.ok && byField.value.items.map(({ metadata }) => metadata.name)).toEqual(['labelled']);
  });

  it('has no kind that was not defined', async () => {
    expect(await api.list(MIRROR_SETS, {})).toMatchObject({ error: { kind: 'not-found' } });
  });

  it('forbids what one may not do, and does not know a wrong token', async () => {
    const { controlPlane } = real;
    const config = (token: string): string =>
      JSON.stringify({
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
        clusters: [
          {
            name: 'c',
            cluster: { server: controlPlane.server, 'certificate-authority': controlPlane.caFile },
          },
        ],
        users: [{ name: 'u', user: { token } }],
      });
    const { mkdtempSync, rmSync, writeFileSync } = await import('node:fs');
    const { join } = await import('node:path');
    const folder = mkdtempSync('/tmp/kubernetes-test-');
    try {
      for (const [token, kind] of [
        [controlPlane.token('nobody'), 'forbidden'],
        ['wrong', 'unauthorized'],
      ] as const) {
        const kubeconfig = join(folder, kind);
        writeFileSync(kubeconfig, config(token));
        const opened = await openConnection({ kubeconfig });
        if (!opened.ok) throw new Error(JSON.stringify(opened.error));
        const other = new KubernetesApi({ connection: opened.value, fieldManager: 'test' });
        expect(await other.list(NAMESPACES, {})).toMatchObject({ error: { kind } });
        opened.value.close();
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
