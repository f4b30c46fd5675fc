// Prober: answers questions from memory where it can, otherwise asks, and turns every finding into memory and evidence.
import type { Answer } from '../domain/answer.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { SILENCES_SUSPECT } from '../domain/health.ts';
import type { EndpointHealth, HealthStatus } from '../domain/health.ts';
import type { Finding, Outcome } from '../domain/outcome.ts';
import type { Question, QuestionCredential } from '../domain/question.ts';
import { FactMemory, isFactOutcome } from './fact-memory.ts';
import { Flight } from './flight.ts';
import type { HealthBook } from './health-book.ts';
import type { ManifestQuestion } from '../domain/manifest-question.ts';

/** The part of the registry client that is needed here. */
export interface ManifestAsker {
  head(question: ManifestQuestion, budgetMs: number): Promise<Finding>;
}

export interface ProberSettings {
  /** A question that has been silent for this long is answered `slow`, milliseconds. */
  readonly probeTimeoutMs: number;
  /** A slow question is settled in the background within this time, milliseconds. */
  readonly settleMs: number;
}

/** Told of what happens, for metrics; must not throw. */
export interface ProberMeter {
  recalled(result: 'fresh' | 'stale' | 'miss' | 'health' | 'throttle'): void;
  probed(endpoint: Endpoint, outcome: Outcome, seconds: number): void;
}

/** Called when an endpoint deserves a ping now: a failure or a second silence wants confirming. */
export interface Suspicion {
  confirm(endpoint: Endpoint): void;
  /** A question that was answered with 5xx, to be asked again in the background. */
  recheck(question: ManifestQuestion): void;
  /** A question that was served. */
  served(question: ManifestQuestion): void;
}

/**
 * A dial that fails at its time-out is a verdict, silence is none: where the two are equal the verdict must not lose by a tick.
 * Within the 100 ms that the budget grants beyond the probe timeout.
 */
const VERDICT_GRACE_MS = 30;

/** Which of several credentials' outcomes speaks for the question; lower is more telling. */
const TELLING: Readonly<Record<Outcome, number>> = {
  available: 0,
  unreachable: 1,
  slow: 2,
  failing: 3,
  throttled: 4,
  missing: 5,
  denied: 6,
};

/** Outcomes about the endpoint or the repository, the same for every credential: no use in trying the next one. */
const SAME_FOR_ALL: ReadonlySet<Outcome> = new Set(['available', 'unreachable', 'slow', 'failing']);

/** A question as it went out; `at`: milliseconds, monotonic. */
interface Asked {
  readonly question: ManifestQuestion;
  readonly at: number;
}

export class Prober {
  readonly #client: ManifestAsker;
  readonly #health: HealthBook;
  readonly #memory = new FactMemory();
  readonly #settings: ProberSettings;
  readonly #now: () => number;
  readonly #meter: ProberMeter;
  readonly #suspicion: Suspicion;
  readonly #flights = new Map<string, Flight>();
  readonly #byState = new WeakMap<EndpointHealth, Answer>();

  constructor(options: {
    readonly client: ManifestAsker;
    readonly health: HealthBook;
    readonly settings: ProberSettings;
    readonly now: () => number;
    readonly meter: ProberMeter;
    readonly suspicion: Suspicion;
  }) {
    this.#client = options.client;
    this.#health = options.health;
    this.#settings = options.settings;
    this.#now = options.now;
    this.#meter = options.meter;
    this.#suspicion = options.suspicion;
  }

  status(endpoint: Endpoint): HealthStatus {
    return this.#health.get(endpoint).status;
  }

  lastDigest(question: Question): string | undefined {
    return this.#memory.lastDigest(question.id);
  }

  byHealth(endpoint: Endpoint): Answer {
    const state = this.#health.get(endpoint);
    const outcome = state.status === 'up' ? 'available' : (state.cause ?? 'slow');
    const isDown = state.status === 'down';
    return {
      outcome,
      fromMemory: true,
      endpointWide: isDown,
      ms: 0,
      unread: true,
      ...detailOf(state.detail),
    };
  }

  recall(question: Question): Answer | undefined {
    const state = this.#health.get(question.endpoint);
    // A down endpoint is never asked; a suspect one not until the ping that is on its way has come back.
    if (state.status === 'down' || state.suspect) {
      this.#meter.recalled('health');
      return this.#toldByHealth(state);
    }
    return this.#recallFacts(question, state.epoch);
  }

