// Sync report: what a run on a node came to, for status, for people and for machines. No credential is in it.
import type { Found } from '../looking/found.ts';
import type { LeftOut } from '../node-file.ts';

/**
 * `Unchanged`: nothing to do, nothing written. `Applied`, `Restored`: bytes changed, or a reload that a killed run owed was made.
 * `WouldApply`: a dry run that would change something. `RolledBack`: something failed after the first change, and the node is as before.
 * `Failed`: nothing was changed; or, where `error` says so, it is not known how far the run came: every file is whole, the next run goes on.
 */
export type ApplyOutcome = 'Unchanged' | 'Applied' | 'WouldApply' | 'RolledBack' | 'Failed' | 'Restored';

export interface FileChange {
  readonly path: string;
  readonly action: 'write' | 'delete';
  /** The text before and after; undefined where there is no file, or where `secret`. */
  readonly before?: string;
  readonly after?: string;
  /** The file holds credentials: its text is not told. */
  readonly secret: boolean;
}

/** Why a file that is wanted or ours is left as it is. Closed list. */
export const CONFLICT_REASONS = [
  /** It lacks our marker: somebody else made it. */
  'NotOurs',
  /** Another installation's marker. */
  'OtherOwner',
  /** The file, or a folder on the way to it, is a symbolic link. */
  'SymlinkInTheWay',
  /** A folder, a device, a socket where a file should be; a file where a folder should be. */
  'NotAFile',
  /** Too large or unreadable, so that it cannot be told whose it is. */
  'Unreadable',
  /** The auth file is no JSON object with `auths`, or none is named in the layout. */
  'AuthFileInvalid',
] as const;
export type ConflictReason = (typeof CONFLICT_REASONS)[number];

export interface FileConflict {
  readonly path: string;
  readonly reason: ConflictReason;
  /** What is in the way, and what to do about it: one line. */
  readonly message: string;
}

export interface ApplyReport {
  readonly outcome: ApplyOutcome;
  /** What was changed, would be (dry run), or was tried (RolledBack, Failed). */
  readonly changes: readonly FileChange[];
  /** Left alone whatever the outcome: `Unchanged` with a conflict is no success for that file. */
  readonly conflicts: readonly FileConflict[];
  readonly leftOut: readonly LeftOut[];
  /** Why it failed or was rolled back, one sentence for people. It may start with a code: `ForeignConfigBroken: …`. */
  readonly error?: string;
  /** Our files on the node after the run, as far as known. */
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
  /** `Signalled`: CRI-O got its SIGHUP. `NotRunning`: there was none to tell; it reads the files when it starts. `NotNeeded`. */
  readonly reload: 'NotNeeded' | 'Signalled' | 'NotRunning';
  /** What was seen before the run; undefined when that failed. */
  readonly found?: Found;
}
