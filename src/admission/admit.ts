// Admit: the straight path from an admission request to a verdict. Whatever happens, the pod is admitted.
import { annotationFits } from '../domain/decision-annotation.ts';
import { AuditEntries, printAuditFragments } from '../domain/audit-record.ts';
import { decideSlot } from '../domain/decision.ts';
import type { SlotDecision } from '../domain/decision.ts';
import type { MirrorSet } from '../domain/mirror-set.ts';
import type { ImagePlan } from '../domain/plan.ts';
import { MAX_PULL_SECRETS, readPod } from '../domain/pod.ts';
import type { Pod } from '../domain/pod.ts';
import type { PodCredentials, SecretReading } from '../domain/pod-credentials.ts';
import type { Fingerprint } from '../domain/question.ts';
import { AlikePods } from './alike-pods.ts';
import { askSlots, recallSlot } from './inquiry.ts';
import type { SlotInquiry } from './inquiry.ts';
import { judge } from './judgement.ts';
import type { Judgement } from './judgement.ts';
import type {
  AdmissionMeter,
  AuditSink,
  Clock,
  MirrorSource,
  Prober,
  PullSecretSource,
  RefusalSource,
  ServiceAccountSource,
} from './lookups.ts';
import { NamespaceView } from './namespace-view.ts';
import type { CredentialView } from './namespace-view.ts';
import type { AdmissionRequest, Verdict } from './review.ts';
import { isJudged, mayAddSecrets, openVisit } from './visit.ts';
import type { SlotPlan, Visit } from './visit.ts';
import { annotationOf, write } from './writing.ts';
import type { JudgedPod, Writing } from './writing.ts';

export interface AdmissionSettings {
  /** Upper bound for asking, milliseconds, for one pod. */
  readonly budgetMs: number;
  readonly hedgeMs: number;
  /** Name of the cluster in audit records. */
  readonly cluster: string;
  /** API groups of owners that do not accept changed images. */
  readonly excludedOwners: ReadonlySet<string>;
}

export interface AdmissionLookups {
  readonly mirrors: MirrorSource;
  readonly secrets: PullSecretSource;
  readonly serviceAccounts: ServiceAccountSource;
  readonly refusals: RefusalSource;
  readonly prober: Prober;
  readonly audit: AuditSink;
  readonly meter: AdmissionMeter;
  readonly clock: Clock;
  readonly fingerprint: Fingerprint;
  /** Told of every internal error, with its cause. Must not throw. */
  readonly onInternalError: (error: unknown, request: AdmissionRequest) => void;
}

/** A verdict with what led to it, for `explain` and the demo. */
export interface ExplainedVerdict extends Verdict {
  readonly pod: Pod | undefined;
  readonly decisions: readonly SlotDecision[];
  readonly added: readonly string[];
  /** undefined when no credential had to be looked at. */
  readonly credentials: PodCredentials | undefined;
  readonly ms: number;
}

/** The API server rounds what is left of its time-out up to a second: one second of it may not exist. */
const TIMEOUT_ROUNDING_MS = 1000;

const NO_CREDENTIALS: readonly SecretReading[] = [];

export class Admission {
  readonly #settings: AdmissionSettings;
  readonly #lookups: AdmissionLookups;
  readonly #alike = new AlikePods();
  readonly #views = new WeakMap<readonly MirrorSet[], NamespaceView>();

  constructor(settings: AdmissionSettings, lookups: AdmissionLookups) {
    this.#settings = settings;
    this.#lookups = lookups;
  }

