// Audit record: one line per image slot that says what was decided and why. Carries no credential, by type.
import { printEndpoint } from './endpoint.ts';
import type { SlotDecision } from './decision.ts';
import type { Outcome } from './outcome.ts';
import { sentenceOf } from './reason.ts';

export interface AuditCandidate {
  readonly endpoint: string;
  /** `not-asked`: nothing depended on it. */
  readonly outcome: Outcome | 'not-asked';
  readonly ms: number;
  readonly fromMemory: boolean;
  readonly digest?: string;
  readonly detail?: string;
  /** Name of the pull secret whose credential was shown. */
  readonly secret?: string;
}

/** Version 1. Its JSON Schema is docs/audit.schema.json. */
export interface AuditRecord {
  readonly kind: 'audit';
  readonly v: 1;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly cluster: string;
  readonly namespace: string;
  /** Name, or generateName when the API server has not chosen a name yet. */
  readonly pod: string;
  /** uid of the admission request. */
  readonly uid: string;
  readonly slot: string;
  readonly original: string;
  readonly chosen: string;
  readonly action: 'keep' | 'rewrite' | 'back';
  readonly reason: string;
  readonly sentence: string;
  readonly fromMemory: boolean;
  readonly credential?: 'unread';
  readonly digest?: 'verified' | 'unverified' | 'differs';
  readonly would?: { readonly image: string; readonly reason: string };
  readonly candidates: readonly AuditCandidate[];
  /** Pull secrets that were appended to the pod. */
  readonly secretsAdded: readonly string[];
  readonly mirrorSet?: { readonly name: string; readonly generation: number };
  readonly dryRun: boolean;
  readonly requester: string;
  /** Milliseconds from the request's arrival to the answer. */
  readonly totalMs: number;
}

/** What the records of one request have in common. */
export interface AuditContext {
  /** Printed with the line, not with the answer. */
  readonly time: Date;
  readonly cluster: string;
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly secretsAdded: readonly string[];
  readonly dryRun: boolean;
  readonly requester: string;
  readonly totalMs: number;
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}

function candidatesOf(decision: SlotDecision): AuditCandidate[] {
  return decision.plan.candidates.map((candidate) => {
    const endpoint = printEndpoint(candidate.endpoint);
    const answer = decision.answers[candidate.rank];
    if (answer === undefined) return { endpoint, outcome: 'not-asked', ms: 0, fromMemory: false };
    return {
      endpoint,
      outcome: answer.outcome,
      ms: round(answer.ms),
      fromMemory: answer.fromMemory,
      ...(answer.digest === undefined ? {} : { digest: answer.digest }),
      ...(answer.detail === undefined ? {} : { detail: answer.detail }),
      ...(answer.secret === undefined ? {} : { secret: answer.secret }),
    };
  });
}

/** What a record says of the judgement: the same for every pod with this decision. */
function judgedPart(
  decision: SlotDecision,
): Omit<AuditRecord, keyof AuditContext | 'kind' | 'v' | 'slot' | 'mirrorSet'> {
  return {
    original: decision.plan.original,
    chosen: decision.image,
    action: decision.action,
    reason: decision.reason,
    sentence: sentenceOf(decision.reason),
    fromMemory: decision.fromMemory,
    ...(decision.credentialUnread ? { credential: 'unread' as const } : {}),
    ...(decision.digest === undefined ? {} : { digest: decision.digest }),
    ...(decision.would === undefined ? {} : { would: decision.would }),
    candidates: candidatesOf(decision),
  };
}

function setPart(decision: SlotDecision): Pick<AuditRecord, 'mirrorSet'> {
  const { set } = decision.plan;
  return set === undefined ? {} : { mirrorSet: { name: set.name, generation: set.generation } };
}

/** Builds the record of one decision. */
export function auditRecord(context: AuditContext, decision: SlotDecision): AuditRecord {
  return {
    kind: 'audit',
    v: 1,
    time: context.time.toISOString(),
    cluster: context.cluster,
    namespace: context.namespace,
    pod: context.pod,
    uid: context.uid,
    slot: decision.slot.id,
    ...judgedPart(decision),
    secretsAdded: context.secretsAdded,
    ...setPart(decision),
    dryRun: context.dryRun,
    requester: context.requester,
    totalMs: round(context.totalMs),
  };
}

/** An object's JSON without its braces, to be put together with others; '' for an empty one. */
function inner(object: object): string {
  return JSON.stringify(object).slice(1, -1);
}

/** The parts of a record's line that follow from the decision alone, so that they are printed once for many pods. */
export interface AuditFragments {
  /** `original` … `candidates`. */
  readonly judged: string;
  /** `mirrorSet` with a comma behind it, or ''. */
  readonly set: string;
}

/** Prints what of the decision's record is the same for every pod. */
export function printAuditFragments(decision: SlotDecision): AuditFragments {
  const judged = inner(judgedPart(decision));
  const set = inner(setPart(decision));
  return { judged, set: set === '' ? '' : `${set},` };
}

/** The records of one request: as lines for the log, as values for whoever wants to look into them. */
export class AuditEntries {
  readonly #context: AuditContext;
  readonly #slots: readonly { readonly decision: SlotDecision; readonly fragments: AuditFragments }[];

  constructor(
    context: AuditContext,
    slots: readonly { readonly decision: SlotDecision; readonly fragments: AuditFragments }[],
  ) {
    this.#context = context;
    this.#slots = slots;
  }

  records(): AuditRecord[] {
    return this.#slots.map(({ decision }) => auditRecord(this.#context, decision));
  }

  /** JSON lines, each with its line feed; the same as the records printed, as a test holds. */
  lines(): string[] {
    const context = this.#context;
    // Texts one by one: an object printed only to be taken apart again costs more than its texts.
    const text = (value: string): string => JSON.stringify(value);
    const head =
      `{"kind":"audit","v":1,"time":"${context.time.toISOString()}","cluster":${text(context.cluster)}` +
      `,"namespace":${text(context.namespace)},"pod":${text(context.pod)},"uid":${text(context.uid)},"slot":`;
    const added = `,"secretsAdded":${JSON.stringify(context.secretsAdded)},`;
    const foot = `"dryRun":${context.dryRun},"requester":${text(context.requester)},"totalMs":${round(context.totalMs)}}\n`;
    return this.#slots.map(
      ({ decision, fragments }) =>
        `${head}${text(decision.slot.id)},${fragments.judged}${added}${fragments.set}${foot}`,
    );
  }
}
