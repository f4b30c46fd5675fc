import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadKubeConfig } from '../../src/kubernetes/kube-config.ts';
import { ApiServer } from './api-server.ts';

let server: ApiServer;
beforeAll(async () => {
  server = await ApiServer.start();
});
afterAll(async () => {
  await server.stop();
});

function codesOf(options: Parameters<typeof loadKubeConfig>[0]): string[] {
  const loaded = loadKubeConfig(options);
  return loaded.ok ? [] : loaded.error.map(({ code }) => code);
}

describe('loadKubeConfig', () => {
  it('takes a kubeconfig with a verified API server', () => {
    const loaded = loadKubeConfig({ kubeconfig: server.kubeconfig() });
    expect(loaded.ok && loaded.value.getCurrentCluster()?.server).toBe(server.url);
  });

  it.each([
    ['that turns verification off', { 'insecure-skip-tls-verify': true }, ['TlsNotVerified']],
    ['of an API server without TLS', { server: 'http://127.0.0.1:1' }, ['NotHttps']],
    ['of an API server behind a proxy', { 'proxy-url': 'http://127.0.0.1:1' }, ['ProxyUnsupported']],
    [
      'with everything wrong at once',
      { server: 'http://127.0.0.1:1', 'insecure-skip-tls-verify': true, 'proxy-url': 'socks5://x' },
      ['NotHttps', 'TlsNotVerified', 'ProxyUnsupported'],
    ],
  ])('refuses a kubeconfig %s', (_what, cluster, codes) => {
    expect(codesOf({ kubeconfig: server.kubeconfig({ cluster }) })).toEqual(codes);
  });

  it('refuses a context that is not there', () => {
    expect(codesOf({ kubeconfig: server.kubeconfig(), context: 'other' })).toEqual(['NoSuchContext']);
  });

  it('names a file that is not there', () => {
    const loaded = loadKubeConfig({ kubeconfig: '/nowhere/kubeconfig' });
    expect(!loaded.ok && loaded.error[0]).toMatchObject({
      path: '/nowhere/kubeconfig',
      code: 'KubeconfigUnreadable',
      message: 'this kubeconfig cannot be read (ENOENT)',
    });
  });

  it.each([
    ['no YAML', 'users: [{ name: me, user: { token: s3cr3t }\nclusters: {{', /not YAML, line \d+/],
    ['empty', '', /cannot be read$/],
    [
      'without a server',
      'clusters: [{ name: s3cr3t, cluster: {} }]',
      /clusters\[0\]\.cluster\.server is missing/,
    ],
  ])('says what is wrong with a file that is %s, and repeats nothing of it', (_what, text, message) => {
    const loaded = loadKubeConfig({ kubeconfig: server.file('broken', text) });
    expect(!loaded.ok && loaded.error[0]?.message).toMatch(message);
    expect(JSON.stringify(loaded)).not.toContain('s3cr3t');
  });

  it('says so where there is neither a file nor a pod', () => {
    const { HOME, KUBECONFIG } = process.env;
    process.env['HOME'] = server.folder;
    delete process.env['KUBECONFIG'];
    try {
      expect(codesOf({})).toEqual(['NoCluster']);
    } finally {
      if (HOME !== undefined) process.env['HOME'] = HOME;
      if (KUBECONFIG !== undefined) process.env['KUBECONFIG'] = KUBECONFIG;
    }
  });
});
