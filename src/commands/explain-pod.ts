// Explain pod: one pod through the webhook's own admission, then every candidate that the decision did not need.
import type { DeclaredState } from '../admission/declared-state.ts';
import type { ExplainedVerdict } from '../admission/admit.ts';
import type { AdmissionRequest } from '../admission/review.ts';
import type { Answer } from '../domain/answer.ts';
import type { SlotDecision } from '../domain/decision.ts';
import type { MirrorSet } from '../domain/mirror-set.ts';
import type { Candidate } from '../domain/plan.ts';
import type { Keyring } from '../domain/keyring.ts';
import { podCredentials } from '../domain/pod-credentials.ts';
import type { SecretReading } from '../domain/pod-credentials.ts';
import type { PodSubject } from '../domain/pod-template.ts';
import { questionFor } from '../domain/question.ts';
import { candidatesFor } from '../explain/candidates.ts';
import type { CandidateFinding, NamedSecret, PodExplanation, SlotFinding } from '../explain/explanation.ts';
import type { OptIn } from '../explain/view.ts';
import type { Reason } from '../domain/reason.ts';
import type { DeskEngine } from './explain-engine.ts';
import type { NodeNotes } from './explain-nodes.ts';
import type { LiveState } from './declarations.ts';

/** What every pod of a run is explained with. */
export interface ExplainContext {
  readonly engine: DeskEngine;
  readonly state: LiveState;
  /** The same objects, read as admission reads them. */
  readonly declared: DeclaredState;
  readonly nodeNotes: NodeNotes;
}

function requestFor(subject: PodSubject): AdmissionRequest {
  return {
    uid: 'explain',
    namespace: subject.namespace,
    resource: 'pods',
    subResource: '',
    operation: 'CREATE',
    dryRun: true,
    requester: 'registry-failover explain',
    object: subject.pod,
    oldObject: undefined,
  };
}

/** The answer came in time; one that the decision did not wait for is asked for again. */
function known(answer: Answer | undefined): answer is Answer {
  return answer !== undefined && answer.unanswered !== true;
}

/** Nobody is asked in the name of a pod whose pulls the kubelet refuses, and nobody for an image that is never pulled. */
function isWorthAsking(decision: SlotDecision, readings: readonly SecretReading[]): boolean {
  return decision.reason !== 'pull-never' && readings.every((reading) => reading.state !== 'broken');
}

interface PodInquiry {
  readonly engine: DeskEngine;
  readonly verdict: ExplainedVerdict;
  readonly readings: readonly SecretReading[];
  readonly keyring: Keyring;
  readonly nodeNotes: NodeNotes;
}

async function complete(
  candidate: Candidate,
  decision: SlotDecision,
  inquiry: PodInquiry,
): Promise<CandidateFinding> {
  const { prober, fingerprint } = inquiry.engine;
  const question = questionFor(candidate, inquiry.keyring, (credential) => fingerprint.of(credential));
  const answer = decision.answers[candidate.rank];
  if (known(answer)) return { candidate, question, answer, decisive: true };
  if (!isWorthAsking(decision, inquiry.readings)) {
    return { candidate, question, answer: undefined, decisive: false };
  }
  const asked = prober.recall(question) ?? (await prober.ask(question));
  return { candidate, question, answer: asked, decisive: false };
}

async function completeSlot(decision: SlotDecision, inquiry: PodInquiry): Promise<SlotFinding> {
  const candidates = candidatesFor(decision.plan);
  return {
    decision,
    candidates: await Promise.all(
      candidates.map(async (candidate) => ({
        ...(await complete(candidate, decision, inquiry)),
        nodeNotes: inquiry.nodeNotes.ofMirror(decision.plan.set, candidate.endpoint),
      })),
    ),
    nodeNotes: inquiry.nodeNotes.ofSet(decision.plan.set),
  };
}

function originOf(reading: SecretReading, namespace: string, { objects }: LiveState): NamedSecret['from'] {
  const isDeclared = objects.secrets.some(
    (secret) => secret.namespace === namespace && secret.name === reading.name,
  );
  if (isDeclared) return 'manifests';
  return objects.standIn === undefined ? 'nowhere' : 'docker-config';
}

/** Slots for which admission looks at no pull secret. */
const UNREAD: ReadonlySet<Reason> = new Set(['pull-never', 'opted-out', 'static-pod']);

/** The keyring of the verdict; or, where admission had no need of one, that of the pod's own pull secrets. */
function keyringOf(
  { decisions, credentials }: ExplainedVerdict,
  readings: readonly SecretReading[],
  all: readonly MirrorSet[],
): Keyring {
  const isRead = decisions.some(({ plan, reason }) => plan.set !== undefined && !UNREAD.has(reason));
  if (isRead && credentials !== undefined) return credentials.keyring;
  return podCredentials(readings, { relevant: [], all, mayAdd: false }).keyring;
}

/**
 * Explains one pod. The decision is the admission path's own, within the webhook's own time; what it left unasked is asked
 * afterwards, each question within its probe timeout.
 */
export async function explainPod(
  subject: PodSubject & { readonly origin: string },
  optIn: OptIn,
  context: ExplainContext,
): Promise<PodExplanation> {
  const { engine, state, declared, nodeNotes } = context;
  const { namespace } = subject;
  const verdict = await engine.admission.admit(requestFor(subject));
  if (verdict.pod === undefined) throw engine.faults.at(-1) ?? new Error('admission judged nothing');
  const { pullSecretNames, serviceAccount } = verdict.pod;
  const names = [...new Set(pullSecretNames)];
  const readings = declared.read(namespace, names);
  const keyring = keyringOf(verdict, readings, declared.forNamespace(namespace));
  const inquiry: PodInquiry = { engine, verdict, readings, keyring, nodeNotes };
  return {
    workload: subject.workload,
    origin: subject.origin,
    namespace,
    serviceAccount,
    pullSecretsKnown: subject.pullSecretsKnown,
    optIn,
    slots: await Promise.all(verdict.decisions.map((decision) => completeSlot(decision, inquiry))),
    named: readings.map((reading) => ({ reading, from: originOf(reading, namespace, state) })),
    added: verdict.added,
    warnings: verdict.warnings,
    patch: verdict.patch,
    ms: verdict.ms,
    sets: state.objects.sets,
  };
}
