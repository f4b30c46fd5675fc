// Explain output: results on standard output in the form that was asked for.
import { stringify } from 'yaml';

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

/** How long what is still under way may keep the process once everything has been said, milliseconds. */
const LINGER_MS = 50;

/** A question to a silent registry goes on for seconds, for nobody: the answer has been printed. */
export function endSoon(code: number): number {
  setTimeout(() => process.exit(code), LINGER_MS).unref();
  return code;
}
