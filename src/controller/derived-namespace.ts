// Derived namespace: brings one namespace from what it is to what it should be: bindings, then secrets; on opt-out the other way round.
import type { PullSecretEntry } from '../domain/pull-secret.ts';
import { isEntryUsed } from '../domain/pod-use.ts';
import type { SecretUser } from '../domain/pod-use.ts';
import { bindingNames } from '../domain/rights.ts';
import type { Installation, NamespaceFacts } from '../domain/rights.ts';
import type { MirrorSet } from '../domain/mirror-set.ts';
import { planSecrets } from '../domain/secret-plan.ts';
import type { KeepReason, SecretPlan } from '../domain/secret-plan.ts';
import { setsFor } from '../domain/set-selection.ts';
import type { ApiFailure, ClusterApi } from '../kubernetes/cluster-api.ts';
import { sha256Hex } from '../nodes/sha256.ts';
import type { DerivedBook } from './derived-book.ts';
import type { CredentialLog, PodUse } from './derived-effects.ts';
import { awaitedFacts, planFacts, unboundFacts, unreadFacts } from './derived-report.ts';
import type { DerivedFacts } from './derived-facts.ts';
import type { Grace, GraceRound } from './derived-grace.ts';
import { carryOut } from './derived-writes.ts';
import type { NamespaceBindings } from './namespace-bindings.ts';
import type { NamespaceWatches } from './namespace-watch.ts';
import type { SecretRecord } from './secret-record.ts';
import type { WorkResult } from './work-queue.ts';

export interface NamespaceWorkOptions {
  readonly api: ClusterApi;
  readonly install: Installation;
  readonly sets: () => readonly MirrorSet[];
  readonly pods: PodUse;
  readonly bindings: NamespaceBindings;
  readonly watches: NamespaceWatches;
  readonly facts: DerivedFacts;
  readonly book: DerivedBook;
  readonly grace: Grace;
  readonly log: CredentialLog;
  /** Aborted when another replica is to lead: nothing new is begun. */
  readonly signal: AbortSignal;
}

/** How soon is looked again whether pods are heard of. */
const UNSEEN_PODS_MS = 5_000;

const DONE: WorkResult = { kind: 'done' };

/** Works on one namespace at a time; what happens in between comes back as the next turn. */
export class NamespaceWork {
  readonly #options: NamespaceWorkOptions;
  /** Namespaces where something stays only because pods use it. */
  readonly #waitingForPods = new Set<string>();

  constructor(options: NamespaceWorkOptions) {
    this.#options = options;
  }

  /** Would it make a difference there that a pod has gone? */
  isWaitingForPods(namespace: string): boolean {
    return this.#waitingForPods.has(namespace);
  }

