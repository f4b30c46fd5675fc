// Node judgement: everything that is known of nodes at one moment becomes what to write, what to prove, and what to say. Pure.
import { planRollout } from '../../domain/node-rollout.ts';
import type {
  NodeProof,
  NodeStanding,
  RolloutNode,
  RolloutPlan,
  RolloutSettings,
} from '../../domain/node-rollout-facts.ts';
import { printPrefix } from '../../domain/reference.ts';
import { loginsOf } from '../../nodes/data/wanted.ts';
import type { NodeWanted } from '../../nodes/data/wanted.ts';
import type { CanaryImage, CanaryTask } from './node-canaries.ts';
import type { NodeOrderBook } from './node-order-book.ts';
import { printState, textOfState } from './node-record.ts';
import type { NodeRecord, StateRecord } from './node-record.ts';
import type { NodeReports } from './node-reports.ts';
import type { NodeTarget, NodeTargets } from './node-targets.ts';

/** How it stands with a node, also where no rollout reaches it. */
export type NodeVerdict =
  | NodeStanding
  | { readonly kind: 'NotSelected' }
  /** One sentence, with the fix. */
  | { readonly kind: 'NotConfigurable'; readonly message: string };

/** A node with everything that is known of it. */
export interface JudgedNode {
  readonly node: NodeRecord;
  readonly state: StateRecord | undefined;
  readonly verdict: NodeVerdict;
  /** undefined: nothing can be written there. */
  readonly target: NodeTarget | undefined;
}

export type StateDeed =
  | { readonly kind: 'write'; readonly wanted: NodeWanted; readonly isReleased: boolean }
  | { readonly kind: 'remove'; readonly uid: string };

export interface Judgement {
  /** By name. */
  readonly nodes: readonly JudgedNode[];
  /** Objects that are not as they should be, by name. */
  readonly deeds: ReadonlyMap<string, StateDeed>;
  readonly tasks: readonly CanaryTask[];
  /** Endpoints at which some node shows a credential of its own. */
  readonly nodeAuth: ReadonlySet<string>;
  readonly wakeInMs: number | undefined;
}

export interface JudgeInput {
  readonly namespace: string;
  readonly nodes: Iterable<NodeRecord>;
  readonly states: ReadonlyMap<string, StateRecord>;
  readonly targets: NodeTargets;
  readonly order: NodeOrderBook;
  readonly reports: NodeReports;
  readonly proofOf: (node: string, revision: string) => NodeProof;
  readonly settings: RolloutSettings;
  /** Monotonic milliseconds. */
  readonly now: number;
}

/** A node that a rollout reaches. */
interface Reached {
  readonly node: NodeRecord;
  readonly state: StateRecord | undefined;
  readonly target: NodeTarget;
  readonly images: readonly CanaryImage[];
}

/** More canaries than that say nothing more, and each takes its time. */
const MAX_CANARIES = 4;

/** What can be pulled to prove a target. While an upstream is out a failure would say nothing about the node. */
function canariesOf({ wanted, sets }: NodeTarget, order: NodeOrderBook): readonly CanaryImage[] {
  const prefixes = new Set(wanted.hosts.map(({ prefix }) => prefix));
  const images = sets.flatMap(({ name, prefix, canary, upstream, upstreamSecret }): CanaryImage[] => {
    const isUsable = prefixes.has(printPrefix(prefix)) && order.placeOf(upstream) !== 'out';
    if (canary === undefined || !isUsable) return [];
    const image = `${printPrefix(prefix)}/${canary.repository}:${canary.tag}`;
    return [{ set: name, image, secret: upstreamSecret?.name }];
  });
  return images.slice(0, MAX_CANARIES);
}

function compareNames(a: NodeRecord, b: NodeRecord): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}

function isGone({ target, state }: Reached, input: JudgeInput): boolean {
  if (target.sets.length > 0) return false;
  if (state === undefined) return true;
  return state.wanted?.action === 'Restore' && input.reports.reportOf(state, input.now).kind === 'Done';
}

