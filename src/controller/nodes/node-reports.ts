// Node reports: what agents have said of the revision that their object holds now, and for how long we have known it.
import type { AgentReport } from '../../domain/node-rollout-facts.ts';
import type { StateRecord } from './node-record.ts';

type Verdict = 'Silent' | 'Done' | 'Failed';

interface Memory {
  readonly uid: string;
  readonly revision: string;
  readonly verdict: Verdict;
  /** Monotonic milliseconds. */
  readonly since: number;
}

function verdictOf({ wanted, generation, status }: StateRecord): Verdict | undefined {
  if (status.generation < generation || status.revision !== wanted?.revision) return undefined;
  if (status.state === 'Failed' || status.state === 'Refused') return 'Failed';
  const good = wanted.action === 'Restore' ? 'Restored' : 'UpToDate';
  return status.state === good ? 'Done' : undefined;
}

function revisionOf({ wanted }: StateRecord): string {
  return wanted?.revision ?? '';
}

/**
 * Ages are our own: agents' clocks are theirs. Another order of the same revision is a new generation that the agent has not
 * reported yet; what was known of the revision holds meanwhile.
 */
export class NodeReports {
  readonly #memories = new Map<string, Memory>();

  /** @param now Monotonic milliseconds. */
  update(states: ReadonlyMap<string, StateRecord>, now: number): void {
    for (const name of this.#memories.keys()) if (!states.has(name)) this.#memories.delete(name);
    for (const [name, state] of states) {
      const known = this.#knownOf(state);
      const verdict = verdictOf(state) ?? known?.verdict ?? 'Silent';
      if (known?.verdict === verdict) continue;
      this.#memories.set(name, { uid: state.uid, revision: revisionOf(state), verdict, since: now });
    }
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
    if (kind !== 'Failed') return { kind, forMs };
    return { kind, message: state.status.message === '' ? 'its agent says no reason' : state.status.message };
  }
}
