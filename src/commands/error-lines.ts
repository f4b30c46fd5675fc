// Error lines: what goes to standard error, wrapped where a person reads it in a terminal.
import { wrapError } from '../explain/layout.ts';

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
