// The two nodes: what tells them apart, and where each keeps its things.
import path from 'node:path';
import type { ApiUser } from './control-plane-files.ts';
import { NODE1_NETWORK, NODE2_NETWORK } from './network.ts';
import type { LabNetwork } from './network.ts';
import { NODES } from './registries/callers.ts';

export type NodeName = 'node1' | 'node2';

export interface LabNode {
  readonly name: NodeName;
  readonly runtime: 'cri-o' | 'containerd';
  /** Short, since sockets lie in it and their paths end at 108 characters. */
  readonly folder: string;
  /** The runtime's CRI socket. */
  readonly socket: string;
  readonly network: LabNetwork;
  /** Below the root of every cgroup hierarchy. */
  readonly cgroup: string;
  /** The supplementary group that the runtime has, by which the registries know the node. */
  readonly group: number;
  /**
   * Where mirrors of this node's runtime are declared, empty in a new lab: CRI-O's `registries.conf.d` (SIGHUP to reload), or
   * containerd's `certs.d`.
   */
  readonly mirrorsFolder: string;
  /** What the node's runtime, kubelet and pods see as /etc/containers and /etc/containerd: the folders of these names in it. */
  readonly etc: string;
}

/** The folders of /etc that each node has to itself. */
export const OWN_ETC = ['containers', 'containerd'] as const;

export function labNodes(folder: string): readonly [LabNode, LabNode] {
  const first = path.join(folder, 'n1');
  const second = path.join(folder, 'n2');
  return [
    {
      name: 'node1',
      runtime: 'cri-o',
      folder: first,
      socket: path.join(first, 'crio.sock'),
      network: NODE1_NETWORK,
      cgroup: 'rflab1',
      group: NODES.node1.group,
      mirrorsFolder: path.join(first, 'etc/containers/registries.conf.d'),
      etc: path.join(first, 'etc'),
    },
    {
      name: 'node2',
      runtime: 'containerd',
      folder: second,
      socket: path.join(second, 'containerd.sock'),
      network: NODE2_NETWORK,
      cgroup: 'rflab2',
      group: NODES.node2.group,
      mirrorsFolder: path.join(second, 'etc/containerd/certs.d'),
      etc: path.join(second, 'etc'),
    },
  ];
}

/** The name that the API server knows a node's kubelet by. */
export function kubeletUser(node: LabNode): ApiUser {
  return { name: `system:node:${node.name}`, groups: ['system:nodes'] };
}

/**
 * Mounts a node's folders over those of /etc, in a mount namespace of its own. The mount that /etc lies on is cut off from the
 * machine's first, so that nothing else sees it; mounts in the node's folder are shared (start-nodes.ts), so that kubelet and
 * runtime see one another's.
 */
const VIEW = `set -e
etc=$1
shift
mount --make-private "$(findmnt -n -o TARGET --target /etc)"
for name in ${OWN_ETC.join(' ')}; do mount --bind "$etc/$name" "/etc/$name"; done
exec "$@"`;

/** Runs a program as one of the node: with the node's own /etc/containers and /etc/containerd. */
export function inNode(node: LabNode, command: readonly string[]): readonly string[] {
  const namespace = ['unshare', '--mount', '--propagation', 'unchanged', '--'];
  return [...namespace, '/bin/sh', '-c', VIEW, 'lab-view', node.etc, ...command];
}

/** The same, with the node's group beside root's own. */
export function asNode(node: LabNode, command: readonly string[]): readonly string[] {
  return ['setpriv', '--groups', String(node.group), '--', ...inNode(node, command)];
}
