// Judge: would the kubelet get the image, given what the pod will say and what the registries answered?
import type { Answer } from '../domain/answer.ts';
import type { CandidateFinding, PodExplanation, SlotFinding } from './explanation.ts';
import type { ImageResult } from './view.ts';

/** Whoever gave none of these might serve the image after all. */
function isVerdict(answer: Answer | undefined): boolean {
  return answer !== undefined && answer.outcome !== 'unreachable' && answer.outcome !== 'slow';
}

/** The candidate that the pod will name: the decision's, or without the webhook the one that it names already. */
export function sourceOf(slot: SlotFinding, isAsked: boolean): CandidateFinding | undefined {
  const image = isAsked ? slot.decision.image : slot.decision.slot.image;
  return slot.candidates.find(({ candidate }) => candidate.image === image) ?? slot.candidates[0];
}

function judgeSource(source: CandidateFinding, all: readonly CandidateFinding[]): ImageResult {
  const { answer, candidate } = source;
  if (answer?.outcome === 'available') return 'served';
  // The node's credential cannot be tried from here: a refusal says nothing.
  if (answer?.outcome === 'denied') return candidate.source === 'Node' ? 'unknown' : 'not-served';
  return all.every((finding) => isVerdict(finding.answer)) ? 'not-served' : 'unknown';
}

/** Judges one image. */
export function judgeImage(slot: SlotFinding, pod: Pick<PodExplanation, 'optIn' | 'named'>): ImageResult {
  const { reason } = slot.decision;
  if (reason === 'pull-never') return 'never-pulled';
  if (reason === 'image-unparsable') return 'not-served';
  // One pull secret that does not parse, and the kubelet refuses every pull of the pod.
  if (pod.named.some(({ reading }) => reading.state === 'broken')) return 'not-served';
  const source = sourceOf(slot, pod.optIn.asked !== 'no');
  if (source === undefined) return 'unknown';
  // Without the webhook there are no mirrors.
  return judgeSource(source, pod.optIn.asked === 'no' ? [source] : slot.candidates);
}
