// Pod view: an explanation put into the documented form. Names of secrets go in, secrets cannot: no credential is in reach.
import { printEndpoint } from '../domain/endpoint.ts';
import { isDerivedName } from '../domain/derived-secret.ts';
import { printProblem } from '../domain/problem.ts';
import { sentenceOf } from '../domain/reason.ts';
import type { CandidateFinding, NamedSecret, PodExplanation, SlotFinding } from './explanation.ts';
import { judgeImage, sourceOf } from './judge.ts';
import { candidateNotes, imageNotes, podNotes, unreadSentence } from './notes.ts';
import type { CandidateView, ImageView, PodView, PullSecretView, SecretState } from './view.ts';

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}

function viewAnswer({
  answer,
}: CandidateFinding): Omit<
  CandidateView,
  'role' | 'endpoint' | 'image' | 'source' | 'chosen' | 'decisive' | 'notes'
> {
  if (answer === undefined || answer.unread) return { outcome: 'not-asked', ms: 0, fromMemory: false };
  const { outcome, fromMemory, digest, detail, secret } = answer;
  return {
    outcome,
    ms: round(answer.ms),
    fromMemory,
    ...(digest === undefined ? {} : { digest }),
    ...(detail === undefined ? {} : { detail }),
    ...(secret === undefined ? {} : { secret }),
  };
}

function viewCandidate(
  finding: CandidateFinding,
  slot: SlotFinding,
  source: CandidateFinding | undefined,
): CandidateView {
  const { candidate } = finding;
  return {
    role: candidate.rank === 0 ? 'upstream' : 'mirror',
    endpoint: printEndpoint(candidate.endpoint),
    image: candidate.image,
    source: candidate.source,
    ...viewAnswer(finding),
    chosen: finding === source,
    decisive: finding.decisive,
    notes: candidateNotes(finding, slot.candidates[0]),
  };
}

/** The reason's own sentence; of a pull secret that could not be read, which one and what to do. */
function sentenceFor(slot: SlotFinding, pod: PodExplanation): string {
  const { reason } = slot.decision;
  const unread = reason === 'credential-unread' ? unreadSentence(slot, pod) : undefined;
  return unread ?? sentenceOf(reason);
}

function viewImage(slot: SlotFinding, pod: PodExplanation): ImageView {
  const { decision } = slot;
  const { set } = decision.plan;
  const source = sourceOf(slot, pod.optIn.asked !== 'no');
  return {
    slot: decision.slot.id,
    image: decision.slot.image,
    result: judgeImage(slot, pod),
    action: decision.action,
    reason: decision.reason,
    sentence: sentenceFor(slot, pod),
    chosen: decision.image,
    ...(decision.digest === undefined ? {} : { digest: decision.digest }),
    ...(decision.would === undefined ? {} : { would: decision.would }),
    ...(set === undefined ? {} : { mirrorSet: { name: set.name, generation: set.generation } }),
    candidates: slot.candidates.map((finding) => viewCandidate(finding, slot, source)),
    notes: imageNotes(slot, pod),
  };
}

/** Endpoints of the pod's candidates where the kubelet would show a credential of this secret. */
function coverageOf(name: string, pod: PodExplanation): readonly string[] {
  const covered = pod.slots.flatMap(({ candidates }) =>
    candidates
      .filter(({ question }) => question?.credentials.some((credential) => credential.secret === name))
      .map(({ candidate }) => printEndpoint(candidate.endpoint)),
  );
  return [...new Set(covered)];
}

function stateOf({ reading, from }: NamedSecret): SecretState {
  if (isDerivedName(reading.name)) return 'derived';
  if (reading.state === 'broken') return 'broken';
  if (reading.state === 'parsed') return from === 'docker-config' ? 'stand-in' : 'read';
  return from === 'manifests' ? 'ignored' : 'absent';
}

function viewSecrets(pod: PodExplanation): PullSecretView[] {
  const named = pod.named.map((secret): PullSecretView => {
    const { reading } = secret;
    const problem = reading.state === 'broken' ? { problem: printProblem(reading.problem) } : {};
    const covers = coverageOf(reading.name, pod);
    return { name: reading.name, added: false, state: stateOf(secret), covers, ...problem };
  });
  const added = pod.added.map((name): PullSecretView => {
    return { name, added: true, state: 'derived', covers: coverageOf(name, pod) };
  });
  return [...named, ...added];
}

/** Puts an explanation into its documented form. */
export function viewPod(pod: PodExplanation): PodView {
  return {
    workload: pod.workload,
    origin: pod.origin,
    namespace: pod.namespace,
    optIn: pod.optIn,
    images: pod.slots.map((slot) => viewImage(slot, pod)),
    pullSecrets: viewSecrets(pod),
    warnings: pod.warnings,
    patch: pod.patch,
    ms: round(pod.ms),
    notes: podNotes(pod),
  };
}
