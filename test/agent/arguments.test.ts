import { describe, expect, it } from 'vitest';
import { parseAgentArguments } from '../../src/agent/arguments.ts';

const LEAST = [
  '--node=worker-1.example',
  '--namespace=registry-failover',
  '--owner=registry-failover/registry-failover',
  '--api-host=10.96.0.1',
];

function problemsOf(argv: readonly string[]): readonly string[] {
  const parsed = parseAgentArguments(argv);
  return parsed.ok ? [] : parsed.error.map(({ path, code }) => `${path} ${code}`);
}

describe('parseAgentArguments', () => {
  it('needs four flags and knows the rest by itself', () => {
    expect(parseAgentArguments(LEAST)).toEqual({
      ok: true,
      value: {
        node: 'worker-1.example',
        namespace: 'registry-failover',
        owner: 'registry-failover/registry-failover',
        api: { host: '10.96.0.1', port: 443 },
        serviceAccountFolder: '/var/run/secrets/kubernetes.io/serviceaccount',
        allowedEndpoints: [],
        layout: {
          containersFolder: '/etc/containers',
          containerdFolder: '/etc/containerd',
          authFile: undefined,
        },
        nodeAuth: undefined,
        ops: { host: '127.0.0.1', port: 9442 },
        logLevel: 'info',
      },
    });
  });

  it('takes every flag', () => {
    const parsed = parseAgentArguments([
      ...LEAST,
      '--api-port=6443',
      '--service-account-folder',
      '/sa',
      '--allowed-endpoint=*.ocir.io',
      '--allowed-endpoint=reg.example:5000',
      '--containers-folder=/srv/containers',
      '--containerd-folder=/srv/containerd',
      '--auth-file=/srv/containers/auth.json',
      '--node-auth=/auth/.dockerconfigjson',
      '--ops-listen=[::1]:0',
      '--log-level=debug',
    ]);
    expect(parsed).toMatchObject({
      ok: true,
      value: {
        api: { port: 6443 },
        serviceAccountFolder: '/sa',
        allowedEndpoints: ['*.ocir.io', 'reg.example:5000'],
        layout: {
          containersFolder: '/srv/containers',
          containerdFolder: '/srv/containerd',
          authFile: '/srv/containers/auth.json',
        },
        nodeAuth: '/auth/.dockerconfigjson',
        ops: { host: '::1', port: 0 },
        logLevel: 'debug',
      },
    });
  });

  it.each([
    ['fd00::1:9442', { host: 'fd00::1', port: 9442 }],
    ['[fd00::1]:9442', { host: 'fd00::1', port: 9442 }],
    ['10.0.0.7:9442', { host: '10.0.0.7', port: 9442 }],
  ])('listens at %s', (text, ops) => {
    expect(parseAgentArguments([...LEAST, `--ops-listen=${text}`])).toMatchObject({
      ok: true,
      value: { ops },
    });
  });

  it('dials an IPv6 API server without its brackets', () => {
    expect(parseAgentArguments([...LEAST, '--api-host=[fd00::1]'])).toMatchObject({
      ok: true,
      value: { api: { host: 'fd00::1' } },
    });
  });

  it('takes an empty value for none, as charts write it', () => {
    const parsed = parseAgentArguments([...LEAST, '--auth-file=', '--node-auth=', '--log-level=']);
    expect(parsed).toMatchObject({
      ok: true,
      value: { layout: { authFile: undefined }, nodeAuth: undefined, logLevel: 'info' },
    });
  });

  it('says everything that is wrong at once', () => {
    expect(
      problemsOf([
        'alone',
        '--nod=worker-1',
        '--owner=Me',
        '--api-host=a b',
        '--api-port=0',
        '--containers-folder=etc/containers',
        '--containerd-folder=/etc/../root',
        '--auth-file=/etc/$(reboot)',
        '--allowed-endpoint=https://x/',
        '--ops-listen=9442',
        '--log-level=loud',
        '--namespace',
      ]),
    ).toEqual([
      ' InvalidFlag',
      '--nod InvalidFlag',
      '--namespace InvalidFlag',
      '--node InvalidFlag',
      '--namespace InvalidFlag',
      '--owner InvalidFlag',
      '--api-host InvalidFlag',
      '--api-port InvalidFlag',
      '--allowed-endpoint InvalidFlag',
      '--containers-folder InvalidFlag',
      '--containerd-folder InvalidFlag',
      '--auth-file InvalidFlag',
      '--ops-listen InvalidFlag',
      '--log-level InvalidFlag',
    ]);
  });

  it.each(['/', '//etc', '/etc/', '/etc/.', '/etc/a b', '/etc/a\nb', "/etc/a'b", '/etc/a"b'])(
    'refuses the folder %j: it stands in scripts',
    (folder) => {
      expect(problemsOf([...LEAST, `--containers-folder=${folder}`])).toEqual([
        '--containers-folder InvalidFlag',
      ]);
    },
  );

  it.each(['..', '-x', 'a/b', 'A', 'a%2fb', 'x'.repeat(254)])('refuses the node name %j', (node) => {
    expect(problemsOf([...LEAST, `--node=${node}`])).toEqual(['--node InvalidFlag']);
  });
});
