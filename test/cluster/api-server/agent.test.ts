// The agent against a real API server, with the chart's account and the token of a pod on its node, over scratch folders.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Agent } from '../../../src/agent/agent.ts';
import { ApiClient } from '../../../src/agent/api-client.ts';
import { statesPath } from '../../../src/agent/state-watch.ts';
import { statusOf, type NodeStatus } from '../../../src/agent/status.ts';
import { NODE_STATUS_BOUNDS as BOUNDS } from '../../../src/domain/node-bounds.ts';
import { finding } from '../../../src/nodes/findings/finding.ts';
import type { NodeWanted } from '../../../src/nodes/data/wanted.ts';
import { AMS, host, UPSTREAM, wanted as data } from '../../agent/wanted.ts';
import { waitFor } from '../../lab/wait.ts';
import { install, InstalledChart } from '../rights/installed-chart.ts';

const ACCOUNT = 'registry-failover-agent';
const OWNER = `${install.namespace}/${install.fullname}`;
const STATES = statesPath(install.namespace);

let chart: InstalledChart;
let root = '';
const agents: Agent[] = [];
const lines: string[] = [];

function wanted(over: Partial<NodeWanted> = {}): NodeWanted {
  return data([host()], { owner: OWNER, runtime: { name: 'containerd', version: '2.1.4' }, ...over });
}

/** What the kubelet mounts: the token of a pod that runs on the node. */
async function mountToken(node: string): Promise<string> {
  const inNamespace = `/api/v1/namespaces/${install.namespace}`;
  await chart.expectDone({ method: 'POST', path: '/api/v1/nodes', body: { metadata: { name: node } } });
  const spec = {
    nodeName: node,
    serviceAccountName: ACCOUNT,
    containers: [{ name: 'agent', image: 'registry.invalid/agent' }],
  };
  const pod = { metadata: { name: `agent-${node}` }, spec };
  const made = await chart.expectDone({ method: 'POST', path: `${inNamespace}/pods`, body: pod });
  const { uid } = (made.body as { metadata: { uid: string } }).metadata;
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: pod.metadata.name, uid };
  const asked = await chart.expectDone({
    method: 'POST',
    path: `${inNamespace}/serviceaccounts/${ACCOUNT}/token`,
    body: { spec: { boundObjectRef } },
  });
  const folder = path.join(root, `token-${node}`);
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'token'), (asked.body as { status: { token: string } }).status.token);
  writeFileSync(path.join(folder, 'ca.crt'), chart.plane.caPem);
  return folder;
}

function target(node: string): { host: string; port: number; serviceAccountFolder: string } {
  const { hostname, port } = new URL(chart.plane.server);
  return { host: hostname, port: Number(port), serviceAccountFolder: path.join(root, `token-${node}`) };
}

/** An agent for a node, with the token of that node or of another. */
async function startAgent(node: string, tokenOf = node): Promise<void> {
  const { serviceAccountFolder, ...api } = target(tokenOf);
  const [containersFolder, containerdFolder] = ['containers', 'containerd'].map((name) =>
    path.join(root, node, name),
  );
  for (const folder of [containersFolder, containerdFolder]) mkdirSync(folder ?? '', { recursive: true });
  const agent = new Agent({
    settings: {
      node,
      namespace: install.namespace,
      owner: OWNER,
      api,
      serviceAccountFolder,
      allowedEndpoints: [],
      layout: {
        containersFolder: containersFolder ?? '',
        containerdFolder: containerdFolder ?? '',
        authFile: undefined,
      },
      nodeAuth: undefined,
      ops: { host: '127.0.0.1', port: 0 },
      logLevel: 'debug',
    },
    version: '0.1.0',
    write: (line) => lines.push(line),
    timing: { debounceMs: 50, statusPauseMs: 50, retry: { firstMs: 200, maxMs: 1000 } },
  });
  agents.push(agent);
  await agent.start();
}

async function tell(node: string, to: NodeWanted): Promise<void> {
  const reply = await chart.as('controller', {
    method: 'PATCH',
    path: `${STATES}/${node}?fieldManager=registry-failover&force=true`,
    patch: 'apply',
    body: {
      apiVersion: 'registry-failover.io/v1alpha1',
      kind: 'NodeMirrorState',
      metadata: { name: node, namespace: install.namespace },
      spec: { wanted: to },
    },
  });
  expect(reply.message).toBe('');
}

async function statusAt(
  node: string,
): Promise<Partial<NodeStatus> & { updatedAt?: string; generation: number }> {
  const { body } = await chart.expectDone({ method: 'GET', path: `${STATES}/${node}` });
  const { status, metadata } = body as { status?: Partial<NodeStatus>; metadata: { generation: number } };
  return { ...status, generation: metadata.generation };
}

async function reaches(node: string, state: NodeStatus['state']): Promise<Partial<NodeStatus>> {
  let seen: Awaited<ReturnType<typeof statusAt>> | undefined;
  await waitFor(`${node} to be ${state}`, 20_000, async () => {
    seen = await statusAt(node);
    return seen.state === state && seen.observedGeneration === seen.generation;
  });
  return seen ?? {};
}

/** Resolves once a line that was written after the first `since` ones holds both texts. */
async function untilLogged(what: string, text: string, other: string, since = 0): Promise<void> {
  const isIt = (line: string): boolean => line.includes(text) && line.includes(other);
  await waitFor(what, 10_000, () => Promise.resolve(lines.slice(since).some(isIt)));
}

function hostsToml(node: string): string {
  return path.join(root, node, `containerd/certs.d/${UPSTREAM}/hosts.toml`);
}

