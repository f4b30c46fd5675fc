// Node plan: files, auth file and notes of one owner, as one plan for one run. Pure.
import type { Credential } from '../../domain/credential.ts';
import { leaveAuth, planAuthChange, type AuthChange } from './auth-change.ts';
import { findOurs, planFiles, unseenPlace, type FilePlan } from './file-plan.ts';
import type { Found, FoundEntry } from '../looking/found.ts';
import type { NodeFile, NodeLayout } from '../node-file.ts';
import { findNotes, joinNotes, type FoundNote } from './node-note.ts';
import { folderOf } from './note-path.ts';
import { planSync, type SyncPlan } from './sync-plan.ts';
import type { FileConflict } from './sync-report.ts';

export interface NodePlanInput {
  /** Empty: everything of this owner is taken away. */
  readonly files: readonly NodeFile[];
  /** Keys to be in CRI-O's auth file. */
  readonly authEntries: ReadonlyMap<string, Credential>;
  readonly found: Found;
  readonly owner: string;
  readonly layout: NodeLayout;
  /** The folder of the runtime, where the note lies; undefined: where the owner has left traces. */
  readonly base: string | undefined;
}

export interface NodePlan {
  readonly sync: SyncPlan;
  readonly files: FilePlan;
  readonly auth: AuthChange;
  /** Files of this owner as found. */
  readonly ours: readonly FoundEntry[];
  readonly conflicts: readonly FileConflict[];
  /** Why nothing may be done at all. */
  readonly error: string | undefined;
}

function chooseBase(
  { base, layout }: NodePlanInput,
  notes: readonly FoundNote[],
  ours: readonly FoundEntry[],
): string {
  if (base !== undefined) return base;
  const noted = notes[0];
  if (noted !== undefined) return folderOf(noted.path);
  const isOnContainerd = ours.some(({ path }) => path.startsWith(`${layout.containerdFolder}/`));
  return isOnContainerd ? layout.containerdFolder : layout.containersFolder;
}

/** A note that is there and says nothing would be written over, and with it what it remembers. */
function unreadableNote(notes: readonly FoundNote[]): string | undefined {
  const lost = notes.find(({ note }) => note === undefined);
  return lost === undefined
    ? undefined
    : `the note ${lost.path}, which says what was there before us, cannot be read: look into it, then remove it`;
}

/** Plans one run. What is in the way is told and left; all the rest is done. */
export function planNode(input: NodePlanInput): NodePlan {
  const { files, authEntries, found, owner, layout } = input;
  const notes = findNotes(found, owner, layout);
  const note = joinNotes(notes);
  const ours = findOurs(found, owner, layout);
  const filePlan = planFiles({ files, found, owner, layout, made: note.made });
  // Keys for a drop-in that may not be written are of no use, and another owner may have put their own there.
  const isLost = filePlan.conflicts.some(({ path }) => path.endsWith('.conf'));
  const auth = isLost
    ? leaveAuth(note.auth)
    : planAuthChange({ path: layout.authFile, found, memory: note.auth, entries: authEntries });
  const base = chooseBase(input, notes, ours);
  const sync = planSync({ files: filePlan, auth: auth.change, found, owner, layout, base, notes, note });
  return {
    sync,
    files: filePlan,
    auth: auth.change,
    ours,
    conflicts: [...filePlan.conflicts, ...auth.conflicts],
    error: unreadableNote(notes) ?? unseenPlace(found, layout),
  };
}
