// Audit log: records as JSON lines, on the writer it is given. Never waits, never throws.
import type { AuditRecord } from '../domain/audit-record.ts';

export interface LineSink {
  write(line: string): void;
}

export class AuditLog {
  readonly #sink: LineSink;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  append(record: AuditRecord): void {
    this.#sink.write(`${JSON.stringify(record)}\n`);
  }
}
