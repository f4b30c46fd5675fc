// Derived facts: how it stands with every derived secret of every namespace, for status, metrics and events.
import { printProblem } from '../domain/problem.ts';
import type { SecretProblem } from '../domain/secret-plan.ts';
import type { CredentialFact } from '../domain/set-status-facts.ts';
import type { CredentialFacts, CredentialMeter, CredentialState } from './derived-effects.ts';
import type { EventReport, EventSink } from './event-sink.ts';

const WORST: readonly CredentialState[] = ['failed', 'pending', 'ready'];

function countSecrets(facts: readonly CredentialFact[]): Record<CredentialState, number> {
  const counts = { ready: 0, pending: 0, failed: 0 };
  const states = new Map<string, CredentialState>();
  for (const { secret, state } of facts) {
    const known = states.get(secret) ?? 'ready';
    states.set(secret, WORST.indexOf(state) < WORST.indexOf(known) ? state : known);
  }
  for (const state of states.values()) counts[state] += 1;
  return counts;
}

/** An event is about the source that its owner can mend, or the secret that stands in the way. */
function eventOf(namespace: string, { secret, uid, problem }: SecretProblem): EventReport {
  return {
    regarding: { kind: 'Secret', apiVersion: 'v1', namespace, name: secret, uid },
    type: 'Warning',
    reason: problem.code === 'SecretNameTaken' ? 'DerivedSecretNameTaken' : 'PullSecretUnreadable',
    note: printProblem(problem),
  };
}

interface Entry {
  readonly facts: readonly CredentialFact[];
  readonly counts: Readonly<Record<CredentialState, number>>;
  /** To tell that nothing has changed. */
  readonly print: string;
}

/** Keeps the facts by namespace, and tells when they change. */
export class DerivedFacts implements CredentialFacts {
  readonly #meter: CredentialMeter;
  readonly #events: EventSink;
  readonly #entries = new Map<string, Entry>();
  /** Namespace → secret → the problem that has been said. */
  readonly #said = new Map<string, ReadonlyMap<string, string>>();
  readonly #totals = { ready: 0, pending: 0, failed: 0 };
  readonly #listeners = new Set<() => void>();
  #all: readonly CredentialFact[] | undefined = [];

  constructor(meter: CredentialMeter, events: EventSink) {
    this.#meter = meter;
    this.#events = events;
  }

  facts(): readonly CredentialFact[] {
    this.#all ??= [...this.#entries.values()].flatMap(({ facts }) => facts);
    return this.#all;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Replaces what is known of a namespace. */
  set(namespace: string, facts: readonly CredentialFact[]): void {
    const print = JSON.stringify(facts);
    const before = this.#entries.get(namespace);
    if ((before?.print ?? '[]') === print) return;
    const entry = { facts, print, counts: countSecrets(facts) };
    if (facts.length === 0) this.#entries.delete(namespace);
    else this.#entries.set(namespace, entry);
    for (const state of WORST) this.#totals[state] += entry.counts[state] - (before?.counts[state] ?? 0);
    this.#all = undefined;
    this.#meter.derivedSecrets({ ...this.#totals });
    for (const listener of this.#listeners) listener();
  }

  /** Events for problems that are new, each once for as long as it lasts. */
  sayProblems(namespace: string, problems: readonly SecretProblem[]): void {
    const said = this.#said.get(namespace);
    for (const problem of problems) {
      if (said?.get(problem.secret) === problem.problem.message) continue;
      this.#events.report(eventOf(namespace, problem));
    }
    if (problems.length === 0) this.#said.delete(namespace);
    else {
      const messages = problems.map(({ secret, problem }) => [secret, problem.message] as const);
      this.#said.set(namespace, new Map(messages));
    }
  }

  forget(namespace: string): void {
    this.set(namespace, []);
    this.#said.delete(namespace);
  }

  /** Another replica leads now, and knows better. */
  clear(): void {
    for (const namespace of this.#entries.keys()) this.set(namespace, []);
    this.#said.clear();
  }
}
