// Namespace: runs the black-hole scenario in a network namespace of its own, where packets may be dropped without hurting anybody.
import { execFile, execFileSync } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { OutageResult } from './outage.ts';

const run = promisify(execFile);

/** Far above what the scenario takes. */
const LIMIT_MS = 180_000;

function has(command: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Why it cannot be run here; undefined when it can. */
export function whyNoNamespace(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root: no network namespace can be made';
  const missing = ['ip', 'iptables'].filter((command) => !has(command));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
}

/** Makes the namespace, measures in it, and removes it whatever happens. Throws when one cannot be made. */
export async function measureDrop(seconds: number): Promise<OutageResult> {
  const name = `rf-bench-${process.pid}`;
  execFileSync('ip', ['netns', 'add', name]);
  // Also when somebody has had enough and presses Ctrl-C.
  const remove = (): void => void execFileSync('ip', ['netns', 'del', name]);
  process.once('exit', remove);
  try {
    execFileSync('ip', ['netns', 'exec', name, 'ip', 'link', 'set', 'lo', 'up']);
    const file = path.join(import.meta.dirname, 'outage.ts');
    const words = ['netns', 'exec', name, process.execPath, file, 'drop', String(seconds)];
    const { stdout } = await run('ip', words, { timeout: LIMIT_MS });
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as OutageResult;
  } finally {
    process.off('exit', remove);
    remove();
  }
}