function rolloutNode({ node, state, target, images }: Reached, input: JudgeInput): RolloutNode {
  const { revision } = target.wanted;
  const present =
    state === undefined
      ? undefined
      : {
          revision: state.wanted?.revision ?? '',
          report: input.reports.reportOf(state, input.now),
          isReleased: state.released === revision,
        };
  const proof: NodeProof = images.length === 0 ? { kind: 'NotNeeded' } : input.proofOf(node.name, revision);
  return { name: node.name, isReady: node.isReady, target: revision, present, proof };
}

/** What a node's object is to hold now; undefined: it is left as it is. */
function wantedNow(
  { node, state, target }: Reached,
  plan: RolloutPlan,
  input: JudgeInput,
): NodeWanted | undefined {
  const { revision } = target.wanted;
  if (plan.write.includes(node.name) || state?.wanted?.revision === revision) return target.wanted;
  return state?.wanted === undefined ? undefined : input.targets.reorder(state.wanted);
}

class Judge {
  readonly #input: JudgeInput;
  readonly #judged: JudgedNode[] = [];
  readonly #reached: Reached[] = [];
  readonly #deeds = new Map<string, StateDeed>();
  readonly #nodeAuth = new Set<string>();

  constructor(input: JudgeInput) {
    this.#input = input;
  }

  judge(): Judgement {
    const nodes = [...this.#input.nodes].sort(compareNames);
    for (const node of nodes) this.#sort(node);
    const names = new Set(nodes.map(({ name }) => name));
    for (const [name, { uid }] of this.#input.states)
      if (!names.has(name)) this.#deeds.set(name, { kind: 'remove', uid });
    const plan = planRollout(
      this.#reached.map((reached) => rolloutNode(reached, this.#input)),
      this.#input.settings,
    );
    for (const reached of this.#reached) this.#carryOut(reached, plan);
    return {
      nodes: this.#judged.sort((a, b) => compareNames(a.node, b.node)),
      deeds: this.#deeds,
      tasks: this.#tasks(plan),
      nodeAuth: this.#nodeAuth,
      wakeInMs: plan.wakeInMs,
    };
  }

  #sort(node: NodeRecord): void {
    const { targets, states, order } = this.#input;
    const state = states.get(node.name);
    const { runtime } = node;
    if ('obstacle' in runtime) {
      const isSelected = targets.setsFor(node.labels).length > 0;
      const verdict: NodeVerdict = isSelected
        ? { kind: 'NotConfigurable', message: runtime.obstacle }
        : { kind: 'NotSelected' };
      this.#judged.push({ node, state, verdict, target: undefined });
      return;
    }
    const target = targets.targetOf(node.labels, runtime, state?.wanted);
    const reached = { node, state, target, images: canariesOf(target, order) };
    if (!isGone(reached, this.#input)) {
      this.#reached.push(reached);
      return;
    }
    this.#judged.push({ node, state, verdict: { kind: 'NotSelected' }, target });
    if (state !== undefined) this.#deeds.set(node.name, { kind: 'remove', uid: state.uid });
  }

  #carryOut(reached: Reached, plan: RolloutPlan): void {
    const { node, state, target } = reached;
    const verdict = plan.standings.get(node.name) ?? { kind: 'InProgress' };
    this.#judged.push({ node, state, verdict, target });
    const wanted = wantedNow(reached, plan, this.#input);
    if (wanted === undefined) return;
    for (const endpoint of wanted.hosts.flatMap(loginsOf)) this.#nodeAuth.add(endpoint);
    const isReleased = state?.released === wanted.revision || plan.release.includes(node.name);
    const object = printState(this.#input.namespace, node.name, wanted, isReleased);
    if (textOfState(object) !== state?.text)
      this.#deeds.set(node.name, { kind: 'write', wanted, isReleased });
  }

  /** Also of those that have failed: they are tried again. */
  #tasks(plan: RolloutPlan): readonly CanaryTask[] {
    return this.#reached.flatMap(({ node, state, target, images }) => {
      const { revision } = target.wanted;
      if (images.length === 0 || state?.wanted?.revision !== revision) return [];
      const isAsked = plan.prove.includes(node.name);
      const isKnown = this.#input.proofOf(node.name, revision).kind !== 'Open';
      return isAsked || isKnown ? [{ node: node.name, revision, images }] : [];
    });
  }
}

/** Judges once. Judged again with its own deeds done it asks for nothing more. */
export function judgeNodes(input: JudgeInput): Judgement {
  return new Judge(input).judge();
}
