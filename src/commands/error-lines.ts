// Error lines: what goes to standard error, wrapped where a person reads it in a terminal.
import { printProblem } from '../domain/problem.ts';
import type { Problem } from '../domain/problem.ts';
import { printable, wrapError } from '../explain/layout.ts';
import { EXIT } from './exit.ts';

/** Terminals that do not know their width, and those too narrow to wrap in. */
const USUAL_COLUMNS = 80;
const LEAST_COLUMNS = 20;

/** Scripts get each error as one line; a terminal gets it wrapped at its width, with an indent. The text as it was otherwise. */
export function fitStderr(text: string): string {
  const { isTTY, columns } = process.stderr;
  // In files and pipes the property is not there, whatever its type says.
  if (!(isTTY as boolean | undefined)) return text;
  const width = Number.isInteger(columns) && columns >= LEAST_COLUMNS ? columns : USUAL_COLUMNS;
  return text
    .split('\n')
    .flatMap((line) => wrapError(line, width))
    .join('\n');
}

/** Says one error. The text must be printable, but may have several lines. */
export function printError(text: string): void {
  process.stderr.write(fitStderr(`error: ${text}\n`));
}

/** Says all problems, one line each outside of terminals; gives the exit code for bad input. */
export function refuse(problems: readonly Problem[]): number {
  for (const problem of problems) printError(printable(printProblem(problem)));
  return EXIT.badInput;
}
