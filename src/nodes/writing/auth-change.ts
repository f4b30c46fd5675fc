// Auth change: the auth file's part of a run, from what was found and what is remembered of it. Pure.
import type { Credential } from '../../domain/credential.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { MAX_AUTH_BYTES, planAuthFile, type AuthPlan } from './auth-file.ts';
import { kindAt, type Found, type FoundEntry } from '../looking/found.ts';
import type { FileWrite } from './file-plan.ts';
import type { AuthMemory, OriginalFile } from './node-note.ts';
import { folderOf } from './note-path.ts';
import { sha256Hex } from '../sha256.ts';
import type { ConflictReason, FileConflict } from './sync-report.ts';

/** The auth file's part of a run. */
export interface AuthChange {
  readonly write: FileWrite | undefined;
  readonly remove: FoundEntry | undefined;
  readonly during: AuthMemory | undefined;
  readonly after: AuthMemory | undefined;
}

export interface AuthChangeInput {
  /** `layout.authFile`. */
  readonly path: string | undefined;
  readonly found: Found;
  readonly memory: AuthMemory | undefined;
  readonly entries: ReadonlyMap<string, Credential>;
}

export interface PlannedAuth {
  readonly change: AuthChange;
  readonly conflicts: readonly FileConflict[];
}

/** The auth file stays as it is, and what is remembered of it too. */
export function leaveAuth(
  memory: AuthMemory | undefined,
  conflicts: readonly FileConflict[] = [],
): PlannedAuth {
  return { change: { write: undefined, remove: undefined, during: memory, after: memory }, conflicts };
}

function conflict(path: string, reason: ConflictReason, why: string): FileConflict {
  return { path, reason, message: `the auth file ${path} is left alone, since ${why}` };
}

/** Why there is no file, if that is not how it may be. */
function absent(path: string, found: Found): Result<undefined, FileConflict> {
  if (kindAt(found, folderOf(path)) !== undefined) return ok(undefined);
  return err(conflict(path, 'AuthFileInvalid', 'its folder is not there: make it, or name another file'));
}

/** Why a thing at the path is none that we write over. */
function unfit({ path, kind, uid }: FoundEntry, found: Found): FileConflict | undefined {
  if (kind === 'symlink') return conflict(path, 'SymlinkInTheWay', 'it is a symbolic link: name its target');
  if (kind !== 'file') return conflict(path, 'NotAFile', 'it is no file');
  // In its container the agent may not give files to others.
  if (found.wholeHost || uid === found.euid) return undefined;
  return conflict(
    path,
    'AuthFileInvalid',
    `it belongs to user ${uid} and would change hands: give it to root`,
  );
}

/** The file as it is, or why it may not be touched. */
function readPresent(path: string, found: Found): Result<OriginalFile | undefined, FileConflict> {
  const entry = found.entries.get(path);
  if (entry === undefined) return absent(path, found);
  const obstacle = unfit(entry, found);
  if (obstacle !== undefined) return err(obstacle);
  const text = entry.content?.text();
  if (text === undefined || text.includes('\uFFFD') || entry.size > MAX_AUTH_BYTES) {
    const why = `it cannot be read, is no UTF-8 or is over ${MAX_AUTH_BYTES} bytes`;
    return err(conflict(path, 'Unreadable', why));
  }
  return ok({ text, mode: entry.mode, uid: entry.uid, gid: entry.gid });
}

/** From the plan's file to the run's write or removal. */
function toChange(path: string, plan: AuthPlan, before: FoundEntry | undefined): AuthChange {
  const { wanted, during, after } = plan;
  if (wanted === undefined) return { write: undefined, remove: before, during, after };
  const { text: content, mode, owner } = wanted;
  if (before?.content?.text() === content) return { write: undefined, remove: undefined, during, after };
  const write = { path, mode, owner, content, sha256: sha256Hex(content), secret: true, before };
  return { write, remove: undefined, during, after };
}

/** What happens to the auth file. A file that cannot be used is a conflict, and is remembered as before. */
export function planAuthChange({ path, found, memory, entries }: AuthChangeInput): PlannedAuth {
  if (entries.size === 0 && memory === undefined) return leaveAuth(memory);
  if (memory !== undefined && memory.path !== path) {
    const why = `our keys are in it but it is not the one named now: name it once more and restore, then change`;
    return leaveAuth(memory, [conflict(memory.path, 'AuthFileInvalid', why)]);
  }
  if (path === undefined) return leaveAuth(memory);
  const present = readPresent(path, found);
  if (!present.ok) return leaveAuth(memory, [present.error]);
  const plan = planAuthFile({ path, present: present.value, memory, entries });
  if (!plan.ok) return leaveAuth(memory, [conflict(path, 'AuthFileInvalid', plan.error)]);
  return { change: toChange(path, plan.value, found.entries.get(path)), conflicts: [] };
}
