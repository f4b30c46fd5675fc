// Ending a process that cannot be mistaken for another.
import { isRunning } from './proc.ts';
import type { ProcessId } from './proc.ts';
import { waitFor } from './wait.ts';

/** How long a program may take to end after SIGTERM before it gets SIGKILL. */
export const GRACE_MS = 3_000;

/** Ends exactly this process and waits until it is gone: SIGTERM, after the grace time SIGKILL. */
export async function endProcess(id: ProcessId, graceMs = GRACE_MS): Promise<void> {
  const gone = (): Promise<boolean> => Promise.resolve(!isRunning(id));
  if (graceMs > 0) {
    signal(id, 'SIGTERM');
    try {
      await waitFor('', graceMs, gone);
      return;
    } catch {
      // It had its time.
    }
  }
  signal(id, 'SIGKILL');
  await waitFor(`process ${id.pid} to end`, 10_000, gone);
}

function signal(id: ProcessId, name: NodeJS.Signals): void {
  try {
    if (isRunning(id)) process.kill(id.pid, name);
  } catch (error) {
    // It ended between the look and the signal.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
