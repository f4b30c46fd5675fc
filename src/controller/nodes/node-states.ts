// Node states: the NodeMirrorStates as they are, a moment ahead of the watch, and the writing of them: each at a time of its own, paced.
import type { ClusterApi, Informer, InformerSource } from '../../kubernetes/cluster-api.ts';
import { NODE_MIRROR_STATES } from '../../kubernetes/resource.ts';
import type { KubeObject } from '../../kubernetes/resource.ts';
import { CALL } from '../leader-call.ts';
import type { StateDeed } from './node-judgement.ts';
import { keepState, printState, textOfState } from './node-record.ts';
import type { StateRecord } from './node-record.ts';
import type { ControllerClock } from '../status-clock.ts';
import { WorkQueue } from '../work-queue.ts';
import type { WorkResult } from '../work-queue.ts';

export interface NodeStatesOptions {
  readonly api: ClusterApi;
  readonly informers: InformerSource;
  readonly namespace: string;
  readonly clock: ControllerClock;
  readonly random: () => number;
  readonly onChange: () => void;
  readonly log: {
    did(deed: StateDeed['kind'], node: string, revision: string): void;
    failed(node: string, message: string): void;
  };
}

/** The watch tells of our own write within this time, or of something newer. */
const ECHO_MS = 10_000;

interface Echo {
  readonly record: StateRecord | undefined;
  readonly until: number;
}

/** Does the watch know at least as much as our write came to? */
function isHeard(seen: StateRecord | undefined, written: StateRecord | undefined): boolean {
  if (seen === undefined || written === undefined) return seen === written;
  return seen.uid === written.uid && seen.generation >= written.generation;
}

/** For one leadership. */
export class NodeStates {
  readonly #options: NodeStatesOptions;
  readonly #informer: Informer<StateRecord>;
  readonly #queue: WorkQueue;
  /** What a write came to, until the watch tells of it: the next plan must not take a node for one that has nothing yet. */
  readonly #echoes = new Map<string, Echo>();
  readonly #failures = new Map<string, string>();
  #deeds: ReadonlyMap<string, StateDeed> = new Map();

  constructor(options: NodeStatesOptions) {
    this.#options = options;
    const { informers, namespace, clock, random } = options;
    this.#informer = informers.watch({ type: NODE_MIRROR_STATES, scope: { namespace }, keep: keepState });
    this.#queue = new WorkQueue({
      work: (name) => this.#work(name),
      onEnd: (name, result, error) => {
        if (result === 'threw') options.log.failed(name, `internal error: ${String(error)}`);
      },
      timers: clock,
      random,
    });
    this.#informer.onChange(({ before, after }) => {
      const name = (after ?? before)?.name ?? '';
      if (after === undefined) this.#echoes.delete(name);
      options.onChange();
    });
  }

  get synced(): Promise<void> {
    return this.#informer.synced;
  }

  /** Node → why its object could not be written; until it can. */
  get failures(): ReadonlyMap<string, string> {
    return this.#failures;
  }

  /** By name. */
  current(): ReadonlyMap<string, StateRecord> {
    const states = new Map([...this.#informer.items.values()].map((record) => [record.name, record]));
    for (const name of this.#echoes.keys()) {
      const record = this.#lookUp(name);
      if (record === undefined) states.delete(name);
      else states.set(name, record);
    }
    return states;
  }

  #lookUp(name: string): StateRecord | undefined {
    const seen = this.#informer.items.get(`${this.#options.namespace}/${name}`);
    const echo = this.#echoes.get(name);
    if (echo === undefined) return seen;
    if (this.#options.clock.now() < echo.until && !isHeard(seen, echo.record)) return echo.record;
    this.#echoes.delete(name);
    return seen;
  }

  /** From now on these are to be done, and no others. */
  carryOut(deeds: ReadonlyMap<string, StateDeed>): void {
    this.#deeds = deeds;
    for (const name of this.#failures.keys()) if (!deeds.has(name)) this.#failures.delete(name);
    // What has failed keeps its own time.
    for (const name of deeds.keys()) if (!this.#failures.has(name)) this.#queue.add(name, 'all');
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    this.#informer.close();
    await this.#queue.close();
  }

  async #work(name: string): Promise<WorkResult> {
    const deed = this.#deeds.get(name);
    if (deed === undefined || this.#isDone(name, deed)) return { kind: 'done' };
    const { api, namespace, log, clock, onChange } = this.#options;
    const until = clock.now() + ECHO_MS;
    const done =
      deed.kind === 'remove'
        ? await api.remove(NODE_MIRROR_STATES, { namespace, name }, { ...CALL, uid: deed.uid })
        : await api.apply(
            NODE_MIRROR_STATES,
            printState(namespace, name, deed.wanted, deed.isReleased),
            CALL,
          );
    if (!done.ok) {
      this.#failures.set(name, done.error.message);
      log.failed(name, done.error.message);
      return { kind: 'failed', retryAfterMs: done.error.retryAfterMs };
    }
    this.#failures.delete(name);
    this.#echoes.set(name, { record: this.#read(done.value), until });
    log.did(deed.kind, name, deed.kind === 'write' ? deed.wanted.revision : '');
    onChange();
    return { kind: 'done' };
  }

  #read(object: KubeObject | undefined): StateRecord | undefined {
    return object === undefined ? undefined : keepState(object);
  }

  /** Somebody was faster, or it was done a moment ago. */
  #isDone(name: string, deed: StateDeed): boolean {
    const present = this.#lookUp(name);
    if (deed.kind === 'remove') return present?.uid !== deed.uid;
    const wanted = printState(this.#options.namespace, name, deed.wanted, deed.isReleased);
    return present?.text === textOfState(wanted);
  }
}
