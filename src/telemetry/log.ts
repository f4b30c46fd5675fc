// Log: pino on the shared line writer. Secrets are kept out by type; redaction is the second lock on the door.
import { pino } from 'pino';
import type { Logger } from 'pino';
import type { LogLevel } from '../domain/log-level.ts';
import type { LineWriter } from './line-writer.ts';

export type Log = Logger;

/** Makes the process's logger: JSON lines, RFC 3339 times, level names. */
export function createLog(level: LogLevel, writer: Pick<LineWriter, 'write'>): Log {
  return pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: ['*.authorization', '*.password', '*.token', '*.auth', 'authorization', 'password', 'token'],
    },
    { write: (line: string) => writer.write(line) },
  );
}
