// node bench/cluster/scale.ts [NAMESPACES]: the controller with many opted-in namespaces, at a real API server; writes docs/controller-scale.md.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { findTool } from '../../deploy/tools.ts';
import { callApi, getObject } from '../../test/lab/api-client.ts';
import { startControlPlane } from '../../test/lab/control-plane.ts';
import type { ControlPlane } from '../../test/lab/control-plane.ts';
import { pause, waitFor } from '../../test/lab/wait.ts';
import { freePort } from '../../test/drain/webhook-process.ts';
import { MemoryGroup, ownCopy } from '../memory-group.ts';
import { cpuMicros, rssMb } from '../process-stat.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const CHART = path.join(ROOT, 'deploy/helm/registry-failover');
const INSTALL_NAMESPACE = 'registry-failover';
const OUT = path.join(ROOT, 'docs/controller-scale.md');
/** Calls at once: this machine's API server is not what is measured. */
const WRITERS = 16;
const LONGEST_MS = 15 * 60_000;

const count = Number(process.argv[2] ?? 1_000);
const folder = mkdtempSync(path.join(tmpdir(), 'scale-'));

interface Found {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly rotationMs: number;
  readonly connections: number;
  readonly peakMb: number;
  readonly settledMb: number;
  readonly cpuSeconds: number;
  readonly idleCpuShare: number;
}

function kubectl(plane: ControlPlane, args: readonly string[], input?: string): string {
  return execFileSync(findTool('kubectl').path, ['--kubeconfig', plane.kubeconfig, ...args], {
    encoding: 'utf8',
    ...(input === undefined ? {} : { input }),
    maxBuffer: 64 << 20,
  });
}

async function post(plane: ControlPlane, at: string, body: object): Promise<void> {
  const answer = await callApi(plane.access, { method: 'POST', path: at, body });
  if (answer.status !== 201) throw new Error(`${at}: ${answer.status} ${answer.text.slice(0, 300)}`);
}

/** The chart without what needs a kubelet: rights, policies, definitions. */
function installRights(plane: ControlPlane): void {
  const rendered = execFileSync(
    findTool('helm').path,
    ['template', 'registry-failover', CHART, '-n', INSTALL_NAMESPACE, '--no-hooks'],
    { encoding: 'utf8' },
  );
  const skipped = new Set(['Deployment', 'Service', 'PodDisruptionBudget', 'NetworkPolicy']);
  const objects = parseAllDocuments(rendered)
    .map((document) => document.toJS() as { readonly kind: string } | null)
    .filter((object) => object !== null && !skipped.has(object.kind));
  // The definition has to be known before anything of its kind.
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  kubectl(plane, ['apply', '--server-side', '-f', '-'], JSON.stringify(list));
}

function pullSecret(namespace: string, name: string, host: string, password: string): object {
  const auths = { [host]: { username: 'puller', password } };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
  };
}

/** One set with a mirror of each kind: a derived secret from the namespace's own, and one for the set. */
const MIRROR_SET = {
  apiVersion: 'registry-failover.io/v1alpha1',
  kind: 'RegistryMirrorSet',
  metadata: { name: 'scale' },
  spec: {
    namespaceSelector: {},
    // Port 1 on loopback refuses at once: no registry is part of this.
    upstream: { prefix: '127.0.0.1:1/up' },
    mirrors: [
      { endpoint: '127.0.0.1:1/same', credential: { source: 'SameAsUpstream' } },
      { endpoint: '127.0.0.1:1/own', credential: { source: 'Secret', secretRef: { name: 'own-pull' } } },
    ],
  },
};

async function makeNamespaces(plane: ControlPlane): Promise<void> {
  let next = 0;
  const write = async (): Promise<void> => {
    while (next < count) {
      const name = `tenant-${next}`;
      next += 1;
      await post(plane, '/api/v1/namespaces', {
        metadata: { name, labels: { 'registry-failover.io/enabled': 'true' } },
      });
      await post(
        plane,
        `/api/v1/namespaces/${name}/secrets`,
        pullSecret(name, 'pull', '127.0.0.1:1', 'first'),
      );
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
}

/** How many derived secrets there are; read with pages, by label, without their data. */
async function derivedCount(plane: ControlPlane): Promise<number> {
  const query = 'labelSelector=registry-failover.io%2Fderived%3Dtrue&limit=1';
  const list = (await getObject(plane.access, `/api/v1/secrets?${query}`)) as {
    readonly items: readonly unknown[];
    readonly metadata: { readonly remainingItemCount?: number };
  };
  // With a selector the API server does not tell how many remain: then all are read.
  if (list.items.length === 0) return 0;
  const all = (await getObject(plane.access, `/api/v1/secrets?${query.replace('&limit=1', '')}`)) as {
    readonly items: readonly unknown[];
  };
  return all.items.length;
}

function connectionsOf(pid: number, port: string): number {
  const text = execFileSync('ss', ['-Htnp', 'state', 'established', `( dport = :${port} )`], {
    encoding: 'utf8',
  });
  return text.split('\n').filter((line) => line.includes(`pid=${pid},`)).length;
}

/** A kubeconfig with the very rights that the chart gives the controller. */
function controllerKubeconfig(plane: ControlPlane): string {
  const token = kubectl(plane, [
    'create',
    'token',
    '-n',
    INSTALL_NAMESPACE,
    'registry-failover-controller',
    '--duration=2h',
  ]);
  const file = path.join(folder, 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'lab',
        cluster: {
          server: plane.server,
          'certificate-authority-data': Buffer.from(plane.caPem).toString('base64'),
        },
      },
    ],
    users: [{ name: 'controller', user: { token: token.trim() } }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'controller' } }],
    'current-context': 'lab',
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}

