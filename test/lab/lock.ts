// One `up` or `down` at a time: a file with the process that works on the lab, void when that process has ended.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isRunning, startTicksOf } from './proc.ts';
import type { ProcessId } from './proc.ts';

/** Runs `work` holding the lab's lock. Throws when another process holds it. The file lies beside the folder, which `down` removes. */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const file = `${folder}.lock`;
  take(file);
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file: string): void {
  const own: ProcessId = { pid: process.pid, startTicks: startTicksOf(process.pid) ?? 0 };
  const holder = existsSync(file) ? readHolder(file) : undefined;
  if (holder !== undefined && isRunning(holder))
    throw new Error(`process ${holder.pid} is at work on the lab: wait for it, or end it and run \`down\``);
  rmSync(file, { force: true });
  // wx: of two that found no holder, one fails here.
  writeFileSync(file, JSON.stringify(own), { flag: 'wx' });
}

function readHolder(file: string): ProcessId | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessId;
  } catch {
    return undefined;
  }
}
