// The decision annotation: the record on the pod of where its images come from. Versioned, compact, without times.
import { asObject, asString, own, parseJson } from './json.ts';
import type { JsonObject } from './json.ts';
import { printEndpoint } from './endpoint.ts';
import type { SlotDecision } from './decision.ts';
import { DECISION_ANNOTATION } from './pod.ts';
import type { Pod } from './pod.ts';

const VERSION = 1;

/** kubernetes apimachinery pkg/api/validation TotalAnnotationSizeLimitB: above it the API server refuses the pod. */
const TOTAL_ANNOTATION_BYTES = 256 * 1024;

/** Longer than anything we write for a pod that fits into etcd; more is somebody else's text. */
const MAX_READ_CHARACTERS = 128 * 1024;

interface SlotRecord {
  readonly image: string;
  readonly endpoint?: string;
  readonly action: string;
  readonly reason: string;
  readonly credential?: 'unread';
  readonly digest?: string;
  /** Mirror → the pull secret that covers it there. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/** A return is told by the audit; on the pod it reads like any image at its upstream, so that a second pass agrees. */
function outcomeOf(decision: SlotDecision): { readonly action: string; readonly reason: string } {
  const returned = decision.action === 'back' && decision.answers[0]?.outcome === 'available';
  return returned
    ? { action: 'keep', reason: 'upstream-available' }
    : { action: decision.action === 'back' ? 'keep' : decision.action, reason: decision.reason };
}

function recordOf(decision: SlotDecision, secrets: Readonly<Record<string, string>> | undefined): SlotRecord {
  return {
    image: decision.plan.original,
    ...(decision.chosen === undefined ? {} : { endpoint: printEndpoint(decision.chosen.endpoint) }),
    ...outcomeOf(decision),
    ...(decision.credentialUnread ? { credential: 'unread' as const } : {}),
    ...(decision.digest === undefined ? {} : { digest: decision.digest }),
    ...(secrets === undefined ? {} : { secrets }),
  };
}

/** Prints what the annotation says of one slot. `secrets` gives the pull secret that covers each mirror. */
export function printSlotRecord(
  decision: SlotDecision,
  secrets: Readonly<Record<string, string>> | undefined,
): string {
  return JSON.stringify(recordOf(decision, secrets));
}

/**
 * Prints the annotation from the records of its slots. No times, and nothing of how the answers were come by (`fromMemory`
 * stands in the audit), so that a second pass over the same pod (reinvocation) prints the same text.
 */
export function printDecisionAnnotation(
  slots: readonly { readonly id: string; readonly record: string }[],
): string {
  const records = slots.map(({ id, record }) => `${JSON.stringify(id)}:${record}`);
  return `{"v":${VERSION},"slots":{${records.join(',')}}}`;
}

/** Slot id → the original image, from the annotation a pod came with. It is user input: whoever uses it checks it. */
export type OriginalImages = ReadonlyMap<string, string>;

const NONE: OriginalImages = new Map();

/**
 * Reads the annotation as far as its slots: slot id → record, unchecked. undefined: there is none. An unknown version, or
 * anything that is not ours, is as if it were absent.
 */
export function readSlotRecords(annotations: JsonObject): JsonObject | undefined {
  const text = asString(own(annotations, DECISION_ANNOTATION));
  if (text === undefined || text.length > MAX_READ_CHARACTERS) return undefined;
  const root = asObject(parseJson(text));
  return own(root, 'v') === VERSION ? asObject(own(root, 'slots')) : undefined;
}

/** Reads the originals. */
export function readOriginalImages(pod: Pod): OriginalImages {
  const slots = readSlotRecords(pod.annotations);
  if (slots === undefined) return NONE;
  const originals = new Map<string, string>();
  for (const [id, record] of Object.entries(slots)) {
    const image = asString(own(asObject(record), 'image'));
    if (image !== undefined) originals.set(id, image);
  }
  return originals;
}

/** UTF-8 size without an encoder: domain code has no Buffer, and only the sum matters. */
function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0x7ff) bytes += 2;
    else if (code > 0x7f) bytes += 1;
  }
  return bytes;
}

/** The worst case for any UTF-16 unit; cheap, and enough for almost every pod. */
function atMostBytes(text: string): number {
  return 3 * text.length;
}

function totalSize(pod: Pod, text: string, sizeOf: (text: string) => number): number {
  let total = sizeOf(DECISION_ANNOTATION) + sizeOf(text);
  for (const key of Object.keys(pod.annotations)) {
    if (key !== DECISION_ANNOTATION) total += sizeOf(key) + sizeOf(asString(pod.annotations[key]) ?? '');
  }
  return total;
}

/** Does the annotation fit beside the pod's own? One byte too many, and the API server would refuse the pod. */
export function annotationFits(pod: Pod, text: string): boolean {
  return (
    totalSize(pod, text, atMostBytes) <= TOTAL_ANNOTATION_BYTES ||
    totalSize(pod, text, utf8Bytes) <= TOTAL_ANNOTATION_BYTES
  );
}
