// The clean-up before an uninstall, as its Job runs it: with the controller's own token, at a real API server, with one agent that answers.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { state, wanted } from '../../config/node-mirror-state-examples.ts';
import { waitFor } from '../../lab/wait.ts';
import { account, install, InstalledChart, type Call } from '../rights/installed-chart.ts';

const { namespace } = install;
const states = `/apis/registry-failover.io/v1alpha1/namespaces/${namespace}/nodemirrorstates`;
const run = promisify(execFile);
const main = path.resolve(import.meta.dirname, '../../../src/main.ts');

let cluster: InstalledChart;
let folder: string;
beforeAll(async () => {
  cluster = await InstalledChart.start();
  await cluster.install('--set', 'nodes.enabled=true');
  folder = mkdtempSync(path.join(tmpdir(), 'cleanup-'));
});
afterAll(async () => {
  await cluster?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true });
});

/** A kubeconfig of the controller's account, as the Job has it. */
async function writeKubeconfig(): Promise<string> {
  const tokens = `/api/v1/namespaces/${namespace}/serviceaccounts/${account.controller}/token`;
  const { body } = await cluster.expectDone({ method: 'POST', path: tokens, body: { spec: {} } });
  const { token } = (body as { status: { token: string } }).status;
  const { server, caFile } = cluster.plane;
  const file = path.join(folder, 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority': caFile } }],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

const get = (at: string): Call => ({ method: 'GET', path: at });

interface Read {
  readonly metadata: { readonly generation: number };
  readonly spec: unknown;
}

/** What an agent does with a Restore; by the admin, since who may do it is another test's matter. */
async function answerAs(node: string): Promise<unknown> {
  let found: Read | undefined;
  await waitFor(`a Restore for ${node}`, 30_000, async () => {
    const { body } = await cluster.as('admin', get(`${states}/${node}`));
    found = body as Read;
    return JSON.stringify(found.spec).includes('"Restore"');
  });
  const status = { state: 'Restored', observedGeneration: found?.metadata.generation };
  await cluster.expectDone({
    method: 'PATCH',
    path: `${states}/${node}/status`,
    body: { status },
    patch: 'merge',
  });
  return found?.spec;
}

describe('cleanup --nodes', () => {
  it('has the nodes restored that answer, names the other with its command, and leaves no object', async () => {
    for (const node of ['node1', 'node2'])
      await cluster.expectDone({ method: 'POST', path: states, body: state({}, node) });
    const secret = {
      metadata: { name: 'registry-failover-node-auth' },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from('{"auths":{}}').toString('base64') },
    };
    const secrets = `/api/v1/namespaces/${namespace}/secrets`;
    await cluster.expectDone({ method: 'POST', path: secrets, body: secret });
    const words = ['cleanup', '--nodes', '--nodes-timeout', '5s', '--kubeconfig', await writeKubeconfig()];
    const [{ stdout }, spec] = await Promise.all([
      // Rejects unless it ends with 0: a node that is away holds no uninstall up.
      run(process.execPath, [main, ...words, '--auth-file', '/etc/crio/auth.json'], { timeout: 60_000 }),
      answerAs('node1'),
    ]);
    expect(spec).toEqual({ wanted: wanted({ action: 'Restore', hosts: [] }) });
    expect(stdout).toContain('1 of 2 nodes are as they were.');
    expect(stdout).toContain('  node2: its agent has not answered');
    expect(stdout).toContain(
      '  registry-failover nodes restore --owner registry-failover/registry-failover --auth-file /etc/crio/auth.json --hosts node2\n',
    );
    const { body } = await cluster.expectDone(get(states));
    expect((body as { items: unknown[] }).items).toEqual([]);
    expect((await cluster.as('admin', get(`${secrets}/registry-failover-node-auth`))).status).toBe(404);
  });

  it('has nothing to do for nodes a second time', async () => {
    const words = ['cleanup', '--nodes', '--kubeconfig', await writeKubeconfig()];
    const { stdout } = await run(process.execPath, [main, ...words], { timeout: 60_000 });
    expect(stdout).not.toContain('node');
  });
});
