// The command line of `nodes`: which nodes, as which user, and everything that is wrong with it at once.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { targetsOf } from '../../src/commands/nodes/nodes-cluster.ts';
import { readPasswordFile } from '../../src/commands/nodes/nodes-password.ts';
import { NODES_DEFAULTS, parseNodesFlags } from '../../src/commands/nodes/nodes-settings.ts';
import { openSshAccess } from '../../src/commands/nodes/nodes-ssh.ts';
import { readTargets } from '../../src/commands/nodes/nodes-targets.ts';
import { notesOnSets, setsFor } from '../../src/commands/nodes/nodes-wanted.ts';
import type { MirrorSet } from '../../src/domain/mirror-set.ts';
import type { KubeObject } from '../../src/kubernetes/resource.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'rf-nodes-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(name: string, content: string): string {
  const at = path.join(folder, name);
  writeFileSync(at, content);
  return at;
}

describe('readTargets', () => {
  it('takes lists and repetitions, in their order', async () => {
    const read = await readTargets({ hosts: ['b, opc@a:2222', '10.0.0.7'], label: ['pool=gpu', 'zone='] });
    expect(read).toMatchObject({
      ok: true,
      value: [
        { name: 'b', labels: { pool: 'gpu', zone: '' } },
        { name: 'opc@a:2222', target: { host: 'a', user: 'opc', port: 2222 } },
        { name: '10.0.0.7' },
      ],
    });
  });

  it('reads a file with comments and empty lines', async () => {
    const hostsFile = file('hosts', '# workers\nworker-1  # rack 1\n\n  opc@worker-2 more words\r\n');
    const read = await readTargets({ hostsFile });
    expect(read.ok && read.value.map(({ name }) => name)).toEqual(['worker-1', 'opc@worker-2']);
  });

  it.each([
    ['no way of naming them', {}, ['InvalidFlag']],
    ['two ways', { hosts: ['a'], fromCluster: true }, ['InvalidFlag']],
    ['a host that is named twice', { hosts: ['a,b', 'a'] }, ['DuplicateHost']],
    [
      'all that is wrong, not the first only',
      { hosts: ['-x,a b,c:0'] },
      ['InvalidHost', 'InvalidHost', 'InvalidPort'],
    ],
    ['a label that is none', { hosts: ['a'], label: ['pool'] }, ['InvalidFlag']],
    ['a file that is not there', { hostsFile: '/nowhere/hosts' }, ['InvalidFlag']],
  ])('refuses %s', async (_, flags, codes) => {
    const read = await readTargets(flags);
    expect(read.ok ? [] : read.error.map(({ code }) => code)).toEqual(codes);
  });

  it('says in which line of the file', async () => {
    const read = await readTargets({ hostsFile: file('bad', 'a\n-oProxyCommand=x\n') });
    expect(read.ok ? '' : read.error[0]?.path).toMatch(/bad line 2$/);
    const empty = await readTargets({ hostsFile: file('empty', '# nobody\n') });
    expect(empty.ok ? '' : empty.error[0]?.message).toBe('no host is named in it');
  });
});

function kubeNode(
  name: string,
  parts: { os?: string; osImage?: string; addresses?: readonly object[] } = {},
): KubeObject {
  const {
    os = 'linux',
    osImage = 'Debian GNU/Linux 12',
    addresses = [{ type: 'InternalIP', address: '10.0.0.1' }],
  } = parts;
  const nodeInfo = {
    operatingSystem: os,
    osImage,
    kubeletVersion: 'v1.35.4',
    containerRuntimeVersion: 'cri-o://1.34.0',
  };
  return { metadata: { name, labels: { pool: 'a' } }, status: { addresses, nodeInfo } };
}

