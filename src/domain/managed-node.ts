// Managed node: whose files the node's system owns, so that we write none; and which runtime a Node object names. Pure.
import { asString, own } from './json.ts';
import type { Labels } from './label-selector.ts';

/** Systems that write their runtime's configuration themselves, and take back what others have written there. */
export const MANAGED_SYSTEMS = [
  'OpenShift',
  'Talos',
  'GKE',
  'k3s',
  'RKE2',
  'Bottlerocket',
  'MicroK8s',
] as const;
export type ManagedSystem = (typeof MANAGED_SYSTEMS)[number];

/** A node whose files are not ours to write, with where its mirrors are declared instead. */
export interface ManagedNode {
  readonly system: ManagedSystem;
  /** What is so and what it means, one sentence without a full stop. */
  readonly message: string;
  /** What to do, without a full stop. */
  readonly fix: string;
}

/** Of a Node object: `status.nodeInfo` and `metadata.labels`. Absent ones as ''. */
export interface NodeFacts {
  readonly osImage: string;
  readonly kubeletVersion: string;
  readonly containerRuntimeVersion: string;
  readonly labels: Labels;
}

/** What the machine's own system calls its mirror setting. */
const WHERE: Readonly<Record<ManagedSystem, string>> = {
  OpenShift:
    'Declare the mirrors with an ImageTagMirrorSet or ImageDigestMirrorSet; its machine config operator writes registries.conf',
  Talos:
    'Declare the mirrors in the machine configuration under machine.registries.mirrors, and apply it with talosctl',
  GKE: 'Declare the mirrors in the node pool: gcloud container node-pools update POOL --containerd-config-from-file=FILE',
  k3s: 'Declare the mirrors in /etc/rancher/k3s/registries.yaml, and restart k3s or k3s-agent on one node after the other',
  RKE2: 'Declare the mirrors in /etc/rancher/rke2/registries.yaml, and restart rke2-server or rke2-agent on one node after the other',
  Bottlerocket:
    'Declare the mirrors as settings.container-registry.mirrors, in user data or with apiclient set',
  MicroK8s: 'Declare the mirrors in /var/snap/microk8s/current/args/certs.d/HOST/hosts.toml',
};

/** The one text about a system, however it was recognised. */
export function managedNode(system: ManagedSystem): ManagedNode {
  const message = `${system} writes this node's runtime configuration itself, so no file is written here; pods are served by rewriting all the same`;
  return { system, message, fix: WHERE[system] };
}

type Sign = readonly [ManagedSystem, (facts: NodeFacts) => boolean];

// Red Hat's and CentOS' CoreOS exist in OpenShift and OKD only; a Fedora CoreOS without the label is an ordinary machine.
// `os_id: rhel` says nothing: MicroShift has it too, and there files are the operator's.
const OPENSHIFT_OS_IDS: ReadonlySet<string> = new Set(['rhcos', 'scos', 'fcos', 'fedora']);

const SIGNS: readonly Sign[] = [
  [
    'OpenShift',
    ({ osImage, labels }) =>
      /^(Red Hat Enterprise Linux|CentOS Stream) CoreOS\b/.test(osImage) ||
      OPENSHIFT_OS_IDS.has(asString(own(labels, 'node.openshift.io/os_id')) ?? ''),
  ],
  ['Talos', ({ osImage }) => /^Talos\b/.test(osImage)],
  [
    'GKE',
    ({ osImage, kubeletVersion, labels }) =>
      osImage.startsWith('Container-Optimized OS') ||
      /-gke\.\d/.test(kubeletVersion) ||
      Object.hasOwn(labels, 'cloud.google.com/gke-nodepool'),
  ],
  ['k3s', ({ kubeletVersion }) => /\+k3s\d/.test(kubeletVersion)],
  ['RKE2', ({ kubeletVersion }) => /\+rke2r\d/.test(kubeletVersion)],
  ['Bottlerocket', ({ osImage }) => /^Bottlerocket\b/.test(osImage)],
  ['MicroK8s', ({ labels }) => own(labels, 'microk8s.io/cluster') === 'true'],
];

/** Is the node one that manages its own runtime configuration? undefined: nothing says so. */
export function managedNodeOf(facts: NodeFacts): ManagedNode | undefined {
  const sign = SIGNS.find(([, shows]) => shows(facts));
  return sign === undefined ? undefined : managedNode(sign[0]);
}

/** The runtime of a node, in the shape of `nodes/`' Runtime. */
export interface NodeRuntime {
  readonly name: 'crio' | 'containerd';
  /** As the runtime says it, without a leading `v`: `1.34.0`. */
  readonly version: string;
}

/** The oldest that the files are written for: design.md 2. */
const OLDEST = { crio: [1, 28], containerd: [1, 7] } as const;

/**
 * Reads `status.nodeInfo.containerRuntimeVersion`, e.g. `cri-o://1.34.0`. undefined: another runtime, or no version in it.
 * An old version is a runtime all the same: {@link isSupportedRuntime}.
 */
export function runtimeOf(containerRuntimeVersion: string): NodeRuntime | undefined {
  const match = /^(cri-o|containerd):\/\/v?(\d+\.\d+[0-9A-Za-z.+~_-]{0,58})$/.exec(containerRuntimeVersion);
  const [, scheme, version] = match ?? [];
  if (version === undefined) return undefined;
  return { name: scheme === 'cri-o' ? 'crio' : 'containerd', version };
}

/** Is there support for this version of the runtime? A version that cannot be read is none. */
export function isSupportedRuntime({ name, version }: NodeRuntime): boolean {
  const match = /^(\d+)\.(\d+)/.exec(version);
  if (match === null) return false;
  const [major, minor] = OLDEST[name];
  const found = [Number(match[1]), Number(match[2])] as const;
  return found[0] > major || (found[0] === major && found[1] >= minor);
}

/** What is supported, for people. */
export const SUPPORTED_RUNTIMES = `CRI-O ${OLDEST.crio.join('.')} and newer, containerd ${OLDEST.containerd.join('.')} and newer`;
