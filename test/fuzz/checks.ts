// Checks: what every answer must be, whatever was asked; judged from the bytes alone, without any code of the product.
import { applyPatch } from 'rfc6902';
import type { Operation } from 'rfc6902';
import { DECISION, SKIP } from './pods.ts';

/** Longest warning (design: section "Admission") and largest annotations the API server takes (TotalAnnotationSizeLimitB). */
const MAX_WARNING = 120;
const MAX_ANNOTATIONS = 256 * 1024;

type Json = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A broken promise: which, and how it showed. */
export interface Failure {
  readonly check: string;
  readonly detail: string;
}

/** An answer that keeps every promise, decoded. */
export interface Decoded {
  readonly operations: readonly Operation[];
  /** The object as the API server would store it. */
  readonly after: unknown;
}

class Broken extends Error {
  readonly check: string;
  constructor(check: string, detail: string) {
    super(detail);
    this.check = check;
  }
}

function must(holds: boolean, check: string, detail: () => string): void {
  if (!holds) throw new Broken(check, detail());
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 300);
}

function ownValue(value: unknown, key: string): unknown {
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function readResponse(answer: Answer, uid: unknown): Json {
  must(answer.status === 200, 'status', () => `${answer.status} ${answer.body.slice(0, 300)}`);
  const review: unknown = JSON.parse(answer.body);
  must(ownValue(review, 'kind') === 'AdmissionReview', 'kind', () => show(review));
  must(ownValue(review, 'apiVersion') === 'admission.k8s.io/v1', 'apiVersion', () => show(review));
  const response = ownValue(review, 'response');
  if (!isRecord(response)) throw new Broken('response', show(review));
  must(response['uid'] === uid, 'uid', () => `${show(response['uid'])}, not ${show(uid)}`);
  must(response['allowed'] === true, 'allowed', () => show(response));
  const known = new Set(['uid', 'allowed', 'patch', 'patchType', 'warnings']);
  for (const key of Object.keys(response)) must(known.has(key), 'response', () => `unknown field ${key}`);
  return response;
}

function checkWarnings(warnings: unknown): void {
  if (warnings === undefined) return;
  if (!Array.isArray(warnings)) throw new Broken('warnings', show(warnings));
  for (const warning of warnings as unknown[]) {
    const fits = typeof warning === 'string' && Array.from(warning).length <= MAX_WARNING;
    must(fits, 'warnings', () => show(warning));
  }
}

function readPatch(response: Json): Operation[] {
  const patch = response['patch'];
  must((patch === undefined) === (response['patchType'] === undefined), 'patchType', () => show(response));
  if (patch === undefined) return [];
  must(response['patchType'] === 'JSONPatch', 'patchType', () => show(response['patchType']));
  if (typeof patch !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(patch))
    throw new Broken('patch', show(patch));
  const operations: unknown = JSON.parse(
    new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(patch, 'base64')),
  );
  must(Array.isArray(operations) && operations.length > 0, 'patch', () => show(operations));
  for (const operation of operations as Json[]) {
    const op = operation['op'];
    must(op === 'add' || op === 'replace', 'patch', () => `operation ${show(operation)}`);
  }
  return operations as Operation[];
}

/** One difference between what the user wrote and what came of it. */
interface Change {
  readonly path: readonly string[];
  readonly before: unknown;
  readonly after: unknown;
}

function keysOf(value: object): string[] {
  return Object.keys(value);
}

function isBranch(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}

/** Every difference, as deep as it can be said. Goes through any depth without calling itself. */
function differences(before: unknown, after: unknown): Change[] {
  const found: Change[] = [];
  const open: Change[] = [{ path: [], before, after }];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    const { path, before: old, after: now } = one;
    if (Object.is(old, now)) continue;
    if (!isBranch(old) || !isBranch(now) || Array.isArray(old) !== Array.isArray(now)) {
      found.push(one);
      continue;
    }
    for (const key of new Set([...keysOf(old), ...keysOf(now)])) {
      const child = { before: ownOrElement(old, key), after: ownOrElement(now, key) };
      if (child.before !== child.after) open.push({ path: [...path.slice(0, 8), key], ...child });
    }
  }
  return found;
}

