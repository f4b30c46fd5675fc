// Render: the real command line shows a node's files, and says what is left out, without a credential in sight.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RenderView } from '../../src/commands/render/render-view.ts';
import { ExplainLab, dockerConfig, mirrorSet, pullSecret, runCli, stream } from './explain-lab.ts';
import type { CliRun } from './explain-lab.ts';

const LOGIN = { username: 'robot', password: 'a-very-secret-word' };
const ENABLED = { enabled: true };

let lab: ExplainLab;
let mixed: string;
let complete: string;
let disabled: string;
const runs: CliRun[] = [];

async function render(...args: readonly string[]): Promise<CliRun> {
  const run = await runCli(['render', ...args]);
  runs.push(run);
  return run;
}

async function view(...args: readonly string[]): Promise<RenderView> {
  return JSON.parse((await render(...args, '-o', 'json')).stdout) as RenderView;
}

beforeAll(async () => {
  lab = await ExplainLab.open();
  const sameAsUpstream = mirrorSet('ocir', {
    upstream: { prefix: 'fra.ocir.io' },
    mirrors: [{ endpoint: 'ams.ocir.io', credential: { source: 'SameAsUpstream' } }],
    nodes: { ...ENABLED, selector: { matchLabels: { pool: 'workers' } } },
  });
  const nodeAuth = mirrorSet('hub', {
    namespaceSelector: {},
    upstream: { prefix: 'docker.io' },
    mirrors: [
      { endpoint: 'dc1.example:5000/hub', credential: { source: 'Secret', secretRef: { name: 'dc1-pull' } } },
    ],
    nodes: { ...ENABLED, credentials: 'NodeAuth' },
  });
  const notForNodes = mirrorSet('quay', {
    upstream: { prefix: 'quay.io' },
    mirrors: [{ endpoint: 'q.example', credential: { source: 'None' } }],
  });
  const secret = pullSecret('dc1-pull', 'registry-failover', dockerConfig('dc1.example:5000', LOGIN));
  mixed = await lab.file('mixed.yaml', stream(sameAsUpstream, nodeAuth, notForNodes, secret));
  complete = await lab.file('complete.yaml', stream(sameAsUpstream, notForNodes));
  disabled = await lab.file('disabled.yaml', stream(notForNodes));
});

afterAll(async () => {
  await lab.close();
});

