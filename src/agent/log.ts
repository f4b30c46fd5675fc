// Log: JSON lines in the shape of the other processes' logs, without their library. Secrets stay out by type.
import { LOG_LEVELS, type LogLevel } from '../domain/log-level.ts';

/** What is said beside the sentence: plain values only, so that nothing opaque is taken apart. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined | readonly string[]>>;

export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** Of one text in a line: texts come from registries, files and scripts of others. */
const TEXT_MAX = 2048;

function bounded(_key: string, value: unknown): unknown {
  return typeof value === 'string' && value.length > TEXT_MAX ? `${value.slice(0, TEXT_MAX)}…` : value;
}

/** `write` gets whole lines. `now`: milliseconds since 1970. */
export function createLog(level: LogLevel, write: (line: string) => void, now: () => number = Date.now): Log {
  const lowest = LOG_LEVELS.indexOf(level);
  const say = (at: LogLevel, fields: LogFields, message: string): void => {
    if (LOG_LEVELS.indexOf(at) < lowest) return;
    const time = new Date(now()).toISOString();
    // JSON escapes control characters: a line stays a line, whatever a field holds.
    write(`${JSON.stringify({ level: at, time, ...fields, message }, bounded)}\n`);
  };
  return {
    debug: (fields, message) => {
      say('debug', fields, message);
    },
    info: (fields, message) => {
      say('info', fields, message);
    },
    warn: (fields, message) => {
      say('warn', fields, message);
    },
    error: (fields, message) => {
      say('error', fields, message);
    },
  };
}
