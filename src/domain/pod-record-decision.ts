// Pod record decision: what the decision annotation says of each slot, as far as it can be believed without a mirror set.
import { readSlotRecords } from './decision-annotation.ts';
import { asObject, asString, own } from './json.ts';
import type { JsonObject } from './json.ts';
import { MAX_IMAGE_CHARACTERS } from './plan.ts';
import { MAX_SLOTS } from './pod.ts';
import { isReason } from './reason.ts';
import type { Reason } from './reason.ts';

/** What was decided for one image slot. The annotation can be edited by whoever may edit the pod. */
export interface RecordedDecision {
  /** `containers/app` */
  readonly slot: string;
  /** What the pod's author wrote. */
  readonly original: string;
  /** What the slot names now; undefined where the pod has no such slot any more. */
  readonly image: string | undefined;
  readonly action: 'keep' | 'rewrite';
  /** undefined: not one of ours. */
  readonly reason: Reason | undefined;
}

function readDecision(
  slot: string,
  record: JsonObject | undefined,
  image: string | undefined,
): RecordedDecision[] {
  const original = asString(own(record, 'image'));
  if (original === undefined || original.length > MAX_IMAGE_CHARACTERS) return [];
  const reason = own(record, 'reason');
  return [
    {
      slot,
      original,
      image,
      action: own(record, 'action') === 'rewrite' ? 'rewrite' : 'keep',
      reason: isReason(reason) ? reason : undefined,
    },
  ];
}

/**
 * Reads the decisions. undefined: the pod has no annotation of this version, so that it was not seen by us.
 * @param images Slot id → the image that stands there now.
 */
export function readDecisions(
  annotations: JsonObject,
  images: ReadonlyMap<string, string>,
): readonly RecordedDecision[] | undefined {
  const slots = readSlotRecords(annotations);
  if (slots === undefined) return undefined;
  return Object.entries(slots)
    .slice(0, MAX_SLOTS)
    .flatMap(([slot, record]) => readDecision(slot, asObject(record), images.get(slot)));
}
