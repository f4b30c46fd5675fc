// Health monitor: the background's questions: pings, canaries, re-checks. The only thing that brings an endpoint back.
import { LRUCache } from 'lru-cache';
import type { Endpoint } from '../domain/endpoint.ts';
import { areSeveral, SILENCES_SUSPECT } from '../domain/health.ts';
import type { EndpointHealth, Evidence } from '../domain/health.ts';
import type { Finding } from '../domain/outcome.ts';
import type { Question } from '../domain/question.ts';
import type { WatchTarget } from '../domain/watch-plan.ts';
import type { HealthBook } from './health-book.ts';
import type { ManifestQuestion } from '../domain/manifest-question.ts';

/** The part of the registry client that is needed here. */
export interface HealthAsker {
  ping(endpoint: Endpoint, budgetMs: number): Promise<Finding>;
  head(question: ManifestQuestion, budgetMs: number): Promise<Finding>;
}

export interface MonitorSettings {
  /** Between two pings of an endpoint that is not down, milliseconds. */
  readonly intervalMs: number;
  /** While it is down. */
  readonly downIntervalMs: number;
  readonly probeTimeoutMs: number;
}

/** Failed questions kept per endpoint to ask again: enough to tell, few enough to cost nothing. */
const MAX_RECHECKS = 4;
/** One per endpoint. */
const MAX_WITNESSES = 2_000;
/**
 * Beyond the probe timeout, which a dial may take whole: a dial that fails at its time-out is a verdict, and a question
 * whose time is over just before it is none.
 */
const VERDICT_GRACE_MS = 100;
/** How long failures of several repositories count for the endpoint when nothing can tell them apart. */
const NO_WITNESS_MS = 60_000;
const JITTER = 0.1;

interface Watch {
  target: WatchTarget;
  timer: NodeJS.Timeout | undefined;
}

export class HealthMonitor {
  readonly #client: HealthAsker;
  readonly #book: HealthBook;
  readonly #settings: MonitorSettings;
  readonly #budgetMs: number;
  readonly #watches = new Map<string, Watch>();
  readonly #pinging = new Map<string, Promise<void>>();
  readonly #judging = new Set<string>();
  readonly #rechecks = new Map<string, Map<string, ManifestQuestion>>();
  readonly #witnesses = new LRUCache<string, ManifestQuestion>({ max: MAX_WITNESSES });
  #closed = false;

  constructor(client: HealthAsker, book: HealthBook, settings: MonitorSettings) {
    this.#client = client;
    this.#book = book;
    this.#settings = settings;
    this.#budgetMs = settings.probeTimeoutMs + VERDICT_GRACE_MS;
  }

  /** Watches exactly these endpoints from now on; new ones are pinged at once. */
  watch(targets: readonly WatchTarget[]): void {
    const wanted = new Map(targets.map((target) => [target.endpoint.key, target]));
    for (const [key, watch] of this.#watches) {
      if (wanted.has(key)) continue;
      clearTimeout(watch.timer);
      this.#watches.delete(key);
      this.#rechecks.delete(key);
      this.#witnesses.delete(key);
    }
    this.#book.retain(new Set(wanted.keys()));
    for (const [key, target] of wanted) this.#add(key, target);
  }

