// Audit trail: the audit lines that the webhook wrote, read back by the admission request they belong to.
import type { AuditRecord } from '../domain/audit-record.ts';

/** A demo left at its prompt must not grow. */
const MAX_REQUESTS = 200;

export class AuditTrail {
  readonly #records = new Map<string, AuditRecord[]>();

  /** Takes a request's lines at once, as standard output would a little later. */
  defer(entries: { lines(): readonly string[] }): void {
    for (const line of entries.lines()) this.#take(JSON.parse(line) as AuditRecord);
  }

  #take(record: AuditRecord): void {
    const known = this.#records.get(record.uid);
    if (known === undefined) this.#records.set(record.uid, [record]);
    else known.push(record);
    const [oldest] = this.#records.keys();
    if (this.#records.size > MAX_REQUESTS && oldest !== undefined) this.#records.delete(oldest);
  }

  /** The records of one admission request, one per image. */
  of(uid: string): readonly AuditRecord[] {
    return this.#records.get(uid) ?? [];
  }
}