function ownOrElement(value: Json, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

const IMAGE_PATH = /^spec (?:(?:containers|initContainers|ephemeralContainers) \d+|volumes \d+ image) (\w+)$/;

function isAddedSecret(value: unknown): boolean {
  return isRecord(value) && keysOf(value).length === 1 && typeof value['name'] === 'string';
}

/** Absent, or the null that Go's JSON reads as absent. */
function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function isDecisionAlone(value: unknown): boolean {
  return isRecord(value) && keysOf(value).length === 1 && typeof value[DECISION] === 'string';
}

/** The three things a patch may do: another image, pull secrets behind the user's own, our annotation. */
function isAllowedChange({ path, before, after }: Change): boolean {
  const [first, second, third] = path;
  if (first === 'metadata' && second === 'annotations') {
    if (path.length === 2) return isAbsent(before) && isDecisionAlone(after);
    return path.length === 3 && third === DECISION && typeof after === 'string';
  }
  if (first === 'spec' && second === 'imagePullSecrets') {
    if (path.length === 2) return isAbsent(before) && Array.isArray(after) && after.every(isAddedSecret);
    return path.length === 3 && before === undefined && isAddedSecret(after);
  }
  const match = IMAGE_PATH.exec(path.join(' '));
  const field = second === 'volumes' ? 'reference' : 'image';
  return match?.[1] === field && typeof before === 'string' && typeof after === 'string';
}

/** Name, tag and digest, without where it is: what a move to another registry must leave as it is. */
function lastPart(image: string): string {
  return image.slice(image.lastIndexOf('/') + 1).replace(/:latest$/, '');
}

/** An image that was moved is the same image elsewhere, whatever the pod says of where it came from. */
function checkKinship(changes: readonly Change[]): void {
  for (const { path, before, after } of changes) {
    if (path[0] !== 'spec' || typeof before !== 'string' || typeof after !== 'string') continue;
    must(lastPart(before) === lastPart(after), 'same-image', () => `${show(before)} became ${show(after)}`);
  }
}

function annotationBytes(object: unknown): number {
  const all = ownValue(ownValue(object, 'metadata'), 'annotations');
  if (!isRecord(all)) return 0;
  return Object.entries(all).reduce((sum, [key, value]) => {
    return sum + Buffer.byteLength(key) + (typeof value === 'string' ? Buffer.byteLength(value) : 0);
  }, 0);
}

/** Nobody who opted out, and no static pod, is given another image or a secret. */
function checkHandsOff(before: unknown, changes: readonly Change[]): void {
  const notes = ownValue(ownValue(before, 'metadata'), 'annotations');
  const handsOff =
    ownValue(notes, SKIP) === 'true' || ownValue(notes, 'kubernetes.io/config.mirror') !== undefined;
  if (!handsOff) return;
  for (const change of changes) {
    must(change.path[0] === 'metadata', 'hands-off', () => `${change.path.join('/')}: ${show(change.after)}`);
  }
}

function checkAnnotationSize(before: unknown, after: unknown): void {
  if (annotationBytes(before) > MAX_ANNOTATIONS) return;
  const bytes = annotationBytes(after);
  must(bytes <= MAX_ANNOTATIONS, 'annotation-size', () => `${bytes} bytes of annotations`);
}

function judge(answer: Answer, asked: { readonly uid: unknown; readonly object: unknown }): Decoded {
  const response = readResponse(answer, asked.uid);
  checkWarnings(response['warnings']);
  const operations = readPatch(response);
  if (operations.length === 0) return { operations, after: asked.object };
  const before = asked.object;
  // Only the branches that a patch may touch are copied: the rest can be deeper than a copy goes.
  const after = copyTouched(before);
  const errors = applyPatch(after, operations).filter((error) => error !== null);
  must(errors.length === 0, 'applies', () => `${String(errors[0])}: ${show(operations)}`);
  const changes = differences(before, after);
  for (const change of changes) {
    must(isAllowedChange(change), `keeps ${change.path.slice(0, 2).join('.')}`, () => {
      return `${change.path.join('/')}: ${show(change.before)} became ${show(change.after)}`;
    });
  }
  checkKinship(changes);
  checkHandsOff(before, changes);
  checkAnnotationSize(before, after);
  return { operations, after };
}

/** A copy down to where patches reach (five levels: spec, volumes, 0, image, reference); deeper values are shared. */
function copyTouched(value: unknown, levels = 5): unknown {
  if (levels === 0 || !isBranch(value)) return value;
  if (Array.isArray(value)) return (value as unknown[]).map((one) => copyTouched(one, levels - 1));
  const copy = {};
  for (const [key, child] of Object.entries(value)) {
    const property = {
      value: copyTouched(child, levels - 1),
      enumerable: true,
      configurable: true,
      writable: true,
    };
    Object.defineProperty(copy, key, property);
  }
  return copy;
}

/** Judges the answer to a valid review; either what came of it, or the promise that was broken. */
export function judgeReview(
  answer: Answer,
  asked: { readonly uid: unknown; readonly object: unknown },
): Decoded | Failure {
  try {
    return judge(answer, asked);
  } catch (error) {
    if (error instanceof Broken) return { check: error.check, detail: error.message };
    return { check: 'decodes', detail: String(error) };
  }
}

/** Judges the answer to something that is no review: this status, and a reason that a person can read. */
export function judgeRefusal(answer: Answer, status: number): Failure | undefined {
  if (answer.status !== status) {
    return { check: `refused-with-${status}`, detail: `${answer.status} ${answer.body.slice(0, 300)}` };
  }
  let message: unknown;
  try {
    message = ownValue(ownValue(JSON.parse(answer.body), 'error'), 'message');
  } catch {
    message = undefined;
  }
  const isSaid = typeof message === 'string' && message !== '';
  return isSaid ? undefined : { check: 'reason', detail: answer.body.slice(0, 300) };
}
