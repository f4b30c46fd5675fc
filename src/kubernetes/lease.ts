// Lease: who leads, as the object says it, and when another may take over. Pure.
import { asObject } from '../domain/json.ts';
import { apiVersionOf, LEASES, type KubeObject } from './resource.ts';

/** coordination.k8s.io/v1 LeaseSpec. */
export interface LeaseRecord {
  /** '' when it was given back. */
  readonly holder: string;
  /** 0 when it does not say. */
  readonly durationMs: number;
  readonly transitions: number;
  /** RFC 3339 with microseconds. Shown to people; no clock of ours is compared with it. */
  readonly acquireTime: string;
  readonly renewTime: string;
}

/** A record, and when we first saw exactly this one. */
export interface Sighting {
  readonly record: LeaseRecord;
  /** Our own monotonic milliseconds, after the answer was here: never before it was written. */
  readonly seenAt: number;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}

/** Reads a Lease, whoever wrote it. */
export function readLease(object: KubeObject): LeaseRecord {
  const spec = asObject(object['spec']) ?? {};
  return {
    holder: textOf(spec['holderIdentity']),
    durationMs: countOf(spec['leaseDurationSeconds']) * 1000,
    transitions: countOf(spec['leaseTransitions']),
    acquireTime: textOf(spec['acquireTime']),
    renewTime: textOf(spec['renewTime']),
  };
}

/** The Lease with this record; what else is in the present object stays. */
export function printLease(
  present: KubeObject | undefined,
  name: { readonly namespace: string; readonly name: string },
  record: LeaseRecord,
): KubeObject {
  return {
    apiVersion: apiVersionOf(LEASES),
    kind: LEASES.kind,
    metadata: present?.metadata ?? name,
    spec: {
      ...asObject(present?.['spec']),
      holderIdentity: record.holder,
      leaseDurationSeconds: Math.max(1, Math.ceil(record.durationMs / 1000)),
      leaseTransitions: record.transitions,
      acquireTime: record.acquireTime,
      renewTime: record.renewTime,
    },
  };
}

/** metav1.MicroTime wants six digits. */
export function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}

/** The record as the next holder writes it. */
export function takenBy(
  holder: string,
  before: LeaseRecord | undefined,
  { durationMs, time }: { durationMs: number; time: string },
): LeaseRecord {
  const isNew = before?.holder !== holder;
  return {
    holder,
    durationMs,
    transitions: (before?.transitions ?? 0) + (isNew && before !== undefined ? 1 : 0),
    acquireTime: isNew ? time : before.acquireTime,
    renewTime: time,
  };
}

/** What is known after having seen this record: since when, if it is the one of before. */
export function observe(before: Sighting | undefined, record: LeaseRecord, now: number): Sighting {
  const isSame =
    before !== undefined &&
    before.record.holder === record.holder &&
    before.record.renewTime === record.renewTime &&
    before.record.acquireTime === record.acquireTime &&
    before.record.transitions === record.transitions &&
    before.record.durationMs === record.durationMs;
  return isSame ? before : { record, seenAt: now };
}

/**
 * Whether a candidate may take what it has seen. One's own record is left from before a restart: identities are of one
 * living process each. Anybody else's must have stood still for its whole duration, by our clock, and for ours where
 * that is longer (a record edited by hand must not shorten it).
 */
export function mayTake(
  { record, seenAt }: Sighting,
  identity: string,
  { now, leaseMs }: { now: number; leaseMs: number },
): boolean {
  if (record.holder === '' || record.holder === identity) return true;
  return now - seenAt > Math.max(record.durationMs, leaseMs);
}