describe('targetsOf', () => {
  it('gives the Linux nodes by name, with their address, labels and what manages them', () => {
    const read = targetsOf(
      [
        kubeNode('b', { osImage: 'Talos (v1.9.0)' }),
        kubeNode('a', {
          addresses: [
            { type: 'Hostname', address: 'x' },
            { type: 'InternalIP', address: 'fd00::1' },
          ],
        }),
        kubeNode('win', { os: 'windows' }),
      ],
      'InternalIP',
    );
    expect(read).toMatchObject({
      ok: true,
      value: [
        { name: 'a', target: { host: 'fd00::1' }, labels: { pool: 'a' }, managed: undefined },
        { name: 'b', managed: { system: 'Talos' } },
      ],
    });
  });

  it('takes another address, or the name', () => {
    const node = kubeNode('a', { addresses: [{ type: 'Hostname', address: 'h' }] });
    const hostOf = (type: string): unknown => {
      const read = targetsOf([node], type);
      return read.ok ? read.value[0]?.target.host : read.error[0]?.code;
    };
    expect([hostOf('Hostname'), hostOf('Name'), hostOf('InternalIP')]).toEqual(['h', 'a', 'NoAddress']);
  });

  it('refuses an address that is none, and a cluster without Linux nodes', () => {
    const bad = targetsOf(
      [kubeNode('a', { addresses: [{ type: 'InternalIP', address: '-oProxyCommand=x' }] })],
      'InternalIP',
    );
    expect(bad.ok ? '' : bad.error[0]?.code).toBe('InvalidHost');
    const none = targetsOf([kubeNode('win', { os: 'windows' })], 'InternalIP');
    expect(none.ok ? '' : none.error[0]?.code).toBe('NoNodes');
  });
});

describe('parseNodesFlags', () => {
  const FLAGS = { ...NODES_DEFAULTS, output: 'text' } as const;

  it('takes the defaults', () => {
    expect(parseNodesFlags({ ...FLAGS, runtime: 'auto' })).toMatchObject({
      ok: true,
      value: { owner: 'ssh/registry-failover', runtime: undefined, parallel: 8, canary: 1, keepGoing: false },
    });
  });

  it('says all that is wrong at once', () => {
    const parsed = parseNodesFlags({
      ...FLAGS,
      owner: 'Me',
      containersFolder: 'etc',
      containerdFolder: '/etc/../x',
      authFile: '/a b',
      parallel: '0',
      canary: 'one',
    });
    expect(parsed.ok ? [] : parsed.error.map((problem) => problem.path)).toEqual([
      '--owner',
      '--containers-folder',
      '--containerd-folder',
      '--auth-file',
      '--parallel',
      '--canary',
    ]);
  });
});

describe('the flags for ssh', () => {
  it('are all checked before anybody is asked for a password', async () => {
    const access = await openSshAccess({
      user: '-l',
      identity: '/nowhere/key',
      sshConfig: '/nowhere/config',
      askSudoPassword: true,
      sudoPasswordFile: '/nowhere/password',
    });
    expect(access.ok ? [] : access.error.map((problem) => problem.path)).toEqual([
      '--user',
      '--identity',
      '--ssh-config',
      '--ask-sudo-password',
    ]);
  });

  it('take a password from the first line of a file, and say what is wrong with one', async () => {
    const good = await readPasswordFile(file('password', 'open sesame\r\nmore\n'), '--f');
    expect(good.ok && good.value.password()).toBe('open sesame');
    for (const bad of [file('no-password', '\n'), '/nowhere/password']) {
      const read = await readPasswordFile(bad, '--f');
      expect(read.ok ? '' : read.error.path).toBe('--f');
    }
  });

  it('ask for a password at a terminal only', async () => {
    const access = await openSshAccess({ askSudoPassword: true });
    expect(access.ok ? '' : access.error[0]?.message).toBe('there is no terminal to ask at');
  });
});

describe('the sets for a node', () => {
  const NONE = { matchLabels: {}, matchExpressions: [] };
  const make = (name: string, enabled: boolean, selector: MirrorSet['nodes']['selector'] = NONE): MirrorSet =>
    ({ name, nodes: { enabled, selector, credentials: 'None', wholeHost: false } }) as unknown as MirrorSet;
  const notGpu = {
    matchLabels: {},
    matchExpressions: [{ key: 'pool', operator: 'NotIn', values: ['gpu'] }],
  } as const;
  const sets = [
    make('all', true),
    make('off', false),
    make('gpu', true, { ...NONE, matchLabels: { pool: 'gpu' } }),
    make('not', true, notGpu),
  ];
  const names = (labels?: Record<string, string>): readonly string[] =>
    setsFor(sets, labels).map(({ name }) => name);

  it('are those that select it; of a node without known labels only those for all', () => {
    expect(names({ pool: 'gpu' })).toEqual(['all', 'gpu']);
    expect(names({})).toEqual(['all', 'not']);
    expect(names()).toEqual(['all']);
  });

  it('are told of where they are left out', () => {
    expect(notesOnSets(sets, false)).toEqual([
      expect.stringMatching(/^Not for nodes: off\. Write spec\.nodes\.enabled: true/),
      expect.stringMatching(/^For nodes with certain labels.*: gpu, not\. .*--label key=value/),
    ]);
    expect(notesOnSets(sets, true)).toHaveLength(1);
  });
});
