// Review: AdmissionReview bytes ↔ values (admission.k8s.io/v1), without any judgement about pods.
import { asObject, asString } from '../domain/json.ts';
import type { JsonObject } from '../domain/json.ts';
import type { PatchOperation } from '../domain/patch.ts';
import type { Problem } from '../domain/problem.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';

export interface AdmissionRequest {
  readonly uid: string;
  readonly namespace: string;
  /** `pods` or something we were not asked to judge. */
  readonly resource: string;
  /** '' or `ephemeralcontainers`. */
  readonly subResource: string;
  readonly operation: string;
  readonly dryRun: boolean;
  /** Who asked: userInfo.username. */
  readonly requester: string;
  readonly object: unknown;
  readonly oldObject: unknown;
}

/** What admission answers. `allowed` is not in it: this product never denies. */
export interface Verdict {
  readonly patch: readonly PatchOperation[];
  readonly warnings: readonly string[];
}

function refuse(path: string, message: string): Result<never, Problem> {
  return err({
    path,
    code: 'NotAnAdmissionReview',
    message,
    fix: 'Send an AdmissionReview of admission.k8s.io/v1 with a request, as the Kubernetes API server does',
  });
}

function readRequest(request: JsonObject, uid: string): AdmissionRequest {
  const resource = asObject(request['resource']);
  return {
    uid,
    namespace: asString(request['namespace']) ?? '',
    resource: asString(resource?.['resource']) ?? '',
    subResource: asString(request['subResource']) ?? '',
    operation: asString(request['operation']) ?? '',
    dryRun: request['dryRun'] === true,
    requester: asString(asObject(request['userInfo'])?.['username']) ?? '',
    object: request['object'],
    oldObject: request['oldObject'],
  };
}

/** Reads a review. The error is what the caller did wrong; there is then no uid to answer to. */
export function parseReview(raw: unknown): Result<AdmissionRequest, Problem> {
  const review = asObject(raw);
  if (review === undefined) return refuse('', 'the body is no JSON object');
  if (review['kind'] !== 'AdmissionReview') return refuse('kind', 'the kind is not AdmissionReview');
  if (review['apiVersion'] !== 'admission.k8s.io/v1') {
    return refuse('apiVersion', 'the apiVersion is not admission.k8s.io/v1');
  }
  const request = asObject(review['request']);
  if (request === undefined) return refuse('request', 'there is no request in the review');
  const uid = asString(request['uid']);
  if (uid === undefined || uid === '') return refuse('request.uid', 'the request has no uid');
  return ok(readRequest(request, uid));
}

/** The same pod again gets the same patch object, whose text is then known. */
const printedPatches = new WeakMap<readonly PatchOperation[], string>();

function printPatch(patch: readonly PatchOperation[]): string {
  const known = printedPatches.get(patch);
  if (known !== undefined) return known;
  const base64 = Buffer.from(JSON.stringify(patch), 'utf8').toString('base64');
  const printed = `,"patchType":"JSONPatch","patch":"${base64}"`;
  printedPatches.set(patch, printed);
  return printed;
}

/**
 * Prints the answer: always allowed, with a patch only where something changes. Put together from its parts: base64 needs no
 * escaping, and going through it once more to find that out is the largest part of printing.
 */
export function printReview(uid: string, { patch, warnings }: Verdict): string {
  const changes = patch.length === 0 ? '' : printPatch(patch);
  const said = warnings.length === 0 ? '' : `,"warnings":${JSON.stringify(warnings)}`;
  return `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":${JSON.stringify(uid)},"allowed":true${changes}${said}}}`;
}

const GO_DURATION = /^(\d+(?:\.\d+)?)(ms|s|m)$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** Milliseconds of the API server's `?timeout=` (a Go duration such as `3s`); undefined when absent or unreadable. */
export function parseTimeout(text: string | undefined): number | undefined {
  const match = text === undefined ? null : GO_DURATION.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? 0);
}
