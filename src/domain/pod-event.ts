// Pod event: what is said of a new pod, and of its owner, from the decisions on the pod.
import { printEndpoint } from './endpoint.ts';
import { planImage } from './plan.ts';
import type { MirrorIndex } from './plan.ts';
import type { RecordedDecision } from './pod-record-decision.ts';
import { reroutesOf } from './pod-record-mirrors.ts';
import type { Reroute } from './pod-record-mirrors.ts';
import { sentenceOf } from './reason.ts';
import type { Reason } from './reason.ts';

/** The same words for the pod and for its owner: an owner's Event stands for many pods, so it names none. */
export interface PodEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: 'ImageRerouted' | 'NoMirrorAvailable';
  readonly note: string;
}

/** The upstream cannot serve, and no mirror was taken: the pod will most likely wait in ImagePullBackOff. */
const STUCK: ReadonlySet<Reason> = new Set<Reason>([
  'no-mirror-available',
  'no-mirror-credential',
  'mirror-not-trusted-by-nodes',
  'digest-differs',
]);

/** More slots are told by their number: a note has room for 1,024 bytes. */
const MAX_TOLD = 2;

function withRest(lines: readonly string[]): string {
  const rest = lines.length - MAX_TOLD;
  const told = lines.slice(0, MAX_TOLD).join(' ');
  return rest > 0 ? `${told} (and ${rest} more of its images)` : told;
}

function containerOf({ slot }: RecordedDecision): string {
  return slot.slice(slot.indexOf('/') + 1);
}

function tellReroute({ decision, mirror }: Reroute): string {
  const why = decision.reason === undefined ? '' : ` ${sentenceOf(decision.reason)}`;
  return `${containerOf(decision)}: ${decision.original} is taken from ${printEndpoint(mirror.endpoint)}.${why}`;
}

function tellStuck(decision: RecordedDecision): string {
  const why = decision.reason === undefined ? '' : sentenceOf(decision.reason);
  return `${containerOf(decision)}: ${decision.original} may not be pulled. ${why}`;
}

function isStuck({ reason, image, original }: RecordedDecision, index: MirrorIndex): boolean {
  if (reason === undefined || !STUCK.has(reason) || image !== original) return false;
  return planImage(original, index).set !== undefined;
}

/**
 * The events of one pod, at most one of each reason.
 * @param index The sets in force; an image that none of them covers is not spoken of, whatever the annotation says.
 */
export function podEventsOf(decisions: readonly RecordedDecision[], index: MirrorIndex): readonly PodEvent[] {
  const reroutes = reroutesOf(decisions, index).filter(({ decision }) => decision.action === 'rewrite');
  const stuck = decisions.filter((decision) => isStuck(decision, index));
  const events: PodEvent[] = [];
  if (reroutes.length > 0)
    events.push({
      type: 'Normal',
      reason: 'ImageRerouted',
      note: withRest(reroutes.map(tellReroute)),
    });
  if (stuck.length > 0)
    events.push({ type: 'Warning', reason: 'NoMirrorAvailable', note: withRest(stuck.map(tellStuck)) });
  return events;
}
