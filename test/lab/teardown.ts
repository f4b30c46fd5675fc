// Taking a lab down: the journal is undone backwards, wherever `up` got to, and then it is checked that nothing is left.
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { removeCgroup } from './cgroups.ts';
import { hasHosts, removeHosts } from './hosts-file.ts';
import { kubeChains, removeKubeChains, savedRules, undoing } from './iptables.ts';
import { Journal } from './journal.ts';
import type { JournalEntry } from './journal.ts';
import { mountsUnder } from './mounts.ts';
import { COMMENT, NETNS_FOLDER, readSysctl, writeSysctl } from './network.ts';
import { commandOf, findMarked, isRunning } from './proc.ts';
import { endProcess } from './end-process.ts';
import { run, succeeds } from './run.ts';

export interface TornDown {
  /** What could not be undone, one line each. */
  readonly failures: readonly string[];
  /** What of the lab is still there, one line each. Empty: the journal and the folder are gone. */
  readonly left: readonly string[];
}

/** Takes down what was started in a folder. Fine when there is nothing, and when it was done before. */
export async function tearDown(folder: string): Promise<TornDown> {
  const entries = existsSync(folder) ? Journal.open(folder).entries() : [];
  const failures: string[] = [];
  const attempt = async (what: string, act: () => Promise<void>): Promise<void> => {
    try {
      await act();
    } catch (error) {
      failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const backwards = entries.toReversed();
  // Programs first, then what they started: nothing is to come back while the rest is taken away.
  for (const entry of backwards)
    if (entry.kind === 'process') await attempt(entry.name, () => endProcess(entry, 0));
  await attempt('processes that carry the mark', () => endMarked(folder));
  for (const entry of backwards) if (entry.kind === 'cgroup') await attempt(entry.path, () => undo(entry));
  for (const point of mountsUnder(folder)) await attempt(point, () => unmount(point));
  for (const entry of backwards)
    if (entry.kind !== 'process' && entry.kind !== 'cgroup')
      await attempt(JSON.stringify(entry), () => undo(entry));
  const left = await findLeft(folder, entries);
  // A folder with a mount in it is never removed: the files behind the mount are someone else's.
  if (left.length === 0) rmSync(folder, { recursive: true, force: true });
  return { failures, left };
}

/** More than once: a process that is about to start another may do so between the look and the kill. */
async function endMarked(folder: string): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    const marked = findMarked(folder);
    if (marked.length === 0) return;
    for (const id of marked) await endProcess(id, 0);
  }
}

async function unmount(point: string): Promise<void> {
  if (point === NETNS_FOLDER && readdirSync(point).length > 0) return;
  if (mountsUnder(point).includes(point)) await run('umount', ['--lazy', point]);
}

async function undo(entry: JournalEntry): Promise<void> {
  switch (entry.kind) {
    case 'process':
      return await endProcess(entry, 0);
    case 'netns':
      return existsSync(`${NETNS_FOLDER}/${entry.name}`)
        ? void (await run('ip', ['netns', 'delete', entry.name]))
        : undefined;
    case 'link':
      return (await hasLink(entry.name)) ? void (await run('ip', ['link', 'delete', entry.name])) : undefined;
    case 'mount':
      return await unmount(entry.path);
    case 'iptables':
      return await undoRule(entry.args);
    case 'kube-chains':
      return await removeKubeChains();
    case 'sysctl':
      return readSysctl(entry.key) === entry.before ? undefined : writeSysctl(entry.key, entry.before);
    case 'hosts':
      return removeHosts(entry.marker);
    case 'cgroup':
      return await removeCgroup(entry.path);
    case 'path':
      return rmSync(entry.path, { recursive: true, force: true });
    case 'folder':
      return removeEmpty(entry.path);
  }
}

/** A rule that is not there was never added, or is gone already. */
async function undoRule(args: readonly string[]): Promise<void> {
  for (const words of undoing(args)) {
    const check = words.map((word) => (word === '-D' ? '-C' : word));
    if (!words.includes('-D') || (await succeeds('iptables', ['-w', '5', ...check])))
      await run('iptables', ['-w', '5', ...words]);
  }
}

function removeEmpty(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
}

async function hasLink(name: string): Promise<boolean> {
  return await succeeds('ip', ['link', 'show', 'dev', name]);
}

/** What is still there of the lab, by looking at the machine and not at what was done. */
async function findLeft(folder: string, entries: readonly JournalEntry[]): Promise<readonly string[]> {
  const named = await Promise.all(entries.map(isLeft));
  const links = (await run('ip', ['-o', 'link', 'show']))
    .split('\n')
    .flatMap((line) => /^\d+: (rflab[^:@]*)/u.exec(line)?.[1] ?? []);
  const rules = await savedRules(new RegExp(`--comment "?${COMMENT}`, 'u'));
  return [
    ...new Set([
      ...named.flatMap((line) => line ?? []),
      ...findMarked(folder).map(({ pid }) => `process ${pid}: ${commandOf(pid)}`),
      ...mountsUnder(folder).map((point) => `mount ${point}`),
      ...links.map((name) => `link ${name}`),
      ...rules.map(({ program, table, line }) => `${program} -t ${table} ${line}`),
    ]),
  ];
}

async function isLeft(entry: JournalEntry): Promise<readonly string[] | undefined> {
  switch (entry.kind) {
    case 'process':
      return isRunning(entry) ? [`process ${entry.pid} (${entry.name})`] : undefined;
    case 'netns':
      return existsSync(`${NETNS_FOLDER}/${entry.name}`) ? [`network namespace ${entry.name}`] : undefined;
    case 'link':
      return (await hasLink(entry.name)) ? [`link ${entry.name}`] : undefined;
    case 'kube-chains':
      return await kubeChains();
    case 'hosts':
      return hasHosts(entry.marker) ? [`lines of /etc/hosts marked ${entry.marker}`] : undefined;
    case 'cgroup':
    case 'path':
      return existsSync(entry.path) ? [entry.path] : undefined;
    case 'sysctl':
      return readSysctl(entry.key) === entry.before ? undefined : [`sysctl ${entry.key}`];
    // Rules are looked for by their comment, mounts by the folder; a shared folder may stay.
    case 'mount':
    case 'iptables':
    case 'folder':
      return undefined;
  }
}
