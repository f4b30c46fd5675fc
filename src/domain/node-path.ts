// Node path: a path on a node that a flag names. It stands in scripts and in files of the runtimes, so it is a plain one.
import type { Problem } from './problem.ts';
import { quote } from './reference-grammar.ts';
import { err, ok, type Result } from './result.ts';

/** Absolute, of letters, digits, `.`, `_` and `-`; no component is empty, `.` or `..`. */
export const NODE_PATH = /^(?=.{1,255}$)(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)+$/;

/** Reads what a person has typed: slashes at the end, where shells put them, are taken off. */
export function parseNodePath(
  flag: string,
  text: string,
  example = '/etc/containers',
): Result<string, Problem> {
  const path = text.replace(/\/+$/, '');
  if (NODE_PATH.test(path)) return ok(path);
  return err({
    path: flag,
    code: 'InvalidFlag',
    message: text.startsWith('/')
      ? `${quote(text)} is no plain path: letters, digits, ., _ and - between the slashes, something between any two, no . or .. alone`
      : `${quote(text)} is not an absolute path`,
    fix: `Write for example ${flag} ${example}`,
  });
}
