// Node facts: what the judgement of all nodes says about one mirror set, and how many nodes are in which state. Pure.
import type { MirrorSet } from '../../domain/mirror-set.ts';
import type { KnownNodes, NodeNote } from '../../domain/set-status-facts.ts';
import { selects } from '../../domain/label-selector.ts';
import { printPrefix } from '../../domain/reference.ts';
import { loginsOf } from '../../nodes/data/wanted.ts';
import type { JudgedNode } from './node-judgement.ts';

/** Values of the metric's label. */
export type NodeState =
  'up_to_date' | 'in_progress' | 'waiting' | 'not_ready' | 'failed' | 'not_configurable' | 'not_selected';

function stateOf({ verdict }: JudgedNode): NodeState {
  switch (verdict.kind) {
    case 'UpToDate':
      return 'up_to_date';
    case 'InProgress':
      return 'in_progress';
    case 'Failed':
      return 'failed';
    case 'Waiting':
      return verdict.reason === 'NotReady' ? 'not_ready' : 'waiting';
    case 'NotConfigurable':
      return 'not_configurable';
    case 'NotSelected':
      return 'not_selected';
  }
}

/** Every state, also those of no node. */
export function countNodes(nodes: readonly JudgedNode[]): Readonly<Record<NodeState, number>> {
  const counts = {
    up_to_date: 0,
    in_progress: 0,
    waiting: 0,
    not_ready: 0,
    failed: 0,
    not_configurable: 0,
    not_selected: 0,
  };
  for (const node of nodes) counts[stateOf(node)] += 1;
  return counts;
}

function messageOf({ node, verdict }: JudgedNode): NodeNote | undefined {
  return 'message' in verdict ? { node: node.name, message: verdict.message } : undefined;
}

function firstNote(nodes: readonly JudgedNode[], state: NodeState): NodeNote | undefined {
  const found = nodes.find((node) => stateOf(node) === state);
  return found === undefined ? undefined : messageOf(found);
}

/** Said where the set as a whole is not in the node's data; a mirror of it alone has an endpoint. */
function isLeftOut({ target }: JudgedNode, set: string): boolean {
  if (target === undefined) return true;
  return target.leftOut.some((entry) => entry.set === set && entry.endpoint === undefined);
}

function isHindered({ verdict, state }: JudgedNode): boolean {
  return verdict.kind === 'UpToDate' && (state?.status.troubles.length ?? 0) > 0;
}

/** An agent lets an order be when what would come first does not answer it. */
function orderRemark({ node, state }: JudgedNode, set: MirrorSet): string[] {
  if (state?.wanted === undefined || state.status.generation < state.generation) return [];
  const prefix = printPrefix(set.prefix);
  const [wanted] = state.wanted.hosts.find((host) => host.prefix === prefix)?.order ?? [];
  const first = state.status.first.get(prefix);
  if (wanted === undefined || first === undefined || first === wanted) return [];
  return [`${node.name} still asks ${first} before ${wanted}, which does not answer from there`];
}

function remarksOf(judged: JudgedNode, set: MirrorSet): string[] {
  const troubles = judged.state?.status.troubles ?? [];
  return [...troubles.map((trouble) => `${judged.node.name}: ${trouble}`), ...orderRemark(judged, set)];
}

function loginsAt({ target }: JudgedNode, set: MirrorSet): readonly string[] {
  const prefix = printPrefix(set.prefix);
  const host = target?.wanted.hosts.find((one) => one.prefix === prefix);
  return host === undefined ? [] : loginsOf(host);
}

function writeNote(
  nodes: readonly JudgedNode[],
  failures: ReadonlyMap<string, string>,
): NodeNote | undefined {
  const name = nodes.find(({ node }) => failures.has(node.name))?.node.name;
  if (name === undefined) return undefined;
  const message = `its NodeMirrorState could not be written (${failures.get(name) ?? ''}); it is tried again`;
  return { node: name, message };
}

/**
 * @param failures Node → why its object could not be written.
 */
export function nodesFactOf(
  set: MirrorSet,
  nodes: readonly JudgedNode[],
  failures: ReadonlyMap<string, string>,
): KnownNodes {
  const matched = nodes.filter(({ node }) => selects(set.nodes.selector, node.labels));
  const counts = countNodes(matched);
  const leftOut = matched
    .flatMap(({ target }) => target?.leftOut ?? [])
    .filter((entry) => entry.set === set.name);
  return {
    kind: 'Known',
    total: nodes.length,
    matched: matched.length,
    upToDate: counts.up_to_date,
    inProgress: counts.in_progress,
    waiting: counts.waiting,
    notReady: counts.not_ready,
    failed: counts.failed,
    notConfigurable: counts.not_configurable,
    hindered: matched.filter(isHindered).length,
    written: matched.filter((node) => !isLeftOut(node, set.name)).length,
    failure: firstNote(matched, 'failed'),
    wait: writeNote(matched, failures) ?? firstNote(matched, 'waiting'),
    obstacle: firstNote(matched, 'not_configurable'),
    leftOut: [...new Set(leftOut.map(({ message }) => message))],
    loginsAt: [...new Set(matched.flatMap((judged) => loginsAt(judged, set)))],
    remarks: matched.flatMap((judged) => remarksOf(judged, set)),
  };
}
