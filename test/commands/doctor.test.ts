// Doctor and drill at the command line: what is refused, and what is said of nodes that cannot be reached.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalShell } from '../../src/agent/local-shell.ts';
import { checkHost } from '../../src/commands/doctor/doctor-host.ts';
import type { DoctorCheck } from '../../src/explain/doctor/doctor-check.ts';
import { printMarker } from '../../src/nodes/marker.ts';
import type { Shell } from '../../src/nodes/shell.ts';

interface Run {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param first What the process does before anything else. */
function run(args: readonly string[], env: Record<string, string> = {}, first = ''): Promise<Run> {
  return new Promise((resolve) => {
    const whole = { PATH: process.env['PATH'] ?? '', HOME: folder, ...env };
    execFile(
      process.execPath,
      ['--import', `data:text/javascript,${encodeURIComponent(first)}`, 'src/main.ts', ...args],
      { env: whole, timeout: 15_000 },
      (error, stdout, stderr) => {
        resolve({ exit: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
      },
    );
  });
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'doctor-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('registry-failover doctor', () => {
  it('refuses what it cannot use, all at once', async () => {
    const { exit, stderr } = await run([
      'doctor',
      '--host',
      '-oProxyCommand=x',
      '--containers-folder',
      'etc',
      '--kubeconfig',
      '/none',
    ]);
    expect(exit).toBe(2);
    expect(stderr).toMatch(/--host: .*\[InvalidHost\]/);
    expect(stderr).toContain('--containers-folder');
    expect(stderr).toContain('[KubeconfigUnreadable]');
  });

  it('refuses declarations that would be compared with nothing', async () => {
    const { exit, stderr } = await run(['doctor', '-m', 'examples/nodes']);
    expect(exit).toBe(2);
    expect(stderr).toMatch(/--manifests: only nodes are compared.*--host/);
  });

  it('says that there is no cluster to look at', async () => {
    const { exit, stderr } = await run(['doctor']);
    expect(exit).toBe(2);
    expect(stderr).toContain('[NoCluster]');
  });

  it('says of an API server that gives no answer that it could not tell', async () => {
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'x',
      contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
      users: [{ name: 'x', user: {} }],
      clusters: [{ name: 'x', cluster: { server: 'https://127.0.0.1:1' } }],
    };
    const file = path.join(folder, 'kubeconfig');
    await writeFile(file, JSON.stringify(config));
    const { exit, stdout } = await run(['doctor', '--kubeconfig', file, '-o', 'json']);
    expect(exit).toBe(3);
    const { checks } = JSON.parse(stdout) as { checks: DoctorCheck[] };
    expect(checks.map(({ check, result }) => [check, result])).toEqual([['api-server', 'unknown']]);
  });

  it('looks at nodes alone where nobody means a cluster', async () => {
    const { exit, stdout } = await run(['doctor', '--host', 'nobody.invalid', '-o', 'text']);
    expect(exit).toBe(3);
    expect(stdout).toContain('No kubeconfig was found: only the nodes were looked at.');
    expect(stdout).toContain('nobody.invalid');
  });
});

describe('doctor at a terminal', () => {
  it('says how far it is; elsewhere there is the report alone', async () => {
    const words = ['doctor', '--host', 'a.invalid', '--host', 'b.invalid'];
    const terminal = 'Object.defineProperty(process.stderr, "isTTY", { value: true })';
    const { stderr } = await run(words, {}, terminal);
    expect(stderr).toMatch(/^Looking at 2 nodes …\n\[1\/2\] [ab]\.invalid\n\[2\/2\] [ab]\.invalid\n$/);
    expect((await run(words)).stderr).toBe('');
  });
});

describe('registry-failover drill', () => {
  it.each([
    ['no host', ['--registry', 'a.example'], '--host'],
    ['no registry', ['--host', 'n1'], '--registry'],
    ['a host that is an option', ['--host', '-x', '--registry', 'a.example'], 'InvalidHost'],
    ['a registry that is none', ['--host', 'n1', '--registry', 'https://a.example'], '--registry'],
    ['a time that is none', ['--host', 'n1', '--registry', 'a.example', '--seconds', '1e9'], '--seconds'],
    ['too short a time', ['--host', 'n1', '--registry', 'a.example', '--seconds', '9'], '--seconds'],
    [
      'another registry’s image',
      ['--host', 'n1', '--registry', 'a.example', '--image', 'b.example/x'],
      '--image',
    ],
    [
      'a socket with more in it',
      ['--host', 'n1', '--registry', 'a.example', '--socket', '/run/x; reboot'],
      '--socket',
    ],
  ])('refuses %s', async (_, args, said) => {
    const { exit, stderr } = await run(['drill', ...args]);
    expect(exit).toBe(2);
    expect(stderr).toContain(said);
  });
});

describe('checkHost', () => {
  const settings = () => ({
    owner: 'ssh/registry-failover',
    layout: {
      containersFolder: path.join(folder, 'containers'),
      containerdFolder: path.join(folder, 'containerd'),
      authFile: undefined,
    },
    runtime: undefined,
    allowedEndpoints: [],
    parallel: 1,
    canary: 0,
    keepGoing: false,
    output: 'text' as const,
  });
  const node = {
    name: 'n1',
    target: { host: 'n1', user: undefined, port: undefined },
    labels: undefined,
    managed: undefined,
  };

  it('says why a node could not be looked at', async () => {
    const shell: Shell = {
      run: () =>
        Promise.resolve({ ran: false, failure: 'n1: its host key is not in known_hosts.', stderr: '' }),
    };
    const checks = await checkHost({ node, shell, settings: settings(), sets: undefined });
    expect(checks.map(({ place, result, message }) => [place, result, message])).toEqual([
      ['n1', 'unknown', 'n1: its host key is not in known_hosts'],
    ]);
  });

  it('tells of two installations on one node, and of its clock', async () => {
    const certs = path.join(folder, 'containerd/certs.d');
    await mkdir(path.join(folder, 'containers/registries.conf.d'), { recursive: true });
    for (const owner of ['one/one', 'two/two']) {
      await mkdir(path.join(certs, owner.slice(0, 3)), { recursive: true });
      await writeFile(
        path.join(certs, owner.slice(0, 3), 'hosts.toml'),
        `${printMarker(owner)}\nserver = "https://x"\n`,
      );
    }
    const checks = await checkHost({ node, shell: new LocalShell(), settings: settings(), sets: undefined });
    const [conflict] = checks.filter(({ check }) => check === 'node-conflict');
    expect(conflict?.message).toContain('registry-failover nodes restore --owner two/two');
    expect(checks.filter(({ check }) => check === 'clock').map(({ result }) => result)).toEqual(['ok']);
  });
});
