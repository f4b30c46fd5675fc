// Sync opening: how a run's script begins: it waits for another run, and looks whether everything is as it was when it was planned.
import { foldersTo } from './file-obstacle.ts';
import type { FoundEntry } from '../looking/found.ts';
import type { NodeLayout } from '../node-file.ts';
import { folderOf, oldBeside } from './note-path.ts';
import { quoteForShell as q } from '../shell-quote.ts';
import { call, step } from './sync-lines.ts';
import { stepsOf, type SyncPlan } from './sync-plan.ts';
import type { FileStep } from './sync-steps.ts';

/** Somebody else's run of ours: at most a minute, but who waits that long? */
const LOCK_SECONDS = 5;

/** Up to the lock. */
export function opening(plan: SyncPlan): readonly string[] {
  const base = q(plan.base);
  return [
    ...step(
      `find the folder ${folderOf(plan.base)}`,
      plan.makesBase ? `[ -d ${q(folderOf(plan.base))}/ ] || fail` : `[ -d ${base} ] || stale ${base}`,
    ),
    ...(plan.makesBase
      ? step(`make the folder ${plan.base}`, `mkdir -m 755 ${base} || fail`, 'made_base=yes')
      : []),
    // The lock goes with the process; without flock, what is checked right before each rename is all there is.
    ...step(
      `wait for another run on this node`,
      `if command -v flock >/dev/null; then { exec 9<${base}; } && flock -w ${LOCK_SECONDS} 9 || fail; fi`,
    ),
  ];
}

function expectEntry({ path, sha256 }: FoundEntry): string {
  return sha256 === undefined ? call('none', path) : call('same', path, sha256);
}

function orStale(check: string, path: string): string {
  return `${check} || stale ${q(path)}`;
}

function expectStep({ path, present, way, kept }: FileStep): readonly string[] {
  const now = present === undefined ? call('none', path) : call('same', path, present);
  const old = way === 'kept' ? [orStale(call('same', oldBeside(path), kept ?? ''), oldBeside(path))] : [];
  return [orStale(now, path), ...old];
}

/** What is not as planned ends the run before its first change. */
export function checks(plan: SyncPlan, layout: NodeLayout): readonly string[] {
  const steps = stepsOf(plan);
  const noted = plan.noteFound === undefined ? call('none', plan.notePath) : expectEntry(plan.noteFound);
  const folders = new Set([
    ...steps.flatMap(({ path }) => foldersTo(path, layout)),
    ...plan.newFolders.flatMap(({ path }) => foldersTo(path, layout)),
    ...plan.oldFolders.map(({ path }) => path),
  ]);
  return [
    orStale(noted, plan.notePath),
    ...plan.otherNotes.map((entry) => orStale(expectEntry(entry), entry.path)),
    ...[...folders].map((path) => orStale(call('folder', path), path)),
    ...plan.newFolders.map(({ path }) => orStale(call('none', path), path)),
    ...steps.flatMap(expectStep),
    ...plan.oldFolders.flatMap(({ files }) => files.map((entry) => orStale(expectEntry(entry), entry.path))),
  ];
}
