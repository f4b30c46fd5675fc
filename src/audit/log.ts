// Audit log: records as JSON lines, on the writer it is given. Never waits, never throws.
import type { AuditEntries } from '../domain/audit-record.ts';

/** Where lines go; asks for them when it writes. */
export interface LineSink {
  defer(entries: Pick<AuditEntries, 'lines'>): void;
}

export class AuditLog {
  readonly #sink: LineSink;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  append(entries: AuditEntries): void {
    this.#sink.defer(entries);
  }
}
