// Audit log: records as JSON lines, on the writer it is given. Never waits, never throws.
import type { AuditEntries } from '../domain/audit-record.ts';

export interface LineSink {
  write(line: string): void;
}

export class AuditLog {
  readonly #sink: LineSink;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  append(entries: AuditEntries): void {
    for (const line of entries.lines()) this.#sink.write(line);
  }
}
