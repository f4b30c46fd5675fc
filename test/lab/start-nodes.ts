// Starting both nodes: runtimes, kubelets, kube-proxy, and waiting until the API server takes them for ready.
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { getObject } from './api-client.ts';
import type { ApiAccess } from './api-client.ts';
import { makeCgroup, mountHugetlb } from './cgroups.ts';
import type { ControlPlane } from './control-plane.ts';
import { kubeconfigFile } from './control-plane-files.ts';
import type { Journal } from './journal.ts';
import { prepareKubelet } from './kubelet.ts';
import { importPauseIntoContainerd, prepareContainerd } from './node-containerd.ts';
import { importPauseIntoCrio, prepareCrio } from './node-crio.ts';
import { kubeletUser, labNodes, OWN_ETC } from './nodes.ts';
import type { LabNode } from './nodes.ts';
import { writePauseArchive } from './pause-image.ts';
import { run, succeeds } from './run.ts';
import { journalKubernetesSettings, prepareProxy, PROXY } from './services.ts';
import { waitFor } from './wait.ts';

/** Folders of the built binaries. */
export interface NodeBinaries {
  readonly kubernetes: string;
  readonly containerd: string;
  readonly crio: string;
  readonly pause: string;
}

export interface StartNodesOptions {
  readonly folder: string;
  readonly journal: Journal;
  readonly binaries: NodeBinaries;
  readonly controlPlane: ControlPlane;
  /** The CA of the registries, PEM. */
  readonly caFile: string;
}

const READY_MS = 60_000;

/** What the runtimes and kubelets leave in places that they cannot be told to keep out of. */
const PLACES = [
  '/run/containerd',
  '/run/crio',
  '/run/containers',
  '/var/lib/kubelet',
  '/var/lib/cni',
  '/var/lib/containers',
  '/var/lib/containers/cache/blob-info-cache-v1.sqlite',
  '/var/lib/containerd',
  '/var/log/containers',
  '/var/log/pods',
  '/etc/cni',
  '/run/runc',
];

/** Starts both runtimes and waits until they answer. */
export async function startRuntimes(options: StartNodesOptions): Promise<void> {
  const { folder, journal, binaries, controlPlane } = options;
  const { processes } = controlPlane;
  const [first, second] = labNodes(folder);
  journalPlaces(journal);
  await mountHugetlb(journal);
  for (const node of [first, second]) {
    await makeNodeFolder(journal, node);
    makeCgroup(journal, node.cgroup);
  }
  const trustFolder = path.join(folder, 'trust');
  mkdirSync(trustFolder, { recursive: true });
  copyFileSync(options.caFile, path.join(trustFolder, 'registries.pem'));
  const archive = writePauseArchive(folder, path.join(binaries.pause, 'pause'));
  const runtime = { lab: folder, trustFolder };
  const crio = prepareCrio({ ...runtime, node: first, binaries: binaries.crio });
  const containerd = prepareContainerd({ ...runtime, node: second, binaries: binaries.containerd });
  processes.start(containerd);
  await importPauseIntoCrio(first, archive);
  processes.start(crio);
  for (const [program, node] of [
    [containerd, second],
    [crio, first],
  ] as const)
    await processes.waitUntil(program.name, READY_MS, async () => await speaksCri(node, binaries));
  await importPauseIntoContainerd(second, binaries.containerd, archive);
}

/** Its mounts are shared, so that a kubelet and its runtime, each in a mount namespace, see one another's; we see them too. */
async function makeNodeFolder(journal: Journal, { folder, etc }: LabNode): Promise<void> {
  for (const name of OWN_ETC) {
    mkdirSync(path.join(etc, name), { recursive: true });
    // Where it is mounted to; what is not there yet goes again.
    const target = path.join('/etc', name);
    if (!existsSync(target)) journal.record({ kind: 'folder', path: target });
    mkdirSync(target, { recursive: true });
  }
  journal.record({ kind: 'mount', path: folder });
  await run('mount', ['--bind', folder, folder]);
  await run('mount', ['--make-private', folder]);
  await run('mount', ['--make-shared', folder]);
}

async function speaksCri(node: LabNode, binaries: NodeBinaries): Promise<boolean> {
  if (!existsSync(node.socket)) return false;
  const program = path.join(binaries.kubernetes, 'lab-kubernetes');
  return await succeeds(program, ['cri', '-endpoint', `unix://${node.socket}`, '-timeout', '5s', 'version']);
}

/** Starts both kubelets and kube-proxy, and waits until both nodes are Ready. */
export async function startKubelets(options: StartNodesOptions): Promise<void> {
  const { folder, journal, controlPlane } = options;
  const { processes } = controlPlane;
  const binary = path.join(options.binaries.kubernetes, 'lab-kubernetes');
  journalKubernetesSettings(journal);
  for (const node of labNodes(folder)) {
    const kubeconfig = kubeconfigFile(folder, kubeletUser(node));
    processes.start(prepareKubelet({ node, binary, kubeconfig }));
  }
  await waitFor('both nodes to be Ready', READY_MS, async () => {
    const ended = ['kubelet-node1', 'kubelet-node2'].find((name) => !processes.isRunning(name));
    if (ended !== undefined) throw new Error(`${ended} ended: ${processes.said(ended)}`);
    return (await readyNodes(controlPlane.access)).length === 2;
  });
  // kube-proxy takes its address from node1, so it goes last.
  const proxyConfig = kubeconfigFile(folder, PROXY);
  processes.start(prepareProxy({ folder, binary, kubeconfig: proxyConfig }));
}

interface NodeObject {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly nodeInfo?: { readonly containerRuntimeVersion: string; readonly kubeletVersion: string };
  };
}

/** The nodes that the API server takes for ready, each with what it runs. */
export async function readyNodes(access: ApiAccess): Promise<readonly string[]> {
  const { items } = (await getObject(access, '/api/v1/nodes')) as { items: readonly NodeObject[] };
  return items
    .filter((node) =>
      node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
    )
    .map(({ metadata, status }) => {
      const info = status?.nodeInfo;
      return `${metadata.name} (kubelet ${info?.kubeletVersion ?? '?'}, ${info?.containerRuntimeVersion ?? '?'})`;
    });
}

/** A place that is there already is someone else's, and stays. */
function journalPlaces(journal: Journal): void {
  for (const place of PLACES) if (!existsSync(place)) journal.record({ kind: 'path', path: place });
}
