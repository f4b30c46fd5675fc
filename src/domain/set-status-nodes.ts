// Set status nodes: the condition NodesReady: how many nodes have the set in their runtime's files, what stops the others, what to do.
import { sayNodeGrant } from './node-grant.ts';
import { sentence } from './problem.ts';
import { countOf, found, listSome, NOT_IN_FORCE } from './set-status-condition.ts';
import type { ConditionReason, Finding } from './set-status-condition.ts';
import type { KnownNodes, NodeNote, SetFacts } from './set-status-facts.ts';

const TYPE = 'NodesReady';
const PODS_ARE_SERVED = 'pods are sent to mirrors at their creation';
const MAX_LEFT_OUT = 10;
const MAX_LOGINS = 17;
const MAX_REMARKS = 3;

function tell({ node, message }: NodeNote): string {
  return sentence(`${node}: ${message}`);
}

/** Sentences that are true whatever the reason is. */
function asides(nodes: KnownNodes): string {
  const { matched, written, notReady, notConfigurable, obstacle, leftOut, loginsAt, remarks } = nodes;
  const rest = leftOut.length - MAX_LEFT_OUT;
  const empty = matched - notConfigurable - written;
  const parts = [
    ...(notReady > 0 ? [`${countOf(notReady, 'node')} will follow when Ready.`] : []),
    ...(notConfigurable > 0 && obstacle !== undefined
      ? [`${countOf(notConfigurable, 'node')} cannot be configured by us. ${tell(obstacle)}`]
      : []),
    ...(empty > 0 ? [`On ${countOf(empty, 'node')} nothing of this set can be written.`] : []),
    ...(loginsAt.length > 0 ? [sayNodeGrant(loginsAt.slice(0, MAX_LOGINS))] : []),
    ...(leftOut.length > 0
      ? [
          `Left out of the files: ${leftOut.slice(0, MAX_LEFT_OUT).map(sentence).join(' ')}${rest > 0 ? ` (and ${rest} more)` : ''}`,
        ]
      : []),
    ...(remarks.length > 0
      ? [sentence(`Agents report: ${listSome(remarks.slice(0, MAX_REMARKS), remarks.length)}`)]
      : []),
  ];
  return parts.map((part) => ` ${part}`).join('');
}

function isUnfinished({ inProgress, waiting, notReady, upToDate }: KnownNodes): boolean {
  return inProgress + waiting > 0 || (notReady > 0 && upToDate === 0);
}

function findUnready(nodes: KnownNodes, installNamespace: string): Finding | undefined {
  const { matched, upToDate, inProgress, waiting, failed, failure, wait } = nodes;
  const is = (reason: ConditionReason, message: string): Finding =>
    found(TYPE, 'False', reason, `${message}${asides(nodes)}`);
  const have = `${upToDate} of ${countOf(matched, 'node')} ${upToDate === 1 ? 'is' : 'are'} as wanted`;
  if (failure !== undefined)
    return is(
      'Stopped',
      `${have}, ${failed} failed, ${waiting + inProgress} wait. ${tell(failure)} ` +
        `Its agent says more (kubectl -n ${installNamespace} describe nodemirrorstate ${failure.node}). ` +
        'The rollout goes on by itself once that node is well, or with another declaration.',
    );
  if (isUnfinished(nodes)) {
    const first = wait === undefined ? '' : ` ${tell(wait)}`;
    return is('RollingOut', `${have}, ${inProgress} under way, ${waiting} waiting.${first}`);
  }
  if (nodes.notConfigurable > 0) return is('NotConfigurable', `${have}.`);
  if (nodes.hindered > 0)
    return is('Hindered', `${have}, but something is in the way on ${countOf(nodes.hindered, 'node')}.`);
  return undefined;
}

/** NodesReady: nodes have their own mirror configuration. */
export function findNodesReady({ nodesEnabled, set, nodes, installNamespace }: SetFacts): Finding {
  if (!nodesEnabled)
    return found(
      TYPE,
      'Unknown',
      'Disabled',
      `Nodes are left as they are (spec.nodes.enabled is false); ${PODS_ARE_SERVED}.`,
    );
  if (set === undefined) return found(TYPE, 'Unknown', 'NotInForce', NOT_IN_FORCE);
  if (nodes.kind === 'NotInstalled')
    return found(
      TYPE,
      'False',
      'NotInstalled',
      `The agents that configure nodes are not installed: set the chart value nodes.enabled. Meanwhile ${PODS_ARE_SERVED}.`,
    );
  if (nodes.kind === 'NotKnown')
    return found(TYPE, 'Unknown', 'NotKnownYet', 'What this set means for the nodes is being found out.');
  if (nodes.matched === 0)
    return found(
      TYPE,
      'Unknown',
      'NoNodes',
      `None of ${countOf(nodes.total, 'node')} has the labels of spec.nodes.selector. See: kubectl get nodes --show-labels`,
    );
  const unready = findUnready(nodes, installNamespace);
  if (unready !== undefined) return unready;
  if (nodes.written === 0)
    return found(
      TYPE,
      'False',
      'NothingToWrite',
      `No node has anything of this set in its files; ${PODS_ARE_SERVED}.${asides(nodes)}`,
    );
  const all =
    nodes.upToDate === 1 ? 'The one node is as wanted.' : `All ${nodes.upToDate} nodes are as wanted.`;
  return found(TYPE, 'True', 'UpToDate', `${all}${asides(nodes)}`);
}
