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
}

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
      mirrorsFolder: path.join(first, 'registries.conf.d'),
    },
    {
      name: 'node2',
      runtime: 'containerd',
      folder: second,
      socket: path.join(second, 'containerd.sock'),
      network: NODE2_NETWORK,
      cgroup: 'rflab2',
      group: NODES.node2.group,
      mirrorsFolder: path.join(second, 'certs.d'),
    },
  ];
}

/** The name that the API server knows a node's kubelet by. */
export function kubeletUser(node: LabNode): ApiUser {
  return { name: `system:node:${node.name}`, groups: ['system:nodes'] };
}

/** Runs a program with the node's group beside root's own. */
export function asNode(node: LabNode, command: readonly string[]): readonly string[] {
  return ['setpriv', '--groups', String(node.group), '--', ...command];
}
