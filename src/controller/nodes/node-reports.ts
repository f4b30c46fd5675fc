// Node reports: what agents have said of the revision that their object holds now, and for how long we have known it.
import type { AgentReport } from '../../domain/node-rollout-facts.ts';
import type { StateRecord } from './node-record.ts';

type Verdict = 'Silent' | 'Done' | 'Failed';

/**
 * A node that is not Ready although its agent is done. `Young`: it stopped within the gate, and what we wrote may be why. `Old`: it
 * was well for longer. `Found`: it was so when we first looked.
 */
type Loss = 'Young' | 'Old' | 'Found';

interface Memory {
  readonly uid: string;
  readonly revision: string;
  readonly verdict: Verdict;
  /** Monotonic milliseconds. */
  readonly since: number;
  /** undefined: it is Ready, or its agent is not done. */
  readonly loss: Loss | undefined;
}

/** What the reports are to know of nodes. */
export interface ReportedNodes {
  readonly notReady: ReadonlySet<string>;
  readonly gateMs: number;
}

function verdictOf(state: StateRecord): Verdict | undefined {
  return state.status.generation < state.generation ? undefined : verdictOfRevision(state);
}

/** Whatever the generation: another order is another one. */
function verdictOfRevision({ wanted, status }: StateRecord): Verdict | undefined {
  if (status.revision !== wanted?.revision) return undefined;
  if (status.state === 'Failed' || status.state === 'Refused') return 'Failed';
  const good = wanted.action === 'Restore' ? 'Restored' : 'UpToDate';
  return status.state === good ? 'Done' : undefined;
}

function revisionOf({ wanted }: StateRecord): string {
  return wanted?.revision ?? '';
}

/** Of an agent's last word an order may be newer: what it said of this very revision holds all the same. */
function verdictAtFirst(state: StateRecord): Verdict {
  return verdictOfRevision(state) ?? 'Silent';
}

/** @param youngAfter What is done since then is within the gate. */
function lossOf(before: Memory | undefined, isFirst: boolean, youngAfter: number): Loss {
  if (isFirst) return 'Found';
  return before?.loss ?? (before === undefined || before.since > youngAfter ? 'Young' : 'Old');
}

/** Back again, it has the gate before it, but for one that had been through it. */
function sinceOf(before: Memory | undefined, loss: Loss | undefined, now: number): number {
  if (before === undefined) return now;
  const isBack = loss === undefined && before.loss !== undefined && before.loss !== 'Old';
  return isBack ? now : before.since;
}

/**
 * Ages are our own: agents' clocks are theirs. Another order of the same revision is a new generation that the agent has not
 * reported yet; what was known of the revision holds meanwhile. A node that dies within the gate is not done for as long as it is dead.
 */
export class NodeReports {
  readonly #memories = new Map<string, Memory>();

  /** @param now Monotonic milliseconds. */
  update(states: ReadonlyMap<string, StateRecord>, now: number, nodes: ReportedNodes): void {
    for (const name of this.#memories.keys()) if (!states.has(name)) this.#memories.delete(name);
    for (const [name, state] of states) this.#memories.set(name, this.#next(state, now, nodes));
  }

  #next(state: StateRecord, now: number, { notReady, gateMs }: ReportedNodes): Memory {
    const known = this.#knownOf(state);
    const isFirst = !this.#memories.has(state.name);
    const verdict = verdictOf(state) ?? known?.verdict ?? (isFirst ? verdictAtFirst(state) : 'Silent');
    const before = known?.verdict === verdict ? known : undefined;
    const isLost = verdict === 'Done' && notReady.has(state.name);
    const loss = isLost ? lossOf(before, isFirst, now - gateMs) : undefined;
    const since = sinceOf(before, loss, now);
    return { uid: state.uid, revision: revisionOf(state), verdict, since, loss };
  }

  /** What is remembered of this very revision in this very object. */
  #knownOf(state: StateRecord): Memory | undefined {
    const memory = this.#memories.get(state.name);
    return memory?.uid === state.uid && memory.revision === revisionOf(state) ? memory : undefined;
  }

  reportOf(state: StateRecord, now: number): AgentReport {
    const memory = this.#memories.get(state.name);
    const forMs = memory === undefined ? 0 : now - memory.since;
    const kind = memory?.verdict ?? 'Silent';
    if (memory?.loss !== undefined) return { kind: 'Done', forMs: memory.loss === 'Young' ? 0 : Infinity };
    if (kind !== 'Failed') return { kind, forMs };
    return { kind, message: state.status.message === '' ? 'its agent says no reason' : state.status.message };
  }
}
