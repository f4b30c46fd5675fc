// Event object: a report as an object of events.k8s.io/v1, and how its series is counted up.
import type { JsonPatchOperation } from '../kubernetes/cluster-api.ts';
import { EVENTS } from '../kubernetes/resource.ts';
import type { KubeObject } from '../kubernetes/resource.ts';

/** core/v1 ObjectReference, as far as `kubectl describe` looks. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  /** undefined for what has no namespace. */
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly uid: string;
}

export interface EventReport {
  readonly regarding: ObjectReference;
  readonly related?: ObjectReference | undefined;
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, at most 128 characters. */
  readonly reason: string;
  /** For people; cut at {@link MAX_NOTE_BYTES}. */
  readonly note: string;
}

/** A report and how often it was made. Times are milliseconds of Unix time. */
export interface EventSeries {
  readonly event: EventReport;
  /** metadata.name. */
  readonly name: string;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly count: number;
}

/** kubernetes pkg/apis/events/validation: NoteLengthLimit. */
export const MAX_NOTE_BYTES = 1_024;
/** The same file's ReportingInstanceLengthLimit. */
const MAX_INSTANCE_CHARACTERS = 128;

const CONTROLLER = 'registry-failover.io/controller';
/** What was done: the API wants a word beside the reason. */
const ACTION = 'Report';

/** metav1.MicroTime. */
function printMicroTime(unixMs: number): string {
  return new Date(unixMs).toISOString().replace('Z', '000Z');
}

/** Cut to whole characters, control characters out: notes hold texts of users and registries. */
export function cleanNote(text: string): string {
  const visible = text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, ' ');
  const bytes = new TextEncoder().encode(visible);
  if (bytes.length <= MAX_NOTE_BYTES) return visible;
  const cut = new TextDecoder().decode(bytes.subarray(0, MAX_NOTE_BYTES - 3));
  return `${cut.replace(/\uFFFD$/u, '')}…`;
}

/** The report was made once more. */
export function continueSeries(series: EventSeries, now: number): EventSeries {
  return { ...series, lastAt: now, count: series.count + 1 };
}

/** The only part of an Event that can be changed (pkg/apis/events/validation: ValidateEventUpdate). */
function seriesOf({ count, lastAt }: EventSeries): unknown {
  return { count, lastObservedTime: printMicroTime(lastAt) };
}

export function seriesPatch(series: EventSeries): readonly JsonPatchOperation[] {
  return [{ op: 'add', path: '/series', value: seriesOf(series) }];
}

/** The whole object. Events about what has no namespace stand in `default`; nowhere else are they allowed. */
export function newEvent(series: EventSeries, instance: string): KubeObject {
  const { event, name, firstAt, count } = series;
  return {
    apiVersion: `${EVENTS.group}/${EVENTS.version}`,
    kind: EVENTS.kind,
    metadata: { name, namespace: event.regarding.namespace ?? 'default' },
    eventTime: printMicroTime(firstAt),
    // A series begins with the second occurrence.
    ...(count > 1 ? { series: seriesOf(series) } : {}),
    reportingController: CONTROLLER,
    reportingInstance: instance.slice(0, MAX_INSTANCE_CHARACTERS),
    action: ACTION,
    reason: event.reason,
    regarding: event.regarding,
    ...(event.related === undefined ? {} : { related: event.related }),
    note: cleanNote(event.note),
    type: event.type,
  };
}
