// Agent figures: what the agents of the lab cost their nodes while nothing happens: the kubelet's working set, and CPU.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The lab's kubelets run on version 1 of control groups. */
const MEMORY = '/sys/fs/cgroup/memory';
const CPU = '/sys/fs/cgroup/cpuacct';

export interface AgentFigure {
  /** The most seen, megabytes (10^6): usage less inactive pages of files, of the pod's container. */
  readonly workingSetMb: number;
  /** Thousandths of a core, over the whole time. */
  readonly milliCores: number;
}

function isAgent(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes('/app/agent.mjs');
  } catch {
    return false;
  }
}

function groupOf(pid: string, controller: string): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  const line = lines.find((one) => one.split(':')[1]?.split(',').includes(controller));
  if (line === undefined) throw new Error(`process ${pid} is in no group of ${controller}`);
  return line.split(':').slice(2).join(':');
}

function workingSetMb(pid: string): number {
  const folder = path.join(MEMORY, groupOf(pid, 'memory'));
  const usage = Number(readFileSync(path.join(folder, 'memory.usage_in_bytes'), 'utf8'));
  const stat = readFileSync(path.join(folder, 'memory.stat'), 'utf8');
  return (usage - Number(/^total_inactive_file (\d+)$/m.exec(stat)?.[1] ?? 0)) / 1e6;
}

function cpuMs(pid: string): number {
  return Number(readFileSync(path.join(CPU, groupOf(pid, 'cpuacct'), 'cpuacct.usage'), 'utf8')) / 1e6;
}

/** Watches the agents of this machine. Throws when there is none, or when one ends meanwhile. */
export async function measureIdleAgents(seconds: number): Promise<readonly AgentFigure[]> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isAgent(name));
  if (pids.length === 0) throw new Error('no agent runs on this machine');
  const began = pids.map((pid) => ({ pid, cpu: cpuMs(pid), since: performance.now(), most: 0 }));
  for (let left = seconds; left > 0; left -= 1) {
    for (const agent of began) agent.most = Math.max(agent.most, workingSetMb(agent.pid));
    await sleep(1_000);
  }
  return began.map(({ pid, cpu, since, most }) => ({
    workingSetMb: most,
    milliCores: ((cpuMs(pid) - cpu) / (performance.now() - since)) * 1000,
  }));
}
