// Derived secrets: keeps every opted-in namespace supplied with rights and derived pull secrets, for as long as this replica leads.
import { isOptedIn } from '../domain/rights.ts';
import type { Installation, NamespaceFacts } from '../domain/rights.ts';
import type { CredentialFact } from '../domain/set-status-facts.ts';
import type { ClusterApi, Informer, InformerSource } from '../kubernetes/cluster-api.ts';
import { NAMESPACES } from '../kubernetes/resource.ts';
import { aborted } from '../kubernetes/wait.ts';
import type {
  CredentialFacts,
  CredentialLog,
  CredentialMeter,
  MirrorSetSource,
  PodUse,
} from './derived-effects.ts';
import { DerivedBook } from './derived-book.ts';
import type { DerivedSubject } from './derived-book.ts';
import { DerivedFacts } from './derived-facts.ts';
import type { EventSink } from './event-sink.ts';
import { Grace } from './derived-grace.ts';
import { NamespaceWork } from './derived-namespace.ts';
import { NamespaceBindings } from './namespace-bindings.ts';
import { NamespaceWatches } from './namespace-watch.ts';
import { isSameNamespace, keepNamespace } from './opt-in.ts';
import { SYSTEM_CLOCK } from './status-clock.ts';
import type { Timers } from './status-clock.ts';
import { WorkQueue } from './work-queue.ts';
import type { WorkResult } from './work-queue.ts';

/** Longer than a webhook that is alive takes to hear of a change. */
const GRACE_MS = 5_000;

export interface DerivedSecretsOptions {
  readonly api: ClusterApi;
  readonly informers: InformerSource;
  readonly install: Installation;
  readonly declarations: MirrorSetSource;
  readonly pods: PodUse;
  readonly events: EventSink;
  readonly meter: CredentialMeter;
  readonly log: CredentialLog;
  readonly timers?: Timers | undefined;
  readonly random?: (() => number) | undefined;
  /** How long an entry stays after nothing declares it any more; milliseconds. */
  readonly graceMs?: number | undefined;
}

/** What outlives a leadership, empty in between. */
interface Findings {
  readonly facts: DerivedFacts;
  readonly book: DerivedBook;
}

/** One leadership: everything in it is made at its start and closed at its end. */
class Session {
  readonly #options: DerivedSecretsOptions;
  readonly #namespaces: Informer<NamespaceFacts>;
  readonly #bindings: NamespaceBindings;
  readonly #watches: NamespaceWatches;
  readonly #work: NamespaceWork;
  readonly #queue: WorkQueue;
  readonly #stops: (() => void)[] = [];
  /** Namespaces that are there and have had a turn to its end. */
  readonly #lookedAt = new Set<string>();
  #hasBegun = false;

