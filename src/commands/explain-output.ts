// Explain output: results on standard output in the form that was asked for, problems on standard error.
import { stringify } from 'yaml';
import { printProblem } from '../domain/problem.ts';
import type { Problem } from '../domain/problem.ts';
import { printable } from '../explain/layout.ts';
import { EXIT } from './exit.ts';
import { fitStderr } from './error-lines.ts';

export type OutputFormat = 'text' | 'json' | 'yaml';

let isHeard = false;

/** Resolves when the text has been handed over. A reader that has gone away (`| head`) is no error of ours. */
export function printOut(text: string): Promise<void> {
  if (!isHeard) process.stdout.on('error', () => {});
  isHeard = true;
  return new Promise((resolve) => {
    process.stdout.write(text, () => resolve());
  });
}

/** Prints a value as JSON or YAML. */
export async function printData(value: object, format: 'json' | 'yaml'): Promise<void> {
  const text =
    format === 'json'
      ? `${JSON.stringify(value, undefined, 2)}\n`
      : stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
  await printOut(text);
}

/** Says all problems, one line each outside of terminals; gives the exit code for bad input. */
export function refuse(problems: readonly Problem[]): number {
  for (const problem of problems) {
    process.stderr.write(fitStderr(`error: ${printable(printProblem(problem))}\n`));
  }
  return EXIT.badInput;
}

/** How long what is still under way may keep the process once everything has been said, milliseconds. */
const LINGER_MS = 50;

/** A question to a silent registry goes on for seconds, for nobody: the answer has been printed. */
export function endSoon(code: number): number {
  setTimeout(() => process.exit(code), LINGER_MS).unref();
  return code;
}
