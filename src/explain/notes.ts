// Notes: what a person should know beside the facts, one sentence each, and only where it applies.
import { printEndpoint } from '../domain/endpoint.ts';
import { indexMirrorSets, planImage } from '../domain/plan.ts';
import type { ImagePlan } from '../domain/plan.ts';
import { sentence } from '../domain/problem.ts';
import { parseReference, repositoryName } from '../domain/reference.ts';
import { sentenceOf } from '../domain/reason.ts';
import { ownRegistry, unmappedMirrors } from './candidates.ts';
import type { CandidateFinding, PodExplanation, SlotFinding } from './explanation.ts';

type Note = string | false | undefined;

function said(notes: readonly Note[]): string[] {
  return notes.filter((note): note is string => typeof note === 'string');
}

function noCredentialNote({ candidate, answer }: CandidateFinding): Note {
  if (answer?.outcome !== 'denied' || answer.secret !== undefined) return undefined;
  if (candidate.source === 'Upstream') {
    return `No pull secret of the pod has an entry for ${repositoryName(candidate.reference)}.`;
  }
  const isWanted = candidate.source === 'SameAsUpstream' || candidate.source === 'Secret';
  return isWanted && 'No credential for this mirror could be derived for the pod.';
}

function leftOutNote({ candidate }: CandidateFinding, upstream: CandidateFinding | undefined): Note {
  if (candidate.excluded !== undefined) {
    return 'Left out: nodes do not trust its private CA. Once they do, write trustedByNodes: true.';
  }
  const isGranted = candidate.source === 'Secret' && upstream?.answer?.outcome === 'missing';
  return isGranted && "Left out: an operator's credential must not grant what the upstream does not give.";
}

function digestOf(finding: CandidateFinding | undefined): string | undefined {
  return finding?.answer?.outcome === 'available' ? finding.answer.digest : undefined;
}

function digestNote(finding: CandidateFinding, upstream: CandidateFinding | undefined): Note {
  const [here, there] = [digestOf(finding), digestOf(upstream)];
  const differs = here !== undefined && there !== undefined && here !== there;
  return differs && 'Another build than the upstream has under this tag.';
}

/** Notes on one candidate; `upstream` is the first of its slot. */
export function candidateNotes(
  finding: CandidateFinding,
  upstream: CandidateFinding | undefined,
): readonly string[] {
  return said([
    leftOutNote(finding, upstream),
    finding.candidate.source === 'Node' &&
      'The node brings the credential: whether it serves the image cannot be tried from here.',
    noCredentialNote(finding),
    digestNote(finding, upstream),
    finding.answer?.outcome === 'slow' &&
      finding.answer.unread !== true &&
      'A first contact also looks up the name, shakes hands and logs in; a running webhook mostly has.',
    ...(finding.nodeNotes ?? []),
  ]);
}

/** Sets that cover the image but are not for this namespace. */
function otherNamespaceNote(image: string, pod: PodExplanation): Note {
  const set = planImage(image, indexMirrorSets(pod.sets)).set;
  if (set === undefined) return undefined;
  const unknown = pod.optIn.asked === 'unknown' ? ' (its labels are not among the manifests)' : '';
  return `Mirror set ${set.name} covers the image, but its namespaceSelector does not select namespace ${pod.namespace}${unknown}.`;
}

/** Says which mirrors are left out because the repository has no path there. */
export function unmappedNote(plan: ImagePlan): string | undefined {
  const left = unmappedMirrors(plan).join(', ');
  return left === '' ? undefined : `This repository has no valid path at ${left}: no candidate.`;
}

function unparsableNote(image: string): Note {
  const parsed = parseReference(image);
  return !parsed.ok && `It is not an image reference: ${parsed.error.message}. ${sentence(parsed.error.fix)}`;
}

/** Outside of every set the image's own registry is asked, if it can be. */
function undialableNote({ decision, candidates }: SlotFinding): Note {
  if (candidates.length > 0 || decision.reason === 'image-unparsable') return undefined;
  const own = ownRegistry(decision.plan.original);
  return !own.ok && `Its registry could not be asked: ${own.error.message}. ${sentence(own.error.fix)}`;
}

const DIGEST_NOTES = {
  verified: undefined,
  unverified:
    "This run has not seen the upstream's digest to compare with; the running webhook may have seen it.",
  differs: 'The mirror holds another build under this tag than the upstream had.',
} as const;

/**
 * Why nobody was asked although there is something to ask: pull secrets of the pod that neither the manifests nor a docker
 * config provide. undefined when somebody was asked.
 */
export function unreadSentence({ candidates }: SlotFinding, pod: PodExplanation): string | undefined {
  if (!candidates.some(({ answer }) => answer?.unread === true)) return undefined;
  const names = pod.named.flatMap(({ reading, from }) =>
    reading.state === 'unread' && from === 'nowhere' ? reading.name : [],
  );
  if (names.length === 0) return undefined;
  const [are, them] = names.length === 1 ? ['is', 'it'] : ['are', 'them'];
  return `${names.join(', ')} ${are} not in the manifests (-m), so the registry was not asked. Add ${them}, or use --docker-config.`;
}

/** Notes on one image. */
export function imageNotes(slot: SlotFinding, pod: PodExplanation): readonly string[] {
  const { decision } = slot;
  const { original } = decision.plan;
  const { would } = decision;
  return said([
    decision.reason === 'image-unparsable' && unparsableNote(original),
    decision.reason === 'no-mirror-set' && otherNamespaceNote(original, pod),
    undialableNote(slot),
    // As the reason itself it is the sentence.
    decision.reason !== 'credential-unread' && unreadSentence(slot, pod),
    unmappedNote(decision.plan),
    would !== undefined && `Otherwise it would become ${would.image}: ${sentenceOf(would.reason)}`,
    decision.digest !== undefined && DIGEST_NOTES[decision.digest],
    ...(slot.nodeNotes ?? []),
  ]);
}

function grantNotes(pod: PodExplanation): Note[] {
  const sets = new Set(pod.slots.flatMap(({ decision }) => decision.plan.set ?? []));
  return [...sets].flatMap((set) => {
    const granted = set.mirrors.filter((mirror) => mirror.source === 'Secret');
    if (granted.length === 0) return [];
    const names = granted.map((mirror) => printEndpoint(mirror.endpoint)).join(', ');
    return [
      `${names} (mirror set ${set.name}, source: Secret): every pod creator in the selected namespaces can read all that this credential can read.`,
    ];
  });
}

/** Notes on the pod as a whole. */
export function podNotes(pod: PodExplanation): readonly string[] {
  const usesLogin = pod.named.some(({ from }) => from === 'docker-config');
  return said([
    !pod.pullSecretsKnown &&
      `The pod names no pull secret. If its service account ${pod.serviceAccount} has some, the API server adds them first: put the ServiceAccount into the file to have them counted.`,
    ...grantNotes(pod),
    usesLogin &&
      "The docker config is this machine's: in a cluster a pod has only the pull secrets that it names.",
    pod.added.length > 0 &&
      `The webhook names the added pull secrets, it does not make them: until they exist in namespace ${pod.namespace}, pulls go on without them.`,
  ]);
}
