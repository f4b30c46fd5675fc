// Nodes stage: the product with its agents on both nodes, what it has put there, and what was there before.
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { callApi, getObject } from '../../lab/api-client.ts';
import { CRIO_AUTH_FILE } from '../../lab/node-crio.ts';
import type { LabNode, NodeName } from '../../lab/nodes.ts';
import { install } from './product.ts';
import { mirror } from './sets.ts';
import type { Sets } from './sets.ts';
import { INSTALL_NAMESPACE, RELEASE, waitFor } from './stage.ts';
import type { Stage } from './stage.ts';

const STATES = `/apis/registry-failover.io/v1alpha1/namespaces/${INSTALL_NAMESPACE}/nodemirrorstates`;
/** A health probe, a write of the controller's, the agent's own look at the mirror, and a write on the node. */
const SETTLED_MS = 60_000;
/** A kubelet brings a Secret that is new to a pod that runs with its next round, a minute or more later. */
export const SECRET_MS = 150_000;

/** The file that an operator would have there before us, by its path below the node's etc. */
export const FOREIGN: Readonly<Record<NodeName, Readonly<Record<string, string>>>> = {
  node1: {
    'containers/registries.conf.d/000-shortnames.conf': '[aliases]\n"app" = "fra.registry.test/team/app"\n',
    'containers/policy.json': '{"default":[{"type":"insecureAcceptAnything"}]}\n',
    'containers/auth.json': '{"auths":{"operators.example":{"auth":"b3BlcmF0b3I6c2VjcmV0"}}}\n',
  },
  node2: {
    'containerd/certs.d/operators.example/hosts.toml': 'server = "https://operators.example"\n',
  },
};

/** The values that bring the agents. Both nodes share one network, so that their ports need addresses of their own. */
export const NODE_VALUES = [
  '--set',
  'nodes.enabled=true',
  '--set',
  'nodes.opsAddress=Node',
  '--set',
  `nodes.crioAuthFile=${CRIO_AUTH_FILE}`,
  '--set',
  'nodes.maxUnavailable=1',
  // The lab's CRI-O may not lower the score that the kernel chooses by when memory is short, as this class would have it.
  '--set',
  'nodes.priorityClassName=system-cluster-critical',
];

export interface NodeState {
  readonly metadata: { readonly name: string; readonly generation: number };
  readonly spec: {
    readonly wanted: {
      readonly revision: string;
      readonly action: string;
      readonly runtime: { readonly name: string; readonly version: string };
      readonly hosts: readonly { readonly prefix: string; readonly order: readonly string[] }[];
    };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly observedRevision?: string;
    readonly state?: string;
    readonly message?: string;
    readonly order?: readonly { readonly prefix: string; readonly first: string }[];
    readonly files?: readonly { readonly path: string; readonly sha256: string }[];
    readonly conflicts?: readonly unknown[];
    readonly leftOut?: readonly unknown[];
  };
}

/** What is there, and at its mirror, may be had without a credential. */
export const PUBLIC = 'fra.registry.test/public';
export const PLATFORM = 'platform.registry.test/public';
/** It may be sent what the upstream is, or containerd would not be told of it. */
export const openMirror = { ...mirror(PLATFORM, { source: 'None' }), mayReceiveUpstreamCredential: true };
/** Of a set: for all nodes, and for the whole host on containerd. */
export const WHOLE = { enabled: true, wholeHost: true };

/** Puts there what an operator has. */
export function putForeignFiles(nodes: readonly LabNode[]): void {
  for (const { name, etc } of nodes) {
    for (const [file, text] of Object.entries(FOREIGN[name])) {
      mkdirSync(path.dirname(path.join(etc, file)), { recursive: true });
      writeFileSync(path.join(etc, file), text, { mode: file.endsWith('auth.json') ? 0o600 : 0o644 });
    }
  }
}

export function removeForeignFiles(nodes: readonly LabNode[]): void {
  for (const { name, etc } of nodes)
    for (const file of Object.keys(FOREIGN[name])) rmSync(path.join(etc, file), { force: true });
}

/** Every file below a folder with all that is to come back: kind, mode, owner, content. Empty folders do not count. */
export function snapshot(folder: string): Readonly<Record<string, string>> {
  const entries = readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    const file = path.join(folder, name);
    const stat = lstatSync(file);
    if (stat.isDirectory()) return [];
    const sha256 = stat.isFile() ? createHash('sha256').update(readFileSync(file)).digest('hex') : 'no file';
    return [[name, [stat.mode.toString(8), stat.uid, stat.gid, sha256].join(' ')] as const];
  });
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Declares the set that pods without a pull secret outlive an outage by. */
export async function declarePublic(sets: Sets): Promise<void> {
  const further = { nodes: WHOLE };
  await sets.declare({ name: 'nodes-public', prefix: PUBLIC, mirrors: [openMirror], further });
}

/** Installs or upgrades with agents and waits until every one of them is ready. */
export async function installWithNodes(stage: Stage): Promise<void> {
  await install(...NODE_VALUES);
  const words = ['rollout', 'status', `daemonset/${RELEASE}-agent`, '-n', INSTALL_NAMESPACE, '--timeout=60s'];
  await stage.kubectl(...words);
}

export async function statesOf(stage: Stage): Promise<readonly NodeState[]> {
  const list = (await getObject(stage.lab.controlPlane.access, STATES)) as {
    readonly items: readonly NodeState[];
  };
  return list.items;
}

/** Waits until every node's state is as a test wants it, and has been reported for what is wanted now. Answers them by name. */
export async function waitStates(
  stage: Stage,
  what: string,
  isRight: (state: NodeState) => boolean,
  withinMs = SETTLED_MS,
): Promise<Readonly<Record<NodeName, NodeState>>> {
  let last: readonly NodeState[] = [];
  try {
    await waitFor(what, withinMs, async () => {
      last = await statesOf(stage);
      const isCurrent = ({ metadata, status }: NodeState): boolean =>
        status?.observedGeneration === metadata.generation;
      return last.length === 2 && last.every((state) => isCurrent(state) && isRight(state));
    });
  } catch (error) {
    const logs = await stage
      .kubectl('logs', '-n', INSTALL_NAMESPACE, `daemonset/${RELEASE}-agent`, '--all-pods', '--tail=20')
      .catch(String);
    throw new Error(`${String(error)}; they are ${JSON.stringify(last, null, 1)}\nagents: ${logs}`, {
      cause: error,
    });
  }
  return Object.fromEntries(last.map((state) => [state.metadata.name, state])) as Record<NodeName, NodeState>;
}

/** Waits until both runtimes ask this endpoint first. */
export async function waitFirst(stage: Stage, prefix: string, first: string): Promise<void> {
  await waitStates(stage, `both nodes to ask ${first} first for ${prefix}`, ({ status }) =>
    Boolean(status?.order?.some((one) => one.prefix === prefix && one.first === first)),
  );
}

/** As a person reads it. */
export async function describeStates(stage: Stage): Promise<string> {
  return await stage.kubectl('get', 'nodemirrorstates', '-n', INSTALL_NAMESPACE, '-o', 'wide');
}

/** Whether any is left. */
export async function hasStates(stage: Stage): Promise<boolean> {
  const answer = await callApi(stage.lab.controlPlane.access, { path: STATES });
  return (JSON.parse(answer.text) as { readonly items: readonly unknown[] }).items.length > 0;
}
