// Cgroup folders of the lab's nodes: made in every hierarchy of this machine, and removed with all that still runs in them.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Journal } from './journal.ts';
import { isRunning, startTicksOf } from './proc.ts';
import { endProcess } from './end-process.ts';
import { run } from './run.ts';
import { waitFor } from './wait.ts';

const ROOT = '/sys/fs/cgroup';
const HUGETLB = `${ROOT}/hugetlb`;

/** Where hierarchies are mounted, by mountinfo's file system type: v1 controllers each, v2 once. */
function hierarchies(): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => /\s-\scgroup2?\s/u.test(line))
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(ROOT));
}

/**
 * CRI-O sets a hugetlb limit on every container and fails where the v1 controller is not mounted. Nothing is done on a machine
 * with v2 alone, or with the controller in its place.
 */
export async function mountHugetlb(journal: Journal): Promise<void> {
  const isV1 = existsSync(`${ROOT}/memory`);
  if (!isV1 || hierarchies().includes(HUGETLB) || !hasController('hugetlb')) return;
  if (!existsSync(HUGETLB)) {
    journal.record({ kind: 'folder', path: HUGETLB });
    mkdirSync(HUGETLB);
  }
  journal.record({ kind: 'mount', path: HUGETLB });
  await run('mount', ['-t', 'cgroup', '-o', 'hugetlb', 'cgroup', HUGETLB]);
}

function hasController(name: string): boolean {
  return readFileSync('/proc/cgroups', 'utf8')
    .split('\n')
    .some((line) => line.startsWith(`${name}\t`) && line.endsWith('\t1'));
}

/** Makes `/<name>` in every hierarchy: the kubelet takes it as its root and wants it there. */
export function makeCgroup(journal: Journal, name: string): void {
  for (const hierarchy of hierarchies()) {
    handDown(hierarchy);
    const folder = path.join(hierarchy, name);
    journal.record({ kind: 'cgroup', path: folder });
    mkdirSync(folder, { recursive: true });
    // A v1 cpuset starts out empty, and nothing can run in it.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      const own = path.join(folder, file);
      if (existsSync(own) && readFileSync(own, 'utf8').trim() === '')
        writeFileSync(own, readFileSync(path.join(hierarchy, file), 'utf8'));
    }
  }
}

/** What the kubelet looks for in a cgroup of version 2. */
const CONTROLLERS = new Set(['cpu', 'cpuset', 'hugetlb', 'memory', 'pids']);

/** In version 2 a group has the controllers that its parent hands down. systemd does this for the root, mostly not for all of them. */
function handDown(hierarchy: string): void {
  const file = path.join(hierarchy, 'cgroup.controllers');
  if (!existsSync(file)) return;
  for (const name of readFileSync(file, 'utf8').trim().split(' '))
    if (CONTROLLERS.has(name)) writeFileSync(path.join(hierarchy, 'cgroup.subtree_control'), `+${name}`);
}

/** Kills what runs in a cgroup and below, and removes it and all below. Fine when it is not there. */
export async function removeCgroup(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  for (const child of childrenOf(folder)) await removeCgroup(child);
  for (const pid of membersOf(folder)) {
    const startTicks = startTicksOf(pid);
    if (startTicks !== undefined && isRunning({ pid, startTicks })) await endProcess({ pid, startTicks }, 0);
  }
  // A process leaves its cgroup when it is waited for, a moment after it ended.
  await waitFor(`the cgroup ${folder} to be empty`, 10_000, () =>
    Promise.resolve(membersOf(folder).length === 0),
  );
  rmdirSync(folder);
}

function childrenOf(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(folder, entry.name));
}

function membersOf(folder: string): readonly number[] {
  return readFileSync(path.join(folder, 'cgroup.procs'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}