  constructor(options: DerivedSecretsOptions, findings: Findings, signal: AbortSignal) {
    this.#options = options;
    const { api, informers, install, log, meter, pods, declarations } = options;
    const timers = options.timers ?? SYSTEM_CLOCK;
    this.#queue = new WorkQueue({
      work: (namespace) => this.#turn(namespace),
      onEnd: (namespace, result, error) => {
        meter.reconciled('namespace', result);
        // A turn may end when its namespace has gone: whatever comes back under that name has had none.
        if (result !== 'later' && this.#namespaces.items.has(namespace)) this.#lookedAt.add(namespace);
        if (result === 'threw') log.threw(namespace, error);
      },
      timers,
      random: options.random ?? Math.random,
    });
    this.#namespaces = informers.watch({ type: NAMESPACES, scope: {}, keep: keepNamespace });
    this.#bindings = new NamespaceBindings({ api, informers, install, log });
    this.#watches = new NamespaceWatches({
      informers,
      timers,
      onChange: (namespace) => this.#queue.add(namespace),
    });
    this.#work = new NamespaceWork({
      api,
      install,
      log,
      pods,
      ...findings,
      signal,
      sets: () => declarations.sets(),
      bindings: this.#bindings,
      watches: this.#watches,
      grace: new Grace(options.graceMs ?? GRACE_MS, timers),
    });
  }

  /** Resolves when everything that a decision rests on is known. */
  get synced(): Promise<unknown> {
    const { declarations, pods } = this.#options;
    return Promise.all([this.#namespaces.synced, this.#bindings.synced, declarations.synced, pods.synced]);
  }

  boundSince(namespace: string): number | undefined {
    return this.#bindings.madeAt(namespace);
  }

  /** Whether every namespace that is to be served has been worked on. */
  get isSettled(): boolean {
    if (!this.#hasBegun) return false;
    const served = [...this.#namespaces.items.values()].filter((each) =>
      isOptedIn(each, this.#options.install.namespace),
    );
    return served.every(({ name }) => this.#lookedAt.has(name));
  }

  begin(): void {
    this.#hasBegun = true;
    const { declarations, pods } = this.#options;
    const add = (namespace: string): void => this.#queue.add(namespace);
    this.#namespaces.onChange(({ key, before, after }) => {
      if (after === undefined) this.#lookedAt.delete(key);
      if (!isSameNamespace(before, after)) add(key);
    });
    this.#bindings.onChange(add);
    this.#stops.push(
      declarations.onChange(() => this.#addServed()),
      pods.onChange((namespace) => {
        if (this.#work.isWaitingForPods(namespace)) add(namespace);
      }),
    );
    this.#addServed();
    for (const namespace of this.#bindings.namespaces()) this.#queue.add(namespace, 'all');
  }

  /** Resolves when no call is under way any more. */
  async end(): Promise<void> {
    for (const stop of this.#stops) stop();
    this.#namespaces.close();
    this.#bindings.close();
    this.#watches.closeAll();
    await this.#queue.close();
    // A turn that was under way may have opened one more.
    this.#watches.closeAll();
  }

  #addServed(): void {
    for (const namespace of this.#namespaces.items.values())
      if (isOptedIn(namespace, this.#options.install.namespace)) this.#queue.add(namespace.name, 'all');
  }

  async #turn(name: string): Promise<WorkResult> {
    const namespace = this.#namespaces.items.get(name);
    if (namespace === undefined || namespace.isDeleting) {
      this.#work.forget(name);
      return { kind: 'done' };
    }
    if (isOptedIn(namespace, this.#options.install.namespace)) return await this.#work.serve(namespace);
    return await this.#work.retire(name);
  }
}

/**
 * Supplies namespaces while it leads: a label comes → rights, then secrets; a source, a set or a pod changes → what follows from it, in place;
 * a hand edit → as it was; the label goes → secrets that nobody uses, then the rights.
 */
export class DerivedSecrets implements CredentialFacts {
  readonly #options: DerivedSecretsOptions;
  readonly #facts: DerivedFacts;
  readonly #book = new DerivedBook();
  #session: Session | undefined;

  constructor(options: DerivedSecretsOptions) {
    this.#options = options;
    this.#facts = new DerivedFacts(options.meter, options.events);
  }

  /** Whether the facts are of all namespaces: false while it does not lead, and until each has been worked on once. */
  get isSettled(): boolean {
    return this.#session?.isSettled ?? false;
  }

  /**
   * Since when a namespace has had our rights, milliseconds of Unix time: it was opted in by then. A leader that has just begun
   * knows it from nothing else.
   */
  boundSince(namespace: string): number | undefined {
    return this.#session?.boundSince(namespace);
  }

  facts(): readonly CredentialFact[] {
    return this.#facts.facts();
  }

  onChange(listener: () => void): () => void {
    return this.#facts.onChange(listener);
  }

  /** The secrets that are up to date, once for each set that wants them; empty while another replica leads. */
  subjects(): readonly DerivedSubject[] {
    return this.#book.subjects(this.facts(), this.#options.declarations.sets());
  }

  /** Told when a derived secret has come, changed or gone in a namespace. */
  onSecrets(listener: () => void): () => void {
    return this.#book.onChange(listener);
  }

  /** Works until the signal is aborted. Resolves when nothing of it is under way any more. */
  async start(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const session = new Session(this.#options, { facts: this.#facts, book: this.#book }, signal);
    this.#session = session;
    const end = aborted(signal);
    await Promise.race([session.synced, end]);
    if (!signal.aborted) session.begin();
    await end;
    await session.end();
    this.#session = undefined;
    this.#facts.clear();
    this.#book.clear();
  }
}