  /**
   * Judges a request. Never throws and never rejects; answers without a promise when everything is in memory.
   * @param timeoutMs The API server's `?timeout=`, undefined when it sent none.
   */
  admit(request: AdmissionRequest, timeoutMs?: number): ExplainedVerdict | Promise<ExplainedVerdict> {
    const started = this.#lookups.clock.now();
    try {
      if (!isJudged(request)) return nothing(started, this.#lookups.clock);
      const limit = timeoutMs === undefined ? Infinity : timeoutMs - TIMEOUT_ROUNDING_MS;
      const budgetMs = Math.min(this.#settings.budgetMs, limit);
      const visit = openVisit(request, this.#viewOf(request.namespace), { started, budgetMs });
      const readings = visit.relevant.length === 0 ? NO_CREDENTIALS : this.#readSecrets(visit);
      if (readings instanceof Promise) return this.#later(visit, readings);
      return this.#ask(visit, readings);
    } catch (error) {
      return this.#failed(error, request, started);
    }
  }

  async #later(visit: Visit, pending: Promise<readonly SecretReading[]>): Promise<ExplainedVerdict> {
    try {
      return await this.#ask(visit, await pending);
    } catch (error) {
      return this.#failed(error, visit.request, visit.started);
    }
  }

  #readSecrets({ pod, budgetMs }: Visit): readonly SecretReading[] | Promise<readonly SecretReading[]> {
    const all = pod.pullSecretNames;
    const names = all.length < 2 ? all : [...new Set(all)].slice(0, MAX_PULL_SECRETS);
    return this.#lookups.secrets.read(pod.namespace, names, budgetMs);
  }

  #viewOf(namespace: string): NamespaceView {
    const sets = this.#lookups.mirrors.forNamespace(namespace);
    const known = this.#views.get(sets);
    if (known !== undefined) return known;
    const view = new NamespaceView(sets, this.#lookups.fingerprint);
    this.#views.set(sets, view);
    return view;
  }

  #ask(visit: Visit, readings: readonly SecretReading[]): ExplainedVerdict | Promise<ExplainedVerdict> {
    const mayAdd = mayAddSecrets(visit, this.#lookups.serviceAccounts);
    const credentials = visit.view.credentials(readings, visit.relevant, mayAdd);
    const inquiries = visit.slots.map((slot) => this.#inquiry(visit, slot, credentials));
    const open = inquiries.filter((inquiry) => !recallSlot(inquiry, this.#lookups.prober));
    if (open.length === 0) return this.#close(visit, inquiries, credentials);
    return this.#askOpen(visit, { inquiries, open, credentials });
  }

  async #askOpen(
    visit: Visit,
    work: {
      readonly inquiries: readonly SlotInquiry[];
      readonly open: readonly SlotInquiry[];
      readonly credentials: CredentialView;
    },
  ): Promise<ExplainedVerdict> {
    const { clock, prober } = this.#lookups;
    const budgetMs = visit.budgetMs - (clock.now() - visit.started);
    try {
      await askSlots(work.open, prober, { budgetMs, hedgeMs: this.#settings.hedgeMs }, clock);
      return this.#close(visit, work.inquiries, work.credentials);
    } catch (error) {
      return this.#failed(error, visit.request, visit.started);
    }
  }

  #inquiry(visit: Visit, slot: SlotPlan, credentials: CredentialView): SlotInquiry {
    const mode = slot.plan.set?.mode;
    const excluded = visit.pod.ownerGroups.some((group) => this.#settings.excludedOwners.has(group));
    return {
      ...slot,
      restraint:
        mode !== undefined && mode !== 'Rewrite' ? 'observe-only' : excluded ? 'owner-excluded' : undefined,
      answers: [],
      knownDigest: undefined,
      question: (rank) => credentials.question(slot.plan, rank),
      unread: credentials.credentials.unread,
    };
  }

  /** Decides and writes out: the only effects are records and counts. */
  #close(visit: Visit, inquiries: readonly SlotInquiry[], view: CredentialView): ExplainedVerdict {
    const { pod } = visit;
    const judgements = inquiries.map((inquiry) => judge(inquiry, view));
    const judged = {
      pod,
      judgements,
      credentials: view,
      refused: this.#lookups.refusals.refusedIn(pod.namespace),
    };
    if (visit.isEphemeral) return this.#verdict(visit, judged, write(judged, undefined));
    const known = this.#alike.find(judged);
    const annotation = known?.annotation ?? annotationOf(judgements);
    if (!annotationFits(pod, annotation)) {
      // What cannot be written on the pod is not done: a second pass would take the mirror's image for the original.
      const observed = inquiries.map((inquiry) => judge({ ...inquiry, restraint: 'observe-only' }, view));
      const unwritten = { ...judged, judgements: observed };
      return this.#verdict(visit, unwritten, write(unwritten, undefined));
    }
    if (known !== undefined) return this.#verdict(visit, judged, known);
    const writing = write(judged, annotation);
    this.#alike.remember(judged, writing);
    return this.#verdict(visit, judged, writing);
  }

  #verdict(visit: Visit, judged: JudgedPod, { added, patch, warnings }: Writing): ExplainedVerdict {
    const { pod, judgements } = judged;
    const { credentials } = judged.credentials;
    const ms = this.#lookups.clock.now() - visit.started;
    this.#record(visit, judgements, added, ms);
    const decisions = judgements.map((judgement) => judgement.decision);
    return { patch, warnings, pod, decisions, added, credentials, ms };
  }

  #record(
    visit: Pick<Visit, 'request' | 'pod'>,
    slots: readonly Pick<Judgement, 'decision' | 'fragments'>[],
    added: readonly string[],
    ms: number,
  ): void {
    const { audit, meter, clock } = this.#lookups;
    meter.admission(ms / 1000);
    for (const { decision } of slots) meter.decision(decision.action, decision.reason);
    const context = {
      time: clock.wallClock(),
      cluster: this.#settings.cluster,
      namespace: visit.pod.namespace,
      pod: visit.pod.name,
      uid: visit.request.uid,
      secretsAdded: added,
      dryRun: visit.request.dryRun,
      requester: visit.request.requester,
      totalMs: ms,
    };
    audit.append(new AuditEntries(context, slots));
  }

  #failed(error: unknown, request: AdmissionRequest, started: number): ExplainedVerdict {
    const { meter, clock, onInternalError } = this.#lookups;
    meter.internalError();
    onInternalError(error, request);
    const verdict = nothing(started, clock);
    try {
      this.#recordFailure(request, verdict.ms);
    } catch {
      // What failed once may fail again in telling of it; the pod is admitted all the same.
    }
    return verdict;
  }

  /** Every slot is in the record, also of a pod that we could not judge. */
  #recordFailure(request: AdmissionRequest, ms: number): void {
    const pod = readPod(request.object, request.namespace);
    const slots = pod.slots.map((slot) => {
      const plan: ImagePlan = {
        original: slot.image,
        set: undefined,
        skip: 'internal-error',
        candidates: [],
      };
      const untold = {
        present: 0,
        skip: undefined,
        restraint: undefined,
        answers: [],
        knownDigest: undefined,
      };
      const decision = decideSlot({ slot, plan, ...untold });
      return { decision, fragments: printAuditFragments(decision) };
    });
    this.#record({ request, pod }, slots, [], ms);
  }
}

function nothing(started: number, clock: Clock): ExplainedVerdict {
  const ms = clock.now() - started;
  return { patch: [], warnings: [], pod: undefined, decisions: [], added: [], credentials: undefined, ms };
}
