// Node rollout: which nodes get what they are to have now, and why the others wait: canary, health gate, batches, stop. Pure.
import { resolveShare } from './node-rollout-facts.ts';
import type {
  NodePresent,
  NodeStanding,
  RolloutNode,
  RolloutPlan,
  RolloutSettings,
} from './node-rollout-facts.ts';

/** A node that has been given its target. */
interface Held {
  readonly node: RolloutNode;
  readonly present: NodePresent;
}

interface Holder extends Held {
  /** Why it counts as failed. */
  readonly failure: string | undefined;
}

/** All nodes with one target. */
interface Cohort {
  readonly holders: readonly Holder[];
  readonly pending: readonly RolloutNode[];
  /** Its canaries are well. */
  readonly isReleased: boolean;
  readonly failed: Holder | undefined;
}

function silenceOf(name: string): string {
  return `its agent does not report. Does it run there (kubectl get pods -A -o wide --field-selector spec.nodeName=${name})?`;
}

/**
 * Why a node with its target counts as failed. A node that stops being Ready within the gate is the failure that matters most:
 * its runtime may not have survived what we wrote. Before a canary was well that may be so however long it has been done: else the
 * next node would be tried, and the one after that.
 */
function failureOf(
  { node: { name, isReady, proof }, present: { report } }: Held,
  settings: RolloutSettings,
  isReleased: boolean,
): string | undefined {
  if (report.kind === 'Failed') return report.message;
  const isOld = isReleased && report.kind === 'Done' && report.forMs >= settings.gateMs;
  if (!isReady && !isOld) return 'it has stopped being Ready since it was given its mirror configuration';
  if (report.kind === 'Silent' && report.forMs >= settings.silentMs) return silenceOf(name);
  return proof.kind === 'Failed' ? proof.message : undefined;
}

function compareNames(a: { readonly name: string }, b: { readonly name: string }): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}

/** A node that has failed before may be ill by itself: it is the last to be a canary. */
function comparePending(a: RolloutNode, b: RolloutNode): number {
  const failed = ({ present }: RolloutNode): number => Number(present?.report.kind === 'Failed');
  return failed(a) - failed(b) || compareNames(a, b);
}

function isWell({ node, present }: Held, { gateMs }: RolloutSettings): boolean {
  const { report } = present;
  if (report.kind !== 'Done' || report.forMs < gateMs) return false;
  return node.isReady && (node.proof.kind === 'NotNeeded' || node.proof.kind === 'Proved');
}

function gather(members: readonly RolloutNode[], settings: RolloutSettings): Cohort {
  const held: Held[] = [];
  const pending: RolloutNode[] = [];
  for (const node of members) {
    const { present } = node;
    if (present?.revision !== node.target) pending.push(node);
    else held.push({ node, present });
  }
  const well = held.filter((one) => isWell(one, settings)).length;
  const isReleased =
    held.some(({ present }) => present.isReleased) || well >= Math.min(settings.canaries, members.length);
  const holders = held.map((one) => ({ ...one, failure: failureOf(one, settings, isReleased) }));
  return {
    holders,
    pending: pending.sort(comparePending),
    isReleased,
    failed: holders.find(({ failure }) => failure !== undefined),
  };
}

function cohortsOf(nodes: readonly RolloutNode[], settings: RolloutSettings): readonly Cohort[] {
  const byTarget = new Map<string, RolloutNode[]>();
  for (const node of [...nodes].sort(compareNames)) {
    const group = byTarget.get(node.target);
    if (group === undefined) byTarget.set(node.target, [node]);
    else group.push(node);
  }
  return [...byTarget.values()].map((members) => gather(members, settings));
}

/** Being changed at this moment. */
function isUnderWay({ node, present, failure }: Holder): boolean {
  return node.isReady && failure === undefined && present.report.kind === 'Silent';
}

/** The nodes on which a revision is tried first; they may have become more by a change of leader. */
function liveCanaries({ holders }: Cohort, { canaries }: RolloutSettings): readonly Holder[] {
  return holders.filter(({ node }) => node.isReady).slice(0, canaries);
}