  #add(key: string, target: WatchTarget): void {
    const known = this.#watches.get(key);
    if (known !== undefined) {
      known.target = target;
      return;
    }
    const watch: Watch = { target, timer: undefined };
    this.#watches.set(key, watch);
    void this.#round(key, watch);
  }

  async #round(key: string, watch: Watch): Promise<void> {
    await this.#ping(watch.target.endpoint);
    await Promise.all([this.#askCanaries(watch.target), this.#askAgain(watch.target.endpoint)]);
    if (this.#closed || this.#watches.get(key) !== watch) return;
    const isDown = this.#book.get(watch.target.endpoint).status === 'down';
    const base = isDown ? this.#settings.downIntervalMs : this.#settings.intervalMs;
    const delay = base * (1 - JITTER + 2 * JITTER * Math.random());
    watch.timer = setTimeout(() => void this.#round(key, watch), delay);
    watch.timer.unref();
  }

  /** Pings now, unless a ping is under way: a failure or a second silence wants confirming. */
  confirm(endpoint: Endpoint): void {
    void this.#ping(endpoint);
  }

  /** Keeps a question that was answered with 5xx, to be asked again with the same credential until it is answered. */
  recheck(question: ManifestQuestion): void {
    const key = question.endpoint.key;
    const questions = this.#rechecks.get(key) ?? new Map<string, ManifestQuestion>();
    this.#rechecks.set(key, questions);
    if (questions.size < MAX_RECHECKS || questions.has(question.repository)) {
      questions.set(question.repository, question);
    }
    const state = this.#book.get(question.endpoint);
    if (areSeveral(state) && !state.repositoriesDown) void this.#judge(question.endpoint);
  }

  /** Several repositories fail: is it they, or the endpoint? What was served before can tell, before any pod suffers. */
  async #judge(endpoint: Endpoint): Promise<void> {
    if (this.#judging.has(endpoint.key)) return;
    this.#judging.add(endpoint.key);
    const isServing = await this.#witnessIsServed(endpoint);
    this.#judging.delete(endpoint.key);
    this.#book.observe(endpoint, { kind: isServing ? 'rechecks-done' : 'repositories-failed' });
  }

  /** Keeps the last question that was served: it can tell later whether the endpoint still serves anything. */
  served(question: ManifestQuestion): void {
    this.#witnesses.set(question.endpoint.key, question);
  }

  #ping(endpoint: Endpoint): Promise<void> {
    const running = this.#pinging.get(endpoint.key);
    if (running !== undefined) return running;
    const promise = this.#pingNow(endpoint).finally(() => this.#pinging.delete(endpoint.key));
    this.#pinging.set(endpoint.key, promise);
    return promise;
  }

  async #pingNow(endpoint: Endpoint): Promise<void> {
    const wasWatched = this.#watches.has(endpoint.key);
    // A first failure is confirmed by one more ping at once, a silence by two; whoever called has then a verdict, not a rumour.
    for (let attempt = 0; attempt <= SILENCES_SUSPECT && !this.#closed; attempt += 1) {
      const finding = await this.#client.ping(endpoint, this.#budgetMs);
      // Undeclared meanwhile: its entry must not come back.
      if (wasWatched && !this.#watches.has(endpoint.key)) return;
      const evidence = pingEvidence(finding, this.#book.get(endpoint));
      const state = this.#book.observe(endpoint, evidence);
      if (LAST_WORDS.has(evidence.kind) || state.status === 'down') return;
    }
  }

  #ask(question: ManifestQuestion): Promise<Finding> {
    return this.#client.head(question, this.#budgetMs);
  }

  async #askCanaries(target: WatchTarget): Promise<void> {
    const state = this.#book.get(target.endpoint);
    // An endpoint that cannot be reached has no canary to ask: its next ping must not have to wait for it.
    if (state.connectionDown !== undefined) return;
    const questions = target.canaries.flatMap((canary) => firstTry(canary) ?? []);
    const findings = await Promise.all(questions.map((question) => this.#ask(question)));
    const failed = findings.some(({ evidence }) => evidence === 'manifest-failed');
    const answered = findings.length === 0 || findings.some(({ evidence }) => evidence === 'answered');
    if (failed) this.#book.observe(target.endpoint, { kind: 'canary-failed' });
    // Not declared any more, missing or refused: the 5xx that took the endpoint down is over.
    else if (answered && state.canaryDown) this.#book.observe(target.endpoint, { kind: 'canary-ok' });
  }

  /** Asks the failed questions again; the endpoint is back when they, or one that was served before, are served. */
  async #askAgain(endpoint: Endpoint): Promise<void> {
    if (this.#book.get(endpoint).connectionDown !== undefined) return;
    const questions = this.#rechecks.get(endpoint.key) ?? new Map<string, ManifestQuestion>();
    const asked = [...questions];
    const findings = await Promise.all(asked.map(([, question]) => this.#ask(question)));
    let served = false;
    asked.forEach(([repository], index) => {
      const finding = findings[index];
      if (finding?.evidence !== 'answered') return;
      // A refusal comes from whatever stands before the store: it is no answer, and will not become one.
      questions.delete(repository);
      if (!isServed(finding)) return;
      served = true;
      this.#book.observe(endpoint, { kind: 'recheck-ok', repository });
    });
    if (questions.size === 0) this.#rechecks.delete(endpoint.key);
    await this.#endOutage(endpoint, served && questions.size === 0);
  }

  async #endOutage(endpoint: Endpoint, allServed: boolean): Promise<void> {
    const state = this.#book.get(endpoint);
    if (!state.repositoriesDown) return;
    const witness = allServed ? undefined : this.#witnesses.get(endpoint.key);
    const told = witness && (await this.#ask(witness));
    // With nothing that was ever served, two broken repositories would keep all the others out for good. So would a witness
    // whose credential has ended: while the endpoint is down no pod brings another one.
    const canTell = told !== undefined && told.outcome !== 'denied';
    const isTooLong = !canTell && performance.now() - state.since > NO_WITNESS_MS;
    if (allServed || isTooLong || (told && isServed(told))) {
      this.#book.observe(endpoint, { kind: 'rechecks-done' });
    }
  }

  async #witnessIsServed(endpoint: Endpoint): Promise<boolean> {
    const witness = this.#witnesses.get(endpoint.key);
    return witness !== undefined && isServed(await this.#ask(witness));
  }

  close(): void {
    this.#closed = true;
    for (const watch of this.#watches.values()) clearTimeout(watch.timer);
    this.#watches.clear();
  }
}

/** After these there is nothing left to confirm. */
const LAST_WORDS: ReadonlySet<Evidence['kind']> = new Set(['ping-ok', 'ping-void']);

/** A ping's silence confirms a failure, or two silences before it; by itself it is a silence like any other. */
function pingEvidence(finding: Finding, state: EndpointHealth): Evidence {
  if (finding.evidence === 'answered') return { kind: 'ping-ok' };
  if (finding.evidence === 'none') return { kind: 'ping-void' };
  const isFirst = state.connectionFailures === 0 && state.silences < SILENCES_SUSPECT;
  if (finding.evidence === 'silent' && isFirst) return { kind: 'silent' };
  const cause = finding.evidence === 'manifest-failed' ? 'failing' : 'unreachable';
  return { kind: 'ping-failed', detail: finding.detail ?? '', cause };
}

/** Did the manifest store itself answer? A 401 or 429 may come from a front whose store is dead. */
function isServed(finding: Finding): boolean {
  return finding.outcome === 'available' || finding.outcome === 'missing';
}

/** A canary is asked with its best credential only: it is a sign of life, not a search for a way in. */
function firstTry(canary: Question): ManifestQuestion | undefined {
  const credential = canary.credentials[0];
  if (credential === undefined) return undefined;
  return {
    endpoint: canary.endpoint,
    repository: canary.repository,
    reference: canary.reference,
    credential: credential.credential,
    fingerprint: credential.fingerprint,
  };
}