beforeAll(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'agent-cluster-'));
  chart = await InstalledChart.start();
  await chart.install('--set', 'nodes.enabled=true');
  for (const node of ['node1', 'node2']) await mountToken(node);
});

afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
  await chart?.stop();
  rmSync(root, { recursive: true, force: true });
});

describe('the agent at a real API server', () => {
  it('waits for its object, lays down what it wants and tells so', async () => {
    await startAgent('node1');
    await waitFor('the watch', 20_000, () => Promise.resolve(lines.join('').includes('is in view')));
    await tell('node1', wanted());
    const status = await reaches('node1', 'UpToDate');
    expect(status).toMatchObject({
      observedRevision: wanted().revision,
      runtime: { name: 'containerd', version: '2.1.4' },
      order: [{ prefix: UPSTREAM, first: UPSTREAM }],
      files: [{ path: hostsToml('node1') }],
      agentVersion: '0.1.0',
    });
    expect(readFileSync(hostsToml('node1'), 'utf8')).toContain(AMS);
  });

  it('follows every change, and writes its status no more often than there is news', async () => {
    await tell('node1', wanted({ revision: 'f'.repeat(16), hosts: [host([UPSTREAM, 'dc1.example:5000'])] }));
    await reaches('node1', 'UpToDate');
    expect(readFileSync(hostsToml('node1'), 'utf8')).toContain('dc1.example:5000');
    // The agent looks once more at what it has written: a file that goes under that look is news.
    await untilLogged('the look at its own writing', '"outcome":"Unchanged"', 'ffffffffffffffff');
    const { updatedAt } = await statusAt('node1');
    const before = lines.length;
    rmSync(hostsToml('node1'));
    await untilLogged('the repair', 'our files were changed: repaired', '', before);
    await untilLogged('the look at the repair', '"outcome":"Unchanged"', 'ffffffffffffffff', before);
    expect(readFileSync(hostsToml('node1'), 'utf8')).toContain('dc1.example:5000');
    expect((await statusAt('node1')).updatedAt).toBe(updatedAt);
  });

  it('refuses what only it can see to be wrong', async () => {
    await tell('node1', wanted({ owner: 'other/installation' }));
    expect((await reaches('node1', 'Refused')).message).toContain('OtherOwner');
    expect(readFileSync(hostsToml('node1'), 'utf8')).toContain('dc1.example:5000');
  });

  it('cannot speak for another node: its status is refused, and it tries on', async () => {
    lines.length = 0;
    await tell('node2', wanted());
    const token = (node: string): string => path.join(root, `token-${node}`, 'token');
    cpSync(path.dirname(token('node1')), path.dirname(token('borrowed')), { recursive: true });
    await startAgent('node2', 'borrowed');
    await waitFor('a second refusal', 20_000, () =>
      Promise.resolve(lines.join('').split('the API server answers 403').length > 2),
    );
    expect((await statusAt('node2')).state).toBeUndefined();
    // With the right token, which is read anew, it is taken.
    cpSync(token('node2'), token('borrowed'));
    await reaches('node2', 'UpToDate');
  });

  it('restores when it is told so, and leaves all as it is when the object goes', async () => {
    await tell('node1', wanted({ action: 'Restore', hosts: [] }));
    await reaches('node1', 'Restored');
    expect(existsSync(path.join(root, 'node1/containerd/certs.d'))).toBe(false);
    await chart.expectDone({ method: 'DELETE', path: `${STATES}/node2` });
    await waitFor('the news', 20_000, () => Promise.resolve(lines.join('').includes('until a Restore')));
    expect(existsSync(hostsToml('node2'))).toBe(true);
    await tell('node2', wanted());
    await reaches('node2', 'UpToDate');
  });

  it('has its status taken even when everything is as large as it may be', async () => {
    await tell('node1', wanted());
    await reaches('node1', 'UpToDate');
    const long = 'ä'.repeat(20_000);
    const many = <T>(count: number, item: (index: number) => T): T[] =>
      Array.from({ length: count }, (_, i) => item(i));
    // An object ends at 1.5 MB whatever the lists' bounds are: each list is at its longest, one item of each at its largest.
    const size = (index: number): string => (index === 0 ? long : 'x'.repeat(60));
    const status = statusOf({
      generation: 1,
      revision: long,
      state: 'Failed',
      messages: [long],
      order: new Map(many(BOUNDS.order + 1, (i) => [`p${i}.example/${size(i)}`, size(i)])),
      runtime: { name: 'crio', version: long },
      report: {
        files: many(BOUNDS.files + 1, (i) => ({ path: `/${i}${size(i)}`, sha256: 'f'.repeat(64) })),
        conflicts: many(BOUNDS.conflicts + 1, (i) => ({
          path: `/${i}${size(i)}`,
          reason: 'NotOurs',
          message: size(i),
        })),
        leftOut: many(BOUNDS.leftOut + 1, (i) => ({
          set: size(i),
          prefix: size(i),
          endpoint: i === 1 ? undefined : size(i),
          reason: 'NoMirrorLeft',
          message: size(i),
        })),
      },
      findings: many(BOUNDS.findings + 1, (i) => finding('NoRuntime', 'error', size(i), size(i))),
      agentVersion: long,
    });
    const client = new ApiClient(target('node1'));
    const answer = await client.call({
      method: 'PATCH',
      path: `${STATES}/node1/status`,
      patch: { status: { ...status, updatedAt: new Date().toISOString() } },
    });
    expect(answer).toMatchObject({ ok: true });
    // What the API server has kept is what was sent: nothing was pruned.
    const { generation: _, updatedAt: __, ...kept } = await statusAt('node1');
    expect(kept).toEqual(JSON.parse(JSON.stringify(status)));
  });
});
