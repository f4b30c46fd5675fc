// Judgement: a slot's decision with its text on the pod, worked out once for as long as the same answers are remembered.
import type { Answer } from '../domain/answer.ts';
import { printAuditFragments } from '../domain/audit-record.ts';
import type { AuditFragments } from '../domain/audit-record.ts';
import { decideSlot } from '../domain/decision.ts';
import type { SlotCase, SlotDecision } from '../domain/decision.ts';
import { printSlotRecord } from '../domain/decision-annotation.ts';
import { printEndpoint } from '../domain/endpoint.ts';
import type { ImagePlan } from '../domain/plan.ts';
import type { Question } from '../domain/question.ts';

export interface Judgement {
  readonly decision: SlotDecision;
  /** What the decision annotation says of the slot. */
  readonly record: string;
  /** What of its audit record is the same for every pod. */
  readonly fragments: AuditFragments;
  /** The remembered one that it is; undefined when it was worked out for this pod. */
  readonly source?: RememberedJudgement;
}

/** A judgement with all that it followed from, beside the plan and the credentials that it is remembered under. */
export interface RememberedJudgement extends Omit<Judgement, 'source'> {
  readonly restraint: SlotCase['restraint'];
  readonly knownDigest: string | undefined;
}

/** A pod's credentials, with what was judged under the same ones before. */
export interface JudgedCredentials {
  /** The question about a plan's candidate; undefined when there is no such rank. */
  question(plan: ImagePlan, rank: number): Question | undefined;
  /** The last judgement of an image, whatever pod it was of. */
  judgement(plan: ImagePlan): RememberedJudgement | undefined;
  remember(plan: ImagePlan, judgement: RememberedJudgement): void;
}

/** Which pull secret the kubelet would show to each mirror of the slot. */
function coverageOf(
  decision: SlotDecision,
  credentials: JudgedCredentials,
): Readonly<Record<string, string>> | undefined {
  // What a set that only observes would have added is not on the pod.
  if (decision.plan.set?.mode === 'Observe') return undefined;
  let coverage: Record<string, string> | undefined;
  for (const candidate of decision.plan.candidates) {
    if (candidate.rank === 0) continue;
    const secret = credentials.question(decision.plan, candidate.rank)?.credentials[0]?.secret;
    if (secret !== undefined) (coverage ??= {})[printEndpoint(candidate.endpoint)] = secret;
  }
  return coverage;
}

function sameAnswers(a: readonly (Answer | undefined)[], b: readonly (Answer | undefined)[]): boolean {
  return a.length === b.length && a.every((answer, rank) => answer === b[rank]);
}

function stillHolds(known: RememberedJudgement, inquiry: SlotCase): boolean {
  return (
    known.restraint === inquiry.restraint &&
    known.knownDigest === inquiry.knownDigest &&
    sameAnswers(known.decision.answers, inquiry.answers)
  );
}

/**
 * Judges a slot. Answers are compared by identity: memory gives the same object for as long as it knows nothing newer, so
 * equal inputs of a pure judgement are recognised without looking into them.
 */
export function judge(inquiry: SlotCase, credentials: JudgedCredentials): Judgement {
  // What depends on the pod itself is not remembered: skips, and images that stand on a mirror.
  const isCommon = inquiry.skip === undefined && inquiry.present === 0;
  const known = isCommon ? credentials.judgement(inquiry.plan) : undefined;
  if (known !== undefined && stillHolds(known, inquiry)) {
    const { record, fragments } = known;
    return { decision: { ...known.decision, slot: inquiry.slot }, record, fragments, source: known };
  }
  const decision = decideSlot(inquiry);
  const record = printSlotRecord(decision, coverageOf(decision, credentials));
  const { restraint, knownDigest } = inquiry;
  const fragments = printAuditFragments(decision);
  if (isCommon) credentials.remember(inquiry.plan, { decision, record, fragments, restraint, knownDigest });
  return { decision, record, fragments };
}
