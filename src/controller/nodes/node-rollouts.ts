// Node rollouts: brings every node's NodeMirrorState from what it is to what it should be, round by round, for as long as this replica leads.
import type { Endpoint } from '../../domain/endpoint.ts';
import type { MirrorSet } from '../../domain/mirror-set.ts';
import type { SeenHealth } from '../../domain/node-order.ts';
import type { RolloutSettings } from '../../domain/node-rollout-facts.ts';
import type { Installation } from '../../domain/rights.ts';
import type { NodesFact } from '../../domain/set-status-facts.ts';
import type { ClusterApi, Informer, InformerSource } from '../../kubernetes/cluster-api.ts';
import { NODES } from '../../kubernetes/resource.ts';
import { aborted } from '../../kubernetes/wait.ts';
import { nodeCredentials } from '../../nodes/sources/node-credentials.ts';
import { NodeAuthSecret } from './node-auth-secret.ts';
import { NodeCanaries } from './node-canaries.ts';
import { countNodes, nodesFactOf } from './node-facts.ts';
import { judgeNodes } from './node-judgement.ts';
import type { Judgement, StateDeed } from './node-judgement.ts';
import { NodeOrderBook } from './node-order-book.ts';
import { keepNode } from './node-record.ts';
import type { NodeRecord } from './node-record.ts';
import { NodeReports } from './node-reports.ts';
import { NodeStates } from './node-states.ts';
import { NodeTargets } from './node-targets.ts';
import type { ControllerClock } from '../status-clock.ts';
import { printCanonical } from '../status-object.ts';

export interface NodeLog {
  did(deed: StateDeed['kind'], node: string, revision: string): void;
  proved(node: string, image: string): void;
  /** Tried again. */
  failed(subject: string, message: string): void;
  /** A bug: something threw. */
  threw(error: unknown): void;
}

export interface NodeRolloutsOptions {
  readonly api: ClusterApi;
  readonly informers: InformerSource;
  readonly install: Installation;
  readonly declared: { sets(): readonly MirrorSet[]; onChange(listener: () => void): () => void };
  /** `since` is on the clock's `now`. */
  readonly healthOf: (endpoint: Endpoint) => SeenHealth;
  readonly settings: RolloutSettings;
  readonly clock: ControllerClock;
  readonly random: () => number;
  /** Gauge nodes{state}. */
  readonly meter: { nodes(byState: ReadonlyMap<string, number>): void };
  readonly log: NodeLog;
  /** What the status says may have changed. */
  readonly onChange: () => void;
}

/** Changes that come together are judged together; an outage waits no longer than this. */
const GATHER_MS = 200;
/** Between two rounds in which nothing has been heard. */
const ROUND_MS = 15_000;
const SOONEST_MS = 50;

export class NodeRollouts {
  readonly #options: NodeRolloutsOptions;
  readonly #order: NodeOrderBook;
  readonly #reports = new NodeReports();
  readonly #canaries: NodeCanaries;
  readonly #auth: NodeAuthSecret;
  #nodes: Informer<NodeRecord> | undefined;
  #states: NodeStates | undefined;
  #judgement: Judgement | undefined;
  /** Name → generation of the sets that it was made for. */
  #judged: ReadonlyMap<string, number> = new Map();
  /** With what they were made from. */
  #targets:
    { readonly sets: readonly MirrorSet[]; readonly order: string; readonly made: NodeTargets } | undefined;
  #cancel: () => void = () => {};
  #roundAt = Infinity;

  constructor(options: NodeRolloutsOptions) {
    this.#options = options;
    const { api, informers, install, clock, random, log } = options;
    this.#order = new NodeOrderBook({ healthOf: options.healthOf });
    this.#canaries = new NodeCanaries({ api, install, clock, log, onChange: () => this.wake() });
    const onFailure = (message: string): void => log.failed('node-auth', message);
    this.#auth = new NodeAuthSecret({ api, informers, install, clock, random, onFailure });
  }

  /** Whether all nodes have been judged at least once. */
  get isSettled(): boolean {
    return this.#judgement !== undefined;
  }

