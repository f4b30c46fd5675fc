// Decision: from a plan and its answers to where each image comes from, and why. The product's judgement; pure.
import type { Answer } from './answer.ts';
import type { FailoverTrigger, MirrorSet } from './mirror-set.ts';
import type { Candidate, ImagePlan } from './plan.ts';
import type { ImageSlot } from './pod.ts';
import { REWRITE_REASON_OF, backReason, faultOf } from './reason.ts';
import type { Fault, KeepReason, Reason } from './reason.ts';

/** What a mirror's digest is known to be, beside the last one seen at the upstream. */
export type DigestCheck = 'verified' | 'unverified' | 'differs';

export type Action = 'keep' | 'rewrite' | 'back';

/** A slot with its plan and what is known of it when the judgement falls. */
export interface SlotCase {
  readonly slot: ImageSlot;
  readonly plan: ImagePlan;
  /** Rank of the candidate whose image the slot names now: 0, or a mirror where an earlier pass of ours put it. */
  readonly present: number;
  /** Decided without asking: never pulled, opted out, static. */
  readonly skip: KeepReason | undefined;
  /** Judge, but change nothing: Observe, CredentialsOnly, or an owner that does not accept changed images. */
  readonly restraint: 'observe-only' | 'owner-excluded' | undefined;
  /** By rank; undefined: not asked. */
  readonly answers: readonly (Answer | undefined)[];
  /** The last digest seen at the upstream for this tag. */
  readonly knownDigest: string | undefined;
}

export interface SlotDecision {
  readonly slot: ImageSlot;
  readonly plan: ImagePlan;
  /** What the image field has to say. */
  readonly image: string;
  /** undefined when nobody was a candidate. */
  readonly chosen: Candidate | undefined;
  readonly action: Action;
  readonly reason: Reason;
  readonly fromMemory: boolean;
  /** The choice rests on endpoint health alone. */
  readonly credentialUnread: boolean;
  readonly digest: DigestCheck | undefined;
  readonly answers: readonly (Answer | undefined)[];
  /** With a restraint: what would have been chosen. */
  readonly would: { readonly image: string; readonly reason: Reason } | undefined;
}

interface Choice {
  readonly candidate: Candidate;
  readonly digest: DigestCheck | undefined;
}

const TRIGGER_OF: Readonly<Record<Fault, FailoverTrigger>> = {
  unreachable: 'Unreachable',
  failing: 'Failing',
  throttled: 'Throttled',
  missing: 'Missing',
  slow: 'Slow',
};

/** Is the fault one of the registry as a whole, so that a mirror whose content cannot be checked is still worth it? */
function isEndpointOutage(answer: Answer): boolean {
  return answer.outcome === 'unreachable' || answer.endpointWide;
}

/** Can this mirror, by its own answer, serve the image for an upstream in this state? */
function serves(candidate: Candidate, answer: Answer, upstream: Answer): boolean {
  if (candidate.excluded !== undefined) return false;
  // Several registries say 404 for "forbidden": an operator's credential must not grant what the upstream refuses.
  if (upstream.outcome === 'missing' && candidate.source === 'Secret') return false;
  // The node's credential cannot be tried here: a refusal shows that the registry is alive, no more.
  if (candidate.source === 'Node') {
    return (answer.outcome === 'available' || answer.outcome === 'denied') && isEndpointOutage(upstream);
  }
  return answer.outcome === 'available';
}

function checkDigest(candidate: Candidate, answer: Answer, known: string | undefined): DigestCheck {
  // A digest in the reference is checked by whoever pulls it: content under it cannot differ.
  if (candidate.reference.digest !== undefined) return 'verified';
  if (known === undefined || answer.digest === undefined) return 'unverified';
  return answer.digest === known ? 'verified' : 'differs';
}

/** The mirrors that serve, in declared order, each with what its digest is worth. */
function servingMirrors(input: SlotCase, upstream: Answer): Choice[] {
  return input.plan.candidates.slice(1).flatMap((candidate) => {
    const answer = input.answers[candidate.rank];
    if (answer === undefined || !serves(candidate, answer, upstream)) return [];
    return [{ candidate, digest: checkDigest(candidate, answer, input.knownDigest) }];
  });
}

function chooseMirror(set: MirrorSet, serving: readonly Choice[]): Choice | undefined {
  switch (set.digestPolicy) {
    case 'Ignore': {
      const first = serving[0];
      return first === undefined ? undefined : { candidate: first.candidate, digest: undefined };
    }
    case 'Require':
      return serving.find((choice) => choice.digest === 'verified');
    case 'Prefer':
      return serving.find((choice) => choice.digest !== 'differs') ?? serving[0];
  }
}