/** The flags of node that the chart gives the controller. */
function nodeFlags(): readonly string[] {
  const text = readFileSync(path.join(CHART, 'templates/controller-deployment.yaml'), 'utf8');
  return [...text.matchAll(/^\s*- (--max-[a-z-]+=\d+)$/gmu)].map((match) => match[1] ?? '');
}

async function measure(plane: ControlPlane): Promise<Found> {
  kubectl(plane, ['create', 'namespace', INSTALL_NAMESPACE]);
  installRights(plane);
  await waitFor('the definition to be served', 30_000, async () => {
    const at = '/apis/registry-failover.io/v1alpha1/registrymirrorsets';
    return (await callApi(plane.access, { path: at })).status === 200;
  });
  kubectl(
    plane,
    ['apply', '-f', '-'],
    JSON.stringify(pullSecret(INSTALL_NAMESPACE, 'own-pull', '127.0.0.1:1', 'own')),
  );
  kubectl(plane, ['apply', '-f', '-'], JSON.stringify(MIRROR_SET));
  console.error(`making ${count} namespaces`);
  await makeNamespaces(plane);
  const kubeconfig = controllerKubeconfig(plane);
  const group = MemoryGroup.open(`registry-failover-scale-${process.pid}`);
  const words = [
    ...(group?.prefix ?? []),
    ownCopy(process.execPath, folder),
    ...nodeFlags(),
    path.join(ROOT, 'dist/main.mjs'),
    'controller',
    '--kubeconfig',
    kubeconfig,
    '--install-namespace',
    INSTALL_NAMESPACE,
    '--ops-listen',
    `127.0.0.1:${await freePort()}`,
  ];
  const began = performance.now();
  const log = path.join(folder, 'log');
  const child = spawn(words[0] ?? '', words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(-20_000)));
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(-20_000)));
  const pid = child.pid ?? 0;
  const memory = (): number => group?.workingSetMb() ?? rssMb(pid);
  try {
    let firstMs = 0;
    let peakMb = 0;
    await waitFor(`${2 * count} derived secrets`, LONGEST_MS, async () => {
      if (child.exitCode !== null) throw new Error(`the controller ended with ${child.exitCode}: ${said}`);
      await pause(200);
      const made = await derivedCount(plane);
      if (made > 0 && firstMs === 0) firstMs = performance.now() - began;
      peakMb = Math.max(peakMb, memory());
      return made === 2 * count;
    });
    const lastMs = performance.now() - began;
    console.error(`the last after ${(lastMs / 1000).toFixed(1)} s; resting for a minute`);
    const cpuBusy = cpuMicros(pid);
    await pause(60_000);
    const idleCpuShare = (cpuMicros(pid) - cpuBusy) / 60_000_000;
    const connections = connectionsOf(pid, new URL(plane.server).port);
    const settledMb = memory();
    // One source changes for every namespace at once.
    const rotated = performance.now();
    kubectl(
      plane,
      ['apply', '-f', '-'],
      JSON.stringify(pullSecret(INSTALL_NAMESPACE, 'own-pull', '127.0.0.1:1', 'new')),
    );
    await waitFor('every derived secret to be rotated', LONGEST_MS, async () => {
      await pause(200);
      peakMb = Math.max(peakMb, memory());
      const all = (await getObject(
        plane.access,
        '/api/v1/secrets?labelSelector=registry-failover.io%2Fderived%3Dtrue',
      )) as {
        readonly items: readonly {
          readonly metadata: { readonly name: string };
          readonly data: Record<string, string>;
        }[];
      };
      const ofSet = all.items.filter((item) => item.metadata.name === 'registry-failover-set-scale');
      const isNew = (data: Record<string, string>): boolean =>
        Buffer.from(data['.dockerconfigjson'] ?? '', 'base64')
          .toString('utf8')
          .includes('"password":"new"');
      return ofSet.length === count && ofSet.every((item) => isNew(item.data));
    });
    const rotationMs = performance.now() - rotated;
    return {
      firstMs,
      lastMs,
      rotationMs,
      connections,
      peakMb,
      settledMb,
      cpuSeconds: cpuMicros(pid) / 1e6,
      idleCpuShare,
    };
  } finally {
    writeFileSync(log, said);
    child.kill('SIGKILL');
    await pause(500);
    group?.close();
  }
}

function page(found: Found): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const s = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  return `# The controller with ${count.toLocaleString('en')} opted-in namespaces

Written by \`node bench/cluster/scale.ts\`; do not edit. ${new Date().toISOString().slice(0, 10)}, commit ${commit}. A real API server and etcd on the same
two cores, the bundled controller with the rights and the Node flags of the chart, and in every namespace one pull secret from which one is
derived, beside one for the mirror set: ${(2 * count).toLocaleString('en')} derived secrets.

| what | found |
|---|---|
| from the controller's start to the first derived secret | ${s(found.firstMs)} |
| … to the last | ${s(found.lastMs)} |
| one source rotated → the derived secret of every namespace | ${s(found.rotationMs)} |
| connections to the API server at rest | ${found.connections} |
| memory (working set), the most seen | ${found.peakMb.toFixed(0)} MB |
| memory (working set) at rest | ${found.settledMb.toFixed(0)} MB |
| CPU for all of it | ${found.cpuSeconds.toFixed(0)} s |
| CPU at rest, share of a core | ${(100 * found.idleCpuShare).toFixed(1)} % |
`;
}

const plane = await startControlPlane({ say: (line) => console.error(line) });
try {
  const found = await measure(plane);
  console.error(JSON.stringify(found));
  writeFileSync(OUT, page(found));
  console.error(`written: ${path.relative(process.cwd(), OUT)}`);
} finally {
  await plane.stop();
  rmSync(folder, { recursive: true, force: true });
}