  /** Of a set that has just been declared, or declared anew, what was found for the others, or for the old one, says nothing. */
  nodesOf(set: MirrorSet): NodesFact {
    if (this.#judgement === undefined || this.#states === undefined) return { kind: 'NotKnown' };
    if (this.#judged.get(set.name) !== set.generation) return { kind: 'NotKnown' };
    return nodesFactOf(set, this.#judgement.nodes, this.#states.failures);
  }

  /** Something may have changed: a round is held soon. Cheap, and may be called at any time. */
  wake(): void {
    this.#planRound(GATHER_MS);
  }

  /**
   * Works until the signal aborts; resolves when nothing is under way any more. The declarations must have been read before: a
   * node that no set selects is taken back. Started once.
   */
  async start(signal: AbortSignal): Promise<void> {
    const { api, informers, install, clock, random, log, declared } = this.#options;
    const wake = (): void => this.wake();
    const nodes = informers.watch({ type: NODES, scope: {}, keep: keepNode });
    const { namespace } = install;
    const states = new NodeStates({ api, informers, namespace, clock, random, log, onChange: wake });
    nodes.onChange(({ before, after }) => {
      // A kubelet writes its Node for many reasons that are none of ours.
      if (printCanonical(before) !== printCanonical(after)) this.wake();
    });
    const end = aborted(signal);
    const helpers = Promise.all([this.#canaries.start(signal), this.#auth.start(signal)]);
    await Promise.race([Promise.all([nodes.synced, states.synced]), end]);
    const stop = declared.onChange(wake);
    if (!signal.aborted) {
      this.#nodes = nodes;
      this.#states = states;
      this.wake();
    }
    await end;
    this.#nodes = undefined;
    this.#cancel();
    stop();
    nodes.close();
    await Promise.all([states.close(), helpers]);
    this.#states = undefined;
    this.#judgement = undefined;
    this.#options.meter.nodes(new Map());
  }

  #planRound(ms: number): void {
    const { clock } = this.#options;
    const at = clock.now() + ms;
    if (this.#nodes === undefined || at >= this.#roundAt) return;
    this.#cancel();
    this.#roundAt = at;
    this.#cancel = clock.after(ms, () => {
      this.#roundAt = Infinity;
      try {
        this.#holdRound();
      } catch (error) {
        this.#options.log.threw(error);
      }
      this.#planRound(this.#nextRoundMs());
    });
  }

  #nextRoundMs(): number {
    const { clock } = this.#options;
    const due = [
      this.#judgement?.wakeInMs,
      this.#order.backInMs,
      this.#canaries.againInMs(clock.now()),
    ].flatMap((ms) => ms ?? []);
    return Math.max(SOONEST_MS, Math.min(ROUND_MS, ...due));
  }

  /** Made anew when declarations or places have changed. */
  #targetsOf(sets: readonly MirrorSet[]): NodeTargets {
    const order = this.#order.text;
    if (this.#targets?.sets !== sets || this.#targets.order !== order) {
      const { namespace, fullname } = this.#options.install;
      this.#targets = { sets, order, made: new NodeTargets(`${namespace}/${fullname}`, sets, this.#order) };
    }
    return this.#targets.made;
  }

  #holdRound(): void {
    const [nodes, states] = [this.#nodes, this.#states];
    if (nodes === undefined || states === undefined) return;
    const { clock, declared, install, settings, meter, onChange } = this.#options;
    const now = clock.now();
    const all = declared.sets();
    const sets = all.filter((set) => set.nodes.enabled);
    const present = states.current();
    const notReady = new Set([...nodes.items.values()].flatMap((node) => (node.isReady ? [] : node.name)));
    this.#reports.update(present, now, { notReady, gateMs: settings.gateMs });
    this.#order.update(
      sets,
      [...present.values()].flatMap(({ wanted }) => wanted ?? []),
      now,
    );
    const judgement = judgeNodes({
      namespace: install.namespace,
      nodes: nodes.items.values(),
      states: present,
      targets: this.#targetsOf(all),
      order: this.#order,
      reports: this.#reports,
      proofOf: (node, revision) => this.#canaries.proofOf(node, revision),
      settings,
      now,
    });
    this.#judgement = judgement;
    this.#judged = new Map(all.map(({ name, generation }) => [name, generation]));
    this.#auth.want(judgement.nodeAuth, nodeCredentials(sets));
    states.carryOut(judgement.deeds);
    this.#canaries.want(judgement.tasks);
    meter.nodes(new Map(Object.entries(countNodes(judgement.nodes))));
    onChange();
  }
}
