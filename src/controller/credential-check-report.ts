// Credential check report: which secrets hold a credential that a mirror refuses, for status, events and metrics.
import type { CheckUse, CredentialCheck } from '../domain/check-plan.ts';
import type { CheckRecord } from '../domain/check-schedule.ts';
import type { RefusedCredential } from '../domain/set-status-facts.ts';
import type { EventReport, EventSink } from './event-sink.ts';

export interface CheckMeter {
  /** Gauge credentials_refused{endpoint}: distinct credentials; every mirror with one to try, and no other. */
  credentialsRefused(byEndpoint: ReadonlyMap<string, number>): void;
}

/** A credential that a mirror refuses, in one of the secrets that hold it. */
export interface DatedRefusal extends RefusedCredential {
  /** Milliseconds of Unix time. */
  readonly since: number;
}

interface Refusal {
  readonly use: CheckUse;
  readonly row: DatedRefusal;
}

/** At once; the status counts the others. */
const MAX_EVENTS = 50;

function eventOf({ use, row }: Refusal): EventReport {
  const { namespace, secret, uid } = use;
  const words = row.message === '' ? '' : ` (${row.message})`;
  return {
    regarding: { apiVersion: 'v1', kind: 'Secret', namespace, name: secret, uid },
    type: 'Warning',
    reason: 'CredentialRefused',
    note:
      `${row.endpoint} refuses the credential in this pull secret${words}: pods that rely on it cannot be served from there. ` +
      'Make it valid there, or put one that is into the secret that this one is derived from.',
  };
}

/** By set, secret and endpoint: of several credentials in one secret the first that was refused speaks. */
function findRefusals(
  checks: readonly CredentialCheck[],
  records: ReadonlyMap<string, CheckRecord>,
): ReadonlyMap<string, Refusal> {
  const found = new Map<string, Refusal>();
  for (const { key, endpoint, uses } of checks) {
    const record = records.get(key);
    if (record?.verdict !== 'refused') continue;
    const { since, message } = record;
    for (const use of uses) {
      const { set, namespace, secret } = use;
      const id = [set, namespace, secret, endpoint].join('\n');
      const row = { set, namespace, secret, endpoint, since, message };
      if (since < (found.get(id)?.row.since ?? Infinity)) found.set(id, { use, row });
    }
  }
  return found;
}

/** Holds what was told last, and tells what has changed. */
export class RefusalReport {
  readonly #events: EventSink;
  readonly #meter: CheckMeter;
  readonly #listeners = new Set<() => void>();
  #told: ReadonlyMap<string, Refusal> = new Map();
  #rows: readonly DatedRefusal[] = [];

  constructor(events: EventSink, meter: CheckMeter) {
    this.#events = events;
    this.#meter = meter;
  }

  /** The same array until something changes. */
  rows(): readonly DatedRefusal[] {
    return this.#rows;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(checks: readonly CredentialCheck[], records: ReadonlyMap<string, CheckRecord>): void {
    const counts = new Map<string, number>();
    for (const { key, endpoint } of checks) {
      const isRefused = records.get(key)?.verdict === 'refused';
      counts.set(endpoint, (counts.get(endpoint) ?? 0) + Number(isRefused));
    }
    this.#meter.credentialsRefused(counts);
    const found = findRefusals(checks, records);
    const news = [...found].filter(([id]) => !this.#told.has(id)).slice(0, MAX_EVENTS);
    for (const [, refusal] of news) this.#events.report(eventOf(refusal));
    this.#told = found;
    const rows = [...found.values()].map(({ row }) => row);
    if (JSON.stringify(rows) === JSON.stringify(this.#rows)) return;
    this.#rows = rows;
    for (const listener of this.#listeners) listener();
  }
}