  /** An opted-in namespace. */
  async serve(namespace: NamespaceFacts): Promise<WorkResult> {
    const { bindings, watches, facts, install, signal } = this.#options;
    const { name } = namespace;
    const sets = setsFor(this.#options.sets(), namespace.labels);
    const refusal = await bindings.ensure(name, signal);
    if (refusal !== undefined) {
      facts.set(name, unboundFacts(name, sets, refusal));
      return this.#failed(name, `RoleBindings ${Object.values(bindingNames(install)).join(', ')}`, refusal);
    }
    watches.open(name);
    const secrets = watches.secretsOf(name);
    if (secrets === undefined) {
      const overdueIn = watches.overdueIn(name);
      facts.set(name, overdueIn === 0 ? unreadFacts(name, sets) : awaitedFacts(name, sets));
      // Once they are in, they call by themselves.
      return overdueIn === 0 ? DONE : { kind: 'later', ms: overdueIn };
    }
    return this.#keepSecrets(name, secrets, sets);
  }

  /** A namespace that is not opted in: what is ours goes, the right to take it away last. */
  async retire(name: string): Promise<WorkResult> {
    const { bindings, watches, facts } = this.#options;
    facts.forget(name);
    const refusal = await bindings.remove(name, 'webhook');
    if (refusal !== undefined) return this.#failed(name, 'RoleBinding of the webhook', refusal);
    // With a binding that somebody has bent we could not read, and wait for ever.
    if (!bindings.isRight(name, 'controller')) return this.#leave(name);
    watches.open(name);
    const secrets = watches.secretsOf(name);
    if (secrets === undefined) return DONE;
    const { plan, againMs } = this.#plan(name, secrets, undefined);
    const { failure } = await this.#write(name, plan);
    if (failure !== undefined) return this.#failed(name, 'derived secrets', failure);
    if (plan.kept.length > 0) return this.#later(againMs);
    return this.#leave(name);
  }

  /** A namespace that is gone, or going: everything in it goes with it. */
  forget(name: string): void {
    const { watches, facts, book, grace } = this.#options;
    watches.close(name);
    facts.forget(name);
    book.set(name, []);
    grace.forget(name);
    this.#waitingForPods.delete(name);
  }

  async #leave(name: string): Promise<WorkResult> {
    this.forget(name);
    if (this.#options.signal.aborted) return DONE;
    const refusal = await this.#options.bindings.remove(name, 'controller');
    return refusal === undefined ? DONE : this.#failed(name, 'RoleBinding of the controller', refusal);
  }

  async #keepSecrets(
    name: string,
    secrets: readonly SecretRecord[],
    sets: readonly MirrorSet[],
  ): Promise<WorkResult> {
    const { facts } = this.#options;
    const { plan, againMs } = this.#plan(name, secrets, sets);
    if (plan.apply.length > 0) facts.set(name, planFacts(name, plan, 'before'));
    facts.sayProblems(name, plan.problems);
    const written = await this.#write(name, plan);
    facts.set(name, planFacts(name, plan, written.failures));
    if (written.failure !== undefined) return this.#failed(name, 'derived secrets', written.failure);
    return this.#later(againMs);
  }

  #plan(
    namespace: string,
    secrets: readonly SecretRecord[],
    sets: readonly MirrorSet[] | undefined,
  ): { readonly plan: SecretPlan; readonly againMs: number | undefined } {
    const round = this.#options.grace.begin(namespace);
    const found = secrets.flatMap((record) => (record.kind === 'derived' ? [record.found] : []));
    this.#options.book.set(namespace, found);
    const plan = planSecrets({
      namespace,
      isOptedIn: sets !== undefined,
      sets: sets ?? [],
      sources: secrets.flatMap((record) => (record.kind === 'source' ? [record.source] : [])),
      found,
      reasonToKeep: this.#reasonToKeep(namespace, round),
      sha256: sha256Hex,
    });
    if (plan.kept.some(({ because }) => because === 'in-use')) this.#waitingForPods.add(namespace);
    else this.#waitingForPods.delete(namespace);
    const againMs = round.finish();
    const isBlind = plan.kept.length > 0 && !this.#options.pods.isCurrent;
    return { plan, againMs: isBlind ? Math.min(againMs ?? Infinity, UNSEEN_PODS_MS) : againMs };
  }

  #reasonToKeep(
    namespace: string,
    round: GraceRound,
  ): (secretName: string, entry: PullSecretEntry) => KeepReason | undefined {
    const users = new Map<string, readonly SecretUser[]>();
    return (secretName, entry) => {
      const known = users.get(secretName) ?? this.#options.pods.usersOf(namespace, secretName);
      users.set(secretName, known);
      const isFresh = round.holds(secretName, entry.key);
      if (isEntryUsed(entry, known)) return 'in-use';
      return isFresh || !this.#options.pods.isCurrent ? 'just-undeclared' : undefined;
    };
  }

  #write(namespace: string, plan: SecretPlan): ReturnType<typeof carryOut> {
    const { api, log, signal } = this.#options;
    return carryOut({ api, log, signal, namespace, plan });
  }

  #later(againMs: number | undefined): WorkResult {
    return againMs === undefined ? DONE : { kind: 'later', ms: againMs };
  }

  #failed(namespace: string, what: string, failure: ApiFailure): WorkResult {
    this.#options.log.failed(namespace, what, failure.message);
    return { kind: 'failed', retryAfterMs: failure.retryAfterMs };
  }
}
