// Auth change: the auth file's part of a run, from what was found and what is remembered of it. Pure.
import type { Credential } from '../domain/credential.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { MAX_AUTH_BYTES, planAuthFile } from './auth-file.ts';
import type { FileWrite } from './file-plan.ts';
import { kindAt, type Found } from './found.ts';
import type { AuthMemory, OriginalFile } from './node-note.ts';
import { folderOf } from './note-path.ts';
import { sha256Hex } from './sha256.ts';
import type { AuthChange } from './sync-plan.ts';
import type { ConflictReason, FileConflict } from './sync-report.ts';

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

function leave(memory: AuthMemory | undefined, conflicts: readonly FileConflict[] = []): PlannedAuth {
  return { change: { write: undefined, remove: undefined, during: memory, after: memory }, conflicts };
}

function conflict(path: string, reason: ConflictReason, why: string): FileConflict {
  return { path, reason, message: `the auth file ${path} is left alone, since ${why}` };
}

/** The file as it is, or why it may not be touched. */
function readPresent(path: string, found: Found): Result<OriginalFile | undefined, FileConflict> {
  const entry = found.entries.get(path);
  if (entry === undefined) {
    const folder = kindAt(found, folderOf(path));
    if (folder !== undefined) return ok(undefined);
    return err(conflict(path, 'AuthFileInvalid', 'its folder is not there: make it, or name another file'));
  }
  if (entry.kind === 'symlink')
    return err(conflict(path, 'SymlinkInTheWay', 'it is a symbolic link: name its target'));
  if (entry.kind !== 'file') return err(conflict(path, 'NotAFile', 'it is no file'));
  const text = entry.content?.text();
  if (text === undefined || text.includes('\uFFFD') || entry.size > MAX_AUTH_BYTES) {
    return err(
      conflict(path, 'Unreadable', `it cannot be read, is no UTF-8 or is over ${MAX_AUTH_BYTES} bytes`),
    );
  }
  // In its container the agent may not give files to others.
  if (!found.wholeHost && entry.uid !== found.euid) {
    return err(
      conflict(
        path,
        'AuthFileInvalid',
        `it belongs to user ${entry.uid} and would change hands: give it to root`,
      ),
    );
  }
  return ok({ text, mode: entry.mode, uid: entry.uid, gid: entry.gid });
}

/** What happens to the auth file. A file that cannot be used is a conflict, and is remembered as before. */
export function planAuthChange({ path, found, memory, entries }: AuthChangeInput): PlannedAuth {
  if (entries.size === 0 && memory === undefined) return leave(memory);
  if (memory !== undefined && memory.path !== path) {
    const why = `our keys are in it but it is not the one named now: name it once more and restore, then change`;
    return leave(memory, [conflict(memory.path, 'AuthFileInvalid', why)]);
  }
  if (path === undefined) return leave(memory);
  const present = readPresent(path, found);
  if (!present.ok) return leave(memory, [present.error]);
  const plan = planAuthFile({ path, present: present.value, memory, entries });
  if (!plan.ok) return leave(memory, [conflict(path, 'AuthFileInvalid', plan.error)]);
  const { wanted, during, after } = plan.value;
  const before = found.entries.get(path);
  if (wanted === undefined)
    return { change: { write: undefined, remove: before, during, after }, conflicts: [] };
  const { text, mode, owner } = wanted;
  const write: FileWrite = {
    path,
    mode,
    owner,
    content: text,
    sha256: sha256Hex(text),
    secret: true,
    before,
  };
  const isThere = present.value?.text === text;
  return { change: { write: isThere ? undefined : write, remove: undefined, during, after }, conflicts: [] };
}