describe('render', () => {
  it('shows each file with its path, as it would be on the node', async () => {
    const { code, stdout } = await render(
      '-m',
      complete,
      '--runtime',
      'containerd',
      '--runtime-version',
      '2.0.5',
    );
    expect(stdout).toContain(`1 file for containerd 2.0.5:

==> /etc/containerd/certs.d/fra.ocir.io/hosts.toml (mode 0644) <==
# registry-failover owner=registry-failover/registry-failover (made by it and overwritten by it: do not edit)
server = "https://ams.ocir.io"
capabilities = ["pull", "resolve"]

[host."https://fra.ocir.io"]
`);
    expect(stdout).toContain('Mirror set ocir is only for nodes with pool=workers.');
    expect(stdout).not.toContain('--runtime-version');
    expect(code).toBe(0);
  });

  it('says what is left out, why, and what to do', async () => {
    const { code, stdout } = await render(
      '-m',
      mixed,
      '--runtime',
      'crio',
      '--auth-file',
      '/etc/crio/auth.json',
    );
    const text = stdout.replaceAll(/\s+/g, ' ');
    expect(text).toContain("CRI-O never sends a pod's credential to a mirror on another host");
    expect(text).toContain('Write spec.nodes.credentials: NodeAuth');
    expect(text).toContain('quay.io, all of its mirrors (mirror set quay)');
    expect(text).toContain("the node's credential is merged into /etc/crio/auth.json");
    expect(code).toBe(4);
  });

  it('wraps what it says in 80 columns', async () => {
    for (const runtime of ['crio', 'containerd']) {
      const { stdout } = await render('-m', mixed, '--runtime', runtime);
      const [, said = ''] = stdout.split('Left out\n');
      expect(said.split('\n').filter((line) => line.length > 80)).toEqual([]);
    }
  });

  it('shows no credential, in any form', async () => {
    for (const output of ['text', 'yaml']) await render('-m', mixed, '--runtime', 'containerd', '-o', output);
    const said = runs.map(({ stdout, stderr }) => stdout + stderr).join('\n');
    expect(said).toContain('(the credential for dc1.example:5000/hub)');
    expect(said).not.toContain(LOGIN.password);
    expect(said).not.toContain(
      Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64').slice(0, 12),
    );
  });

  it('has a documented form', async () => {
    const found = await view('-m', mixed, '--runtime', 'containerd');
    expect(found).toMatchObject({
      kind: 'render',
      v: 1,
      result: 'complete',
      runtime: { name: 'containerd', version: '2.3.7', isAssumed: true },
      selectors: [{ set: 'ocir' }],
      problems: [],
    });
    expect(found.files.map(({ path, mode }) => `${path} ${mode}`)).toEqual([
      '/etc/containerd/certs.d/docker.io/hosts.toml 0600',
      '/etc/containerd/certs.d/fra.ocir.io/hosts.toml 0644',
    ]);
    expect(found.leftOut.map(({ set, reason }) => `${set} ${reason}`)).toEqual(['quay NodesNotEnabled']);
  });

  it('names the set of what only the node finds out', async () => {
    const { leftOut } = await view('-m', mixed, '--runtime', 'crio');
    expect(leftOut.map(({ set, reason }) => `${set} ${reason}`)).toContain('hub NoNodeCredential');
  });

  it('shows the order of an outage', async () => {
    const { files } = await view('-m', complete, '--runtime', 'containerd', '--out', 'fra.ocir.io');
    expect(files[0]?.content).toContain('server = "https://fra.ocir.io"');
  });

  it('uses other folders when told to', async () => {
    const { files } = await view('-m', complete, '--runtime', 'containerd', '--containerd-folder', '/var/c/');
    expect(files.map(({ path }) => path)).toEqual(['/var/c/certs.d/fra.ocir.io/hosts.toml']);
  });

  it.each([
    ['crio', '1.27.4', 'CRI-O 1.27.4 is too old'],
    ['containerd', '1.6.38', 'containerd 1.6.38 is too old'],
  ])('says of %s %s that it is not supported', async (runtime, version, words) => {
    const { stdout } = await render('-m', mixed, '--runtime', runtime, '--runtime-version', version);
    expect(stdout).toContain(words);
  });

  it('says that there is no file, with exit code 1', async () => {
    const { code, stdout } = await render('-m', disabled, '--runtime', 'crio');
    expect(stdout).toContain('spec.nodes.enabled: true');
    expect(stdout).toContain('A node would get no file.');
    expect(code).toBe(1);
  });

  it.each([
    ['no runtime', [], /required option '--runtime <name>'/],
    ['an unknown runtime', ['--runtime', 'docker'], /Allowed choices are crio, containerd/],
    [
      'a version that is none',
      ['--runtime', 'crio', '--runtime-version', 'new'],
      /--runtime-version: "new" is not a version/,
    ],
    [
      'a folder that is not absolute',
      ['--runtime', 'crio', '--containers-folder', 'etc'],
      /--containers-folder: "etc" is not an absolute path/,
    ],
    [
      'a folder that leads elsewhere',
      ['--runtime', 'containerd', '--containerd-folder', '/etc/../x'],
      /--containerd-folder: "\/etc\/..\/x" is no plain path/,
    ],
    [
      'a namespace that is none',
      ['--runtime', 'crio', '--install-namespace', 'Bad NS'],
      /--install-namespace: "Bad NS" is no name of a namespace/,
    ],
    [
      'no namespace',
      ['--runtime', 'crio', '--install-namespace', ''],
      /--install-namespace: "" is no name of a namespace/,
    ],
    [
      'a registry that is not declared',
      ['--runtime', 'crio', '--out', 'ams.io'],
      /--out: "ams.io" is no registry.*Write one of fra.ocir.io, ams.ocir.io/,
    ],
  ])('refuses %s with exit code 2 and what to do', async (_, args, message) => {
    const { code, stderr } = await render('-m', complete, ...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});
