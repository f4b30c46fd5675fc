// Process stat: what a process has used, from /proc.
import { readFileSync } from 'node:fs';

/** Linux counts in ticks of a hundredth of a second wherever Node runs (sysconf _SC_CLK_TCK). */
const TICK_US = 10_000;

/** CPU time of all threads so far, microseconds; in steps of 10 ms. */
export function cpuMicros(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in brackets, may hold spaces; utime and stime are the 12th and 13th fields behind it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

/** Resident memory, megabytes (10^6). */
export function rssMb(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024) / 1e6;
}
