// Nodes cluster: the nodes that the API server has, as hosts for ssh.
import { FIELD_MANAGER } from '../../domain/installation-names.ts';
import { asObject, asString, own } from '../../domain/json.ts';
import type { JsonObject } from '../../domain/json.ts';
import { managedNodeOf } from '../../domain/managed-node.ts';
import type { Problem } from '../../domain/problem.ts';
import { err, ok } from '../../domain/result.ts';
import type { Result } from '../../domain/result.ts';
import { KubernetesApi } from '../../kubernetes/api.ts';
import { openConnection } from '../../kubernetes/connection.ts';
import { NODES } from '../../kubernetes/resource.ts';
import type { KubeObject } from '../../kubernetes/resource.ts';
import { parseSshTarget } from '../../ssh/ssh-target.ts';
import type { NodeTarget, TargetFlags } from './node-target.ts';
import { NODE_ADDRESSES } from './nodes-settings.ts';
import { VERSION } from '../version.ts';

const LIST_TIMEOUT_MS = 30_000;

function problem(path: string, code: string, message: string, fix: string): Problem {
  return { path, code, message, fix };
}

/** The first address of a type. */
function addressOf(status: JsonObject | undefined, type: string): string | undefined {
  const addresses: unknown = own(status, 'addresses');
  if (!Array.isArray(addresses)) return undefined;
  const found = addresses.map((one) => asObject(one)).find((one) => own(one, 'type') === type);
  return asString(own(found, 'address'));
}

function textOf(object: JsonObject | undefined, field: string): string {
  return asString(own(object, field)) ?? '';
}

/** Mirror files are for Linux; a Windows node has no such runtime. */
function isLinux(info: JsonObject | undefined): boolean {
  const system = textOf(info, 'operatingSystem');
  return system === '' || system === 'linux';
}

function targetOf(node: KubeObject, type: string): Result<NodeTarget | undefined, readonly Problem[]> {
  const { name, labels = {} } = node.metadata;
  const status = asObject(node['status']);
  const info = asObject(own(status, 'nodeInfo'));
  if (!isLinux(info)) return ok(undefined);
  const address = type === 'Name' ? name : addressOf(status, type);
  const path = `node ${name}`;
  if (address === undefined) {
    const fix = `Give another --node-address: ${NODE_ADDRESSES.join(', ')}`;
    return err([problem(path, 'NoAddress', `it has no address of type ${type}`, fix)]);
  }
  const target = parseSshTarget(address.includes(':') ? `[${address}]` : address, path);
  if (!target.ok) return target;
  const managed = managedNodeOf({
    osImage: textOf(info, 'osImage'),
    kubeletVersion: textOf(info, 'kubeletVersion'),
    containerRuntimeVersion: textOf(info, 'containerRuntimeVersion'),
    labels,
  });
  return ok({ name, target: target.value, labels, managed });
}

/** All Linux nodes by name, or everything that is wrong with them. */
export function targetsOf(
  nodes: readonly KubeObject[],
  type: string,
): Result<readonly NodeTarget[], readonly Problem[]> {
  const sorted = nodes.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const parsed = sorted.map((node) => targetOf(node, type));
  const problems = parsed.flatMap((one) => (one.ok ? [] : one.error));
  if (problems.length > 0) return err(problems);
  const targets = parsed.flatMap((one) => (one.ok && one.value !== undefined ? [one.value] : []));
  if (targets.length > 0) return ok(targets);
  return err([
    problem('--from-cluster', 'NoNodes', 'the cluster has no Linux nodes', 'Look at kubectl get nodes'),
  ]);
}

/** Asks the API server that the kubeconfig names. */
export async function readClusterTargets(
  flags: TargetFlags,
): Promise<Result<readonly NodeTarget[], readonly Problem[]>> {
  const { kubeconfig, context } = flags;
  const opened = await openConnection({ kubeconfig, context, userAgent: `registry-failover/${VERSION}` });
  if (!opened.ok) return opened;
  const api = new KubernetesApi({ connection: opened.value, fieldManager: FIELD_MANAGER });
  try {
    const listed = await api.list(NODES, {}, { timeoutMs: LIST_TIMEOUT_MS });
    if (listed.ok) return targetsOf(listed.value.items, flags.nodeAddress ?? 'InternalIP');
    const { kind, message } = listed.error;
    const fix = 'Try kubectl get nodes with the same kubeconfig and context';
    return err([problem('--from-cluster', 'NodesNotRead', `${kind}: ${message}`, fix)]);
  } finally {
    opened.value.close();
  }
}
