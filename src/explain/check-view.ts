// Check view: one image at all of its endpoints, compared. Printed as JSON or YAML it is the documented form, version 1.
import { printEndpoint } from '../domain/endpoint.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { Candidate, ImagePlan } from '../domain/plan.ts';
import type { Problem } from '../domain/problem.ts';
import { unmappedNote } from './notes.ts';

/** What one endpoint said. `digest` and `platforms` are there when it serves the image. */
export interface EndpointAnswer {
  readonly candidate: Candidate;
  readonly outcome: Outcome;
  readonly ms: number;
  readonly digest?: string | undefined;
  readonly mediaType?: string | undefined;
  /** `os/architecture[/variant]`, sorted. */
  readonly platforms?: readonly string[] | undefined;
  readonly detail?: string | undefined;
  /** Name of the pull secret whose credential was shown. */
  readonly secret?: string | undefined;
}

/** Of an image, and of all: `different` before `unknown` before `same`. */
export type CheckResult = 'same' | 'different' | 'unknown';

export interface EndpointView {
  readonly role: 'upstream' | 'mirror';
  readonly endpoint: string;
  /** The reference that pulls from there. */
  readonly image: string;
  readonly source: string;
  readonly outcome: Outcome;
  readonly ms: number;
  readonly digest?: string;
  readonly mediaType?: string;
  readonly platforms?: readonly string[];
  readonly detail?: string;
  readonly secret?: string;
  /** How it differs from the first endpoint that serves the image, and what else a person should know. */
  readonly notes: readonly string[];
}

export interface CheckImageView {
  readonly image: string;
  /** Absent: no set covers the image in this namespace, so that there is nothing to compare. */
  readonly mirrorSet?: string;
  readonly result: CheckResult;
  readonly endpoints: readonly EndpointView[];
  readonly notes: readonly string[];
}

export interface CheckView {
  readonly kind: 'check';
  readonly v: 1;
  readonly result: CheckResult;
  /** Whose pull secrets and mirror sets were used. */
  readonly namespace: string;
  readonly images: readonly CheckImageView[];
  /** What has to be known before the rest is read: that there is no mirror set. */
  readonly notes: readonly string[];
  /** What is wrong with the declarations; what is right with them was in force. */
  readonly problems: readonly Problem[];
}

/** Has it said whether it has the image, and which? A node's credential cannot be tried from here. */
function isVerdict({ outcome, candidate, digest }: EndpointAnswer): boolean {
  if (outcome === 'denied') return candidate.source !== 'Node';
  return outcome === 'missing' || digest !== undefined;
}

function only(list: readonly string[] | undefined, other: readonly string[] | undefined): readonly string[] {
  return list === undefined || other === undefined ? [] : list.filter((entry) => !other.includes(entry));
}

function compare(answer: EndpointAnswer, first: EndpointAnswer | undefined): readonly string[] {
  if (first === undefined || answer === first || answer.digest === undefined) return [];
  if (answer.digest === first.digest) return [];
  const lacks = only(first.platforms, answer.platforms);
  const adds = only(answer.platforms, first.platforms);
  return [
    `Another build than at ${printEndpoint(first.candidate.endpoint)}.`,
    ...(lacks.length === 0 ? [] : [`Lacks ${lacks.join(', ')}.`]),
    ...(adds.length === 0 ? [] : [`Has ${adds.join(', ')} in addition.`]),
  ];
}

function notesOn(answer: EndpointAnswer, first: EndpointAnswer | undefined): readonly string[] {
  const { candidate } = answer;
  return [
    ...compare(answer, first),
    ...(candidate.source === 'Node'
      ? ['The node brings the credential, so it cannot be tried from here.']
      : []),
    ...(candidate.excluded === undefined ? [] : ['Nodes do not trust its private CA: no pod is sent here.']),
  ];
}

function viewEndpoint(answer: EndpointAnswer, first: EndpointAnswer | undefined): EndpointView {
  const { candidate, outcome, ms, digest, mediaType, platforms, detail, secret } = answer;
  const facts = Object.entries({ digest, mediaType, platforms, detail, secret });
  return {
    role: candidate.rank === 0 ? 'upstream' : 'mirror',
    endpoint: printEndpoint(candidate.endpoint),
    image: candidate.image,
    source: candidate.source,
    outcome,
    ms: Math.round(ms * 10) / 10,
    ...Object.fromEntries(facts.filter(([, value]) => value !== undefined)),
    notes: notesOn(answer, first),
  };
}

function judge(answers: readonly EndpointAnswer[]): CheckResult {
  const isDifferent =
    answers.some((answer) => isVerdict(answer) && answer.digest === undefined) ||
    new Set(answers.flatMap(({ digest }) => digest ?? [])).size > 1;
  if (isDifferent) return 'different';
  return answers.length > 0 && answers.every(isVerdict) ? 'same' : 'unknown';
}

/** Compares what the endpoints of one image said. */
export function viewCheck(plan: ImagePlan, answers: readonly EndpointAnswer[]): CheckImageView {
  const first = answers.find((answer) => answer.digest !== undefined);
  const unmapped = unmappedNote(plan);
  return {
    image: plan.original,
    ...(plan.set === undefined ? {} : { mirrorSet: plan.set.name }),
    // A mirror that cannot hold the repository does not serve it.
    result: unmapped === undefined ? judge(answers) : 'different',
    endpoints: answers.map((answer) => viewEndpoint(answer, first)),
    notes: unmapped === undefined ? [] : [unmapped],
  };
}

/** The worst of the images' results. */
export function overallCheck(images: readonly CheckImageView[]): CheckResult {
  const results = new Set(images.map((image) => image.result));
  if (results.has('different')) return 'different';
  return results.has('unknown') ? 'unknown' : 'same';
}