/** Why a node of the cohort may not be given its target, whatever room there is; undefined: it may. */
function obstacleTo(node: RolloutNode, { failed }: Cohort): NodeStanding | undefined {
  if (failed !== undefined) {
    const message = `the rollout has stopped after a failure on node ${failed.node.name}: ${failed.failure ?? ''}`;
    return { kind: 'Waiting', reason: 'Stopped', message };
  }
  return node.isReady ? undefined : { kind: 'Waiting', reason: 'NotReady', message: 'the node is not Ready' };
}

function standingOf({ node, present, failure }: Holder, isReleased: boolean): NodeStanding {
  if (failure !== undefined) return { kind: 'Failed', message: failure };
  const isProving = !isReleased && node.proof.kind === 'Open';
  return present.report.kind === 'Done' && !isProving ? { kind: 'UpToDate' } : { kind: 'InProgress' };
}

/** When a holder's age alone changes the plan. */
function dueIn({ present: { report }, failure }: Holder, settings: RolloutSettings): number {
  if (failure !== undefined || report.kind === 'Failed') return Infinity;
  const limit = report.kind === 'Done' ? settings.gateMs : settings.silentMs;
  return report.forMs < limit ? limit - report.forMs : Infinity;
}

class Plan {
  readonly standings = new Map<string, NodeStanding>();
  readonly write: string[] = [];
  readonly prove: string[] = [];
  readonly release: string[] = [];
  #room: number;
  readonly #settings: RolloutSettings;

  constructor(room: number, settings: RolloutSettings) {
    this.#room = room;
    this.#settings = settings;
  }

  addHolders(cohort: Cohort): void {
    const { holders, isReleased, failed } = cohort;
    for (const holder of holders) this.standings.set(holder.node.name, standingOf(holder, isReleased));
    if (isReleased && failed === undefined && !holders.some(({ present }) => present.isReleased)) {
      const first = holders.find((holder) => isWell(holder, this.#settings));
      if (first !== undefined) this.release.push(first.node.name);
    }
    if (isReleased) return;
    for (const { node, present } of liveCanaries(cohort, this.#settings))
      if (present.report.kind === 'Done' && node.proof.kind === 'Open') this.prove.push(node.name);
  }

  addPending(cohort: Cohort): void {
    const canaries = liveCanaries(cohort, this.#settings);
    let places = cohort.isReleased ? Infinity : this.#settings.canaries - canaries.length;
    let first = canaries[0]?.node.name;
    for (const node of cohort.pending) {
      const obstacle = obstacleTo(node, cohort);
      if (obstacle !== undefined) this.standings.set(node.name, obstacle);
      else if (places > 0) {
        places -= 1;
        first ??= node.name;
        this.#writeIfRoom(node.name);
      } else {
        const message = `it is being tried on node ${first ?? ''} first`;
        this.standings.set(node.name, { kind: 'Waiting', reason: 'Canary', message });
      }
    }
  }

  #writeIfRoom(name: string): void {
    if (this.#room > 0) {
      this.#room -= 1;
      this.write.push(name);
      this.standings.set(name, { kind: 'InProgress' });
      return;
    }
    const message = 'as many nodes as maxUnavailable allows are being changed';
    this.standings.set(name, { kind: 'Waiting', reason: 'Batch', message });
  }
}

/**
 * Plans the next step. Planned again with its own result carried out, it asks for nothing more. Each revision is a rollout of its
 * own: nodes with another runtime, or other sets, have another; all share the room that `maxUnavailable` leaves.
 */
export function planRollout(nodes: readonly RolloutNode[], settings: RolloutSettings): RolloutPlan {
  const cohorts = cohortsOf(nodes, settings);
  const holders = cohorts.flatMap((cohort) => cohort.holders);
  const room = resolveShare(settings.maxUnavailable, nodes.length) - holders.filter(isUnderWay).length;
  const plan = new Plan(room, settings);
  for (const cohort of cohorts) plan.addHolders(cohort);
  // New canaries before batches: they are what others wait for.
  for (const isReleased of [false, true])
    for (const cohort of cohorts) if (cohort.isReleased === isReleased) plan.addPending(cohort);
  const due = Math.min(...holders.map((holder) => dueIn(holder, settings)));
  const { standings, write, prove, release } = plan;
  return { standings, write, prove, release, wakeInMs: due === Infinity ? undefined : due };
}
