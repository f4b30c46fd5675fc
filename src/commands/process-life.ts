// Process life: when a process that serves until it is stopped stops, and how it ends.
import type { LineWriter } from '../telemetry/line-writer.ts';
import { EXIT } from './exit.ts';

/** How long the last lines may take to be written; a reader that has stopped reading is not waited for. */
const LAST_LINES_MS = 1_000;

/** Resolves with the name of the first signal that asks the process to stop. */
export function nextSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}

/** Writes the last lines and lets the process end; resolves with the exit code of an orderly stop. */
export async function endOrderly(writer: Pick<LineWriter, 'end'>): Promise<number> {
  await writer.end(LAST_LINES_MS);
  // A write to a reader that has stopped reading is still under way and would keep the process alive for ever.
  setTimeout(() => process.exit(EXIT.yes), LAST_LINES_MS).unref();
  return EXIT.yes;
}
