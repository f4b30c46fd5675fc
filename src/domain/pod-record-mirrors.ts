// Pod record mirrors: which mirror sets serve a pod's images from a mirror now, checked against the sets themselves.
import { planImage } from './plan.ts';
import type { Candidate, MirrorIndex } from './plan.ts';
import type { MirrorSet } from './mirror-set.ts';
import type { RecordedDecision } from './pod-record-decision.ts';

/** An image that comes from a mirror. */
export interface Reroute {
  readonly decision: RecordedDecision;
  readonly set: MirrorSet;
  readonly mirror: Candidate;
}

function rerouteOf(decision: RecordedDecision, index: MirrorIndex): Reroute[] {
  const { image, original } = decision;
  if (image === undefined || image === original) return [];
  const { set, candidates } = planImage(original, index);
  const mirror = candidates.find((candidate) => candidate.rank > 0 && candidate.image === image);
  return set === undefined || mirror === undefined ? [] : [{ decision, set, mirror }];
}

/**
 * The images that stand on a mirror. What the annotation says is believed only where a set in force maps the original to the
 * image that the pod has: it can be written by users, and comes along with copies of pods.
 */
export function reroutesOf(decisions: readonly RecordedDecision[], index: MirrorIndex): readonly Reroute[] {
  return decisions.flatMap((decision) => rerouteOf(decision, index));
}