  /** One answer for one state: states are replaced, never changed. */
  #toldByHealth(state: EndpointHealth): Answer {
    const known = this.#byState.get(state);
    if (known !== undefined) return known;
    const isDown = state.status === 'down';
    const outcome = isDown ? (state.cause ?? 'unreachable') : 'unreachable';
    const answer = { outcome, fromMemory: true, endpointWide: isDown, ms: 0, ...detailOf(state.detail) };
    this.#byState.set(state, answer);
    return answer;
  }

  #recallFacts(question: Question, epoch: number): Answer | undefined {
    let told: Answer | undefined;
    for (const credential of question.credentials) {
      const answer = this.#recallOne(question, credential, epoch);
      if (answer === undefined) {
        this.#meter.recalled('miss');
        return undefined;
      }
      if (told === undefined || TELLING[answer.outcome] < TELLING[told.outcome]) told = answer;
      if (SAME_FOR_ALL.has(answer.outcome)) break;
    }
    return told;
  }

  #recallOne(question: Question, credential: QuestionCredential, epoch: number): Answer | undefined {
    const now = this.#now();
    if (this.#memory.isThrottled(credential.throttleKey, now)) {
      this.#meter.recalled('throttle');
      return answerOf('throttled', credential, undefined, undefined);
    }
    const known = this.#memory.recall(credential.factKey, epoch, now);
    if (known === undefined) return this.#recallSilence(credential);
    if (known.freshness === 'stale') this.#launch(question, credential);
    this.#meter.recalled(known.freshness);
    const { fact } = known;
    if (fact.told?.secret === credential.secret && fact.told !== undefined) return fact.told;
    fact.told = answerOf(fact.outcome, credential, fact.digest, fact.detail);
    return fact.told;
  }

  /** The same question is on its way and has been silent for longer than anyone may wait: no need to wait again. */
  #recallSilence(credential: QuestionCredential): Answer | undefined {
    const flight = this.#flights.get(credential.factKey);
    return flight?.isSilent
      ? answerOf('slow', credential, undefined, 'the registry has not answered yet')
      : undefined;
  }

  async ask(question: Question): Promise<Answer> {
    const started = this.#now();
    let told: Answer | undefined;
    for (const credential of question.credentials) {
      const answer = await this.#askOne(question, credential);
      if (told === undefined || TELLING[answer.outcome] < TELLING[told.outcome]) told = answer;
      if (SAME_FOR_ALL.has(answer.outcome)) break;
    }
    const endpointWide = this.#health.get(question.endpoint).status === 'down';
    return { outcome: 'slow', ...told, fromMemory: false, endpointWide, ms: this.#now() - started };
  }

  async #askOne(question: Question, credential: QuestionCredential): Promise<Answer> {
    const known = this.#recallOne(question, credential, this.#health.get(question.endpoint).epoch);
    if (known !== undefined) return known;
    const { outcome, digest, detail } = await this.#launch(question, credential).quick;
    return answerOf(outcome, credential, digest, detail);
  }

  /** Starts the question for one credential, or joins the one that is on its way. */
  #launch(question: Question, credential: QuestionCredential): Flight {
    const running = this.#flights.get(credential.factKey);
    if (running !== undefined) return running;
    const asked: ManifestQuestion = {
      endpoint: question.endpoint,
      repository: question.repository,
      reference: question.reference,
      credential: credential.credential,
      fingerprint: credential.fingerprint,
    };
    const started = this.#now();
    const flight = new Flight(this.#client.head(asked, this.#settings.settleMs), {
      quickMs: this.#settings.probeTimeoutMs + VERDICT_GRACE_MS,
      now: this.#now,
      onSilent: () => this.#silent(question.endpoint),
    });
    this.#flights.set(credential.factKey, flight);
    void flight.settled.then((finding) => {
      this.#flights.delete(credential.factKey);
      this.#meter.probed(question.endpoint, finding.outcome, (this.#now() - started) / 1000);
      this.#learn(question, credential, finding, { question: asked, at: started });
    });
    return flight;
  }

  #silent(endpoint: Endpoint): void {
    const state = this.#health.observe(endpoint, { kind: 'silent' });
    if (state.silences >= SILENCES_SUSPECT) this.#suspicion.confirm(endpoint);
  }

  #learn(question: Question, credential: QuestionCredential, finding: Finding, asked: Asked): void {
    if (finding.isVoid) return;
    this.#observe(question, finding, asked);
    // Also with a limit that has just been used up: the answer itself was good.
    if (finding.digest !== undefined) this.#memory.sawDigest(question.id, finding.digest);
    if (finding.outcome === 'throttled') {
      this.#memory.throttle(credential.throttleKey, this.#now() + (finding.retryAfterMs ?? 30_000));
    }
    // Whatever is no fact about the image ends the one there was: the next pod has to be told the truth.
    if (!isFactOutcome(finding.outcome)) return this.#memory.forget(credential.factKey);
    const { epoch } = this.#health.get(question.endpoint);
    this.#memory.remember(credential.factKey, {
      outcome: finding.outcome,
      digest: finding.digest,
      detail: finding.detail,
      at: this.#now(),
      epoch,
    });
  }

  #observe(question: Question, finding: Finding, asked: Asked): void {
    const { endpoint, repository } = question;
    const detail = finding.detail ?? '';
    switch (finding.evidence) {
      case 'connection-failed':
        this.#health.observe(endpoint, { kind: 'connection-failed', detail, askedAt: asked.at });
        return this.#suspicion.confirm(endpoint);
      case 'manifest-failed':
        this.#health.observe(endpoint, { kind: 'manifest-failed', repository, detail });
        return this.#suspicion.recheck(asked.question);
      case 'answered':
        if (finding.outcome === 'available') this.#suspicion.served(asked.question);
        this.#health.observe(
          endpoint,
          isManifest(finding.outcome) ? { kind: 'manifest-ok', repository } : { kind: 'answered' },
        );
        return;
      // A silence was observed when it began to matter; a void answer says nothing.
      case 'silent':
      case 'none':
        return;
    }
  }
}

/** Outcomes that the manifest store itself gave, not a front that only guards it. */
function isManifest(outcome: Outcome): boolean {
  return outcome === 'available' || outcome === 'missing';
}

function detailOf(detail: string | undefined): { readonly detail?: string } {
  return detail === undefined || detail === '' ? {} : { detail };
}

function answerOf(
  outcome: Outcome,
  credential: QuestionCredential,
  digest: string | undefined,
  detail: string | undefined,
): Answer {
  return {
    outcome,
    fromMemory: true,
    endpointWide: false,
    ms: 0,
    ...(digest === undefined ? {} : { digest }),
    ...detailOf(detail),
    ...(credential.secret === undefined ? {} : { secret: credential.secret }),
  };
}