/** Why no mirror was taken: the reason closest to something the operator can act upon. */
function whyNoMirror(input: SlotCase, serving: readonly Choice[]): KeepReason {
  if (serving.length > 0) return 'digest-differs';
  const mirrors = input.plan.candidates.slice(1);
  const answers = mirrors.map((mirror) => input.answers[mirror.rank]);
  const lacksCredential = mirrors.some(
    (mirror, position) =>
      mirror.source !== 'Node' &&
      mirror.source !== 'None' &&
      answers[position]?.outcome === 'denied' &&
      answers[position]?.secret === undefined,
  );
  if (lacksCredential) return 'no-mirror-credential';
  if (mirrors.length > 0 && mirrors.every((mirror) => mirror.excluded !== undefined)) {
    return 'mirror-not-trusted-by-nodes';
  }
  return answers.some((answer) => answer?.unanswered) ? 'deadline' : 'no-mirror-available';
}

function decided(input: SlotCase, candidate: Candidate | undefined, reason: Reason): SlotDecision {
  const upstream = input.answers[0];
  return {
    slot: input.slot,
    plan: input.plan,
    image: candidate?.image ?? input.slot.image,
    chosen: candidate,
    action: 'keep',
    reason,
    fromMemory: upstream?.fromMemory ?? false,
    credentialUnread: upstream?.unread ?? false,
    digest: undefined,
    answers: input.answers,
    would: undefined,
  };
}

/** Leaves the slot exactly as it stands, even on a mirror: the answer to every doubt. */
function unchanged(input: SlotCase, reason: KeepReason): SlotDecision {
  return { ...decided(input, input.plan.candidates[input.present], reason), image: input.slot.image };
}

/** The upstream has judged (it serves, or refuses): the original it is, also for an image of ours on a mirror. */
function original(input: SlotCase, reason: KeepReason): SlotDecision {
  const decision = decided(input, input.plan.candidates[0], reason);
  if (input.present === 0) return decision;
  // A way back is a change like any other.
  if (input.restraint !== undefined) return unchanged(input, input.restraint);
  const left = input.answers[input.present]?.outcome;
  return { ...decision, action: 'back', reason: reason === 'upstream-available' ? backReason(left) : reason };
}

/** The upstream has a fault that is no reason to leave it. */
function toleratedReason(upstream: Answer): KeepReason {
  if (upstream.outcome !== 'slow') return 'observe-only';
  if (upstream.unread) return 'credential-unread';
  return upstream.unanswered ? 'deadline' : 'upstream-slow';
}

function isReasonToLeave(set: MirrorSet, upstream: Answer): boolean {
  const fault = faultOf(upstream.outcome);
  if (fault === undefined || !set.on.has(TRIGGER_OF[fault])) return false;
  // Unread and not known to be down: nothing was asked, so nothing is known.
  return !(fault === 'slow' && upstream.unread);
}

function decideFault(input: SlotCase, set: MirrorSet, upstream: Answer): SlotDecision {
  const fault = faultOf(upstream.outcome);
  if (fault === undefined || !isReasonToLeave(set, upstream))
    return unchanged(input, toleratedReason(upstream));
  const serving = servingMirrors(input, upstream);
  const choice = chooseMirror(set, serving);
  if (choice === undefined) return unchanged(input, whyNoMirror(input, serving));
  const reason = REWRITE_REASON_OF[fault];
  if (input.restraint !== undefined) {
    return { ...unchanged(input, input.restraint), would: { image: choice.candidate.image, reason } };
  }
  return { ...decided(input, choice.candidate, reason), action: 'rewrite', digest: choice.digest };
}

/** Decides one slot. Total: every plan and every answer, missing ones included, comes to a decision with a reason. */
export function decideSlot(input: SlotCase): SlotDecision {
  const skip = input.skip ?? input.plan.skip;
  if (skip !== undefined) return unchanged(input, skip);
  const upstream = input.answers[0];
  const set = input.plan.set;
  if (upstream === undefined || set === undefined) return unchanged(input, 'deadline');
  if (upstream.outcome === 'available') return original(input, 'upstream-available');
  if (upstream.outcome === 'denied') return original(input, 'upstream-denied');
  return decideFault(input, set, upstream);
}

/**
 * Which candidates still matter, given what is known: mirrors that may not be chosen whatever they answer are not asked.
 * Holds the same rules as the decision, so that a question is never asked in vain.
 */
export function worthAsking(plan: ImagePlan, upstream: Answer | undefined): readonly Candidate[] {
  if (upstream !== undefined && (plan.set === undefined || !isReasonToLeave(plan.set, upstream))) return [];
  const mirrors = plan.candidates.filter(({ rank, excluded }) => rank > 0 && excluded === undefined);
  return upstream?.outcome === 'missing' ? mirrors.filter((mirror) => mirror.source !== 'Secret') : mirrors;
}
