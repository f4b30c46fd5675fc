// What /proc tells of processes: whether one still is the one we started, and which carry the mark of a lab.
import { readFileSync, readdirSync } from 'node:fs';

/** A process that cannot be mistaken: pids are used again, start times (clock ticks since boot) tell them apart. */
export interface ProcessId {
  readonly pid: number;
  readonly startTicks: number;
}

/** Every process of a lab has this variable with the lab's folder in its environment, and hands it to its children. */
export const MARK = 'REGISTRY_FAILOVER_LAB';

interface Stat {
  readonly state: string;
  readonly threads: number;
  readonly startTicks: number;
}

function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything, so count from behind it: state is field 3, num_threads field 20, starttime field 22.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? 'X', threads: Number(fields[17]), startTicks: Number(fields[19]) };
  } catch {
    return undefined;
  }
}

/** When a process started; undefined when there is none with this pid. */
export function startTicksOf(pid: number): number | undefined {
  return readStat(pid)?.startTicks;
}

/**
 * Whether exactly this process runs. One that has ended and was not waited for (a zombie) does not, once its other threads have
 * ended too: until then it still holds its files and ports.
 */
export function isRunning(id: ProcessId): boolean {
  const stat = readStat(id.pid);
  if (stat === undefined || stat.startTicks !== id.startTicks || stat.state === 'X') return false;
  return stat.state !== 'Z' || stat.threads > 1;
}

function allPids(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/u.test(name))
    .map(Number);
}

/** The processes that a lab's processes have left or become, found by the mark in their environment. */
export function findMarked(folder: string): readonly ProcessId[] {
  const wanted = `${MARK}=${folder}`;
  return allPids()
    .flatMap((pid) => {
      const startTicks = startTicksOf(pid);
      return startTicks !== undefined && environmentOf(pid).includes(wanted) ? [{ pid, startTicks }] : [];
    })
    .filter(isRunning);
}

function environmentOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** The name and arguments of a process, for messages. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim().slice(0, 200);
  } catch {
    return '';
  }
}

/** Processes of this machine whose command line, words parted by spaces, begins so. */
export function findProcesses(start: string): readonly number[] {
  return allPids().filter((pid) => commandOf(pid).startsWith(start));
}
