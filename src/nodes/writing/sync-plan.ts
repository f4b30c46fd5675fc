// Sync plan: everything that one run does on a node, with the way back for each step. Pure; sync-script.ts turns it into sh.
import type { FileWrite } from './file-plan.ts';
import { foldersTo } from './file-obstacle.ts';
import type { FoundEntry } from '../looking/found.ts';
import { printNote, type FoundNote, type NodeNote, type PendingUndo } from './node-note.ts';
import { folderOf, isLeftover, newFolderBeside, notePath, oldBeside, oldFolderBeside } from './note-path.ts';
import { sha256Hex } from '../sha256.ts';
import { planSteps, undoOfAll } from './sync-steps.ts';
import type { FileStep, SyncStepsInput } from './sync-steps.ts';

export interface SyncPlanInput extends SyncStepsInput {
  /** The folder whose note is written. */
  readonly base: string;
  readonly notes: readonly FoundNote[];
}

export interface FolderStep {
  readonly path: string;
  readonly beside: string;
}

export interface NoteText {
  readonly text: string;
  readonly sha256: string;
}

export interface SyncPlan {
  readonly base: string;
  /** The base folder is not there: it is made. */
  readonly makesBase: boolean;
  readonly newFolders: readonly (FolderStep & {
    readonly folders: readonly string[];
    readonly files: readonly FileWrite[];
  })[];
  readonly writes: readonly FileStep[];
  /** Configuration, before CRI-O is told. */
  readonly deletes: readonly FileStep[];
  /** Certificates and folders, when nobody needs them any more. */
  readonly lateDeletes: readonly FileStep[];
  readonly oldFolders: readonly (FolderStep & { readonly files: readonly FoundEntry[] })[];
  /** Changed by a run that was killed and right as they are: brought back only if this run fails. */
  readonly standing: readonly FileStep[];
  /** Where the note lies, and its four texts: as found, during, after the last check, at the very end. undefined: no file. */
  readonly notePath: string;
  readonly noteFound: FoundEntry | undefined;
  readonly noteBefore: NoteText | undefined;
  readonly noteDuring: NoteText | undefined;
  readonly noteAfter: NoteText | undefined;
  readonly noteLast: NoteText | undefined;
  /** Notes at the other runtime's place, which are taken over into this one. */
  readonly otherNotes: readonly FoundEntry[];
  /** Left by runs that were killed: cleared away before anything else. */
  readonly leftovers: readonly string[];
  /** Folders of ours that are to go if nothing is in them, innermost first. */
  readonly emptied: readonly string[];
  /** CRI-O is to read its drop-ins anew. */
  readonly reload: boolean;
  /** A run that was killed may have told it already, or not. */
  readonly owesReload: boolean;
  /** Nothing is to be done at all. */
  readonly isNothing: boolean;
}

/** All files that one run touches or may bring back. */
export function stepsOf(plan: SyncPlan): readonly FileStep[] {
  return [...plan.writes, ...plan.deletes, ...plan.lateDeletes, ...plan.standing];
}

function isConfiguration(path: string): boolean {
  return path.endsWith('.conf') || path.endsWith('.toml');
}

function noteText(note: NodeNote, owner: string): NoteText | undefined {
  const text = printNote(note, owner);
  return text === undefined ? undefined : { text, sha256: sha256Hex(text) };
}

/** Folders that hold one of our files when the run is over. */
function foldersInUse({ files, auth, base, layout }: SyncPlanInput): ReadonlySet<string> {
  const written = [...files.newFolders.flatMap((folder) => folder.files), ...files.writes, ...files.leaves];
  const bases = [layout.containersFolder, layout.containerdFolder];
  const inUse = written.flatMap(({ path }) => [
    ...foldersTo(path, layout),
    ...bases.filter((folder) => path.startsWith(`${folder}/`)),
  ]);
  // The note stays as long as it has to remember the auth file.
  return new Set(auth.after === undefined ? inUse : [...inUse, base]);
}

interface Folders {
  readonly made: readonly string[];
  readonly last: readonly string[];
  readonly emptied: readonly string[];
}

function planFolders(input: SyncPlanInput, makesBase: boolean): Folders {
  const { files, found, note, base } = input;
  const remembered = note.made.filter((folder) => found.entries.get(folder)?.kind === 'directory');
  const fresh = files.newFolders.flatMap(({ folders }) => folders);
  const made = [...new Set([...remembered, ...fresh, ...(makesBase ? [base] : [])])].sort();
  const inUse = foldersInUse(input);
  // A file in conflict may be one of ours from before: its folder stays remembered.
  const blocked = files.conflicts.map(({ path }) => path);
  const isNeeded = (folder: string): boolean =>
    inUse.has(folder) || blocked.some((path) => path.startsWith(`${folder}/`));
  const taken = new Set(files.oldFolders.map(({ path }) => path));
  const emptied = made.filter((folder) => !isNeeded(folder) && !taken.has(folder)).toReversed();
  return { made, last: made.filter(isNeeded), emptied };
}

function planNotes(
  input: SyncPlanInput,
  during: { readonly folders: Folders; readonly reload: boolean; readonly undo: readonly PendingUndo[] },
): Pick<SyncPlan, 'noteBefore' | 'noteDuring' | 'noteAfter' | 'noteLast'> {
  const { note, owner, auth } = input;
  const { folders, reload, undo } = during;
  const text = (parts: NodeNote): NoteText | undefined => noteText(parts, owner);
  return {
    noteBefore: text({ made: note.made, auth: note.auth, pending: undefined }),
    noteDuring: text({ made: folders.made, auth: auth.during, pending: { reload, undo } }),
    noteAfter: text({ made: folders.made, auth: auth.after, pending: undefined }),
    noteLast: text({ made: folders.last, auth: auth.after, pending: undefined }),
  };
}

/**
 * Left by runs that were killed, but for bytes that are still needed for the way back. Only where this owner has worked: at the other
 * runtime's files somebody else may be at work now, under a lock of their own.
 */
function findLeftovers(
  { found, notes, base, layout }: SyncPlanInput,
  steps: readonly FileStep[],
): readonly string[] {
  const needed = new Set(steps.filter(({ way }) => way === 'kept').map(({ path }) => oldBeside(path)));
  const bases = [base, ...notes.map(({ path }) => folderOf(path))];
  const authFolder = layout.authFile === undefined ? undefined : folderOf(layout.authFile);
  const isHere = (path: string): boolean =>
    folderOf(path) === authFolder || bases.some((folder) => path.startsWith(`${folder}/`));
  return [...found.entries.keys()].filter((path) => isLeftover(path) && isHere(path) && !needed.has(path));
}

/** The steps of one run, and whether there are any. */
export function planSync(input: SyncPlanInput): SyncPlan {
  const { files, found, owner, note, notes, base, layout } = input;
  const steps = planSteps(input);
  const { writes, deletes, standing, reload } = steps;
  const all = [...writes, ...deletes, ...standing];
  const makesBase = !found.entries.has(base);
  const folders = planFolders(input, makesBase);
  const noteFound = notes.find(({ path }) => folderOf(path) === base)?.entry;
  const texts = planNotes(input, { folders, reload, undo: undoOfAll(steps, all) });
  const otherNotes = notes.filter(({ path }) => folderOf(path) !== base).map(({ entry }) => entry);
  const leftovers = findLeftovers(input, all);
  const isEarly = ({ path }: FileStep): boolean => isConfiguration(path) || path === layout.authFile;
  const isTidy =
    otherNotes.length === 0 && leftovers.length === 0 && noteFound?.sha256 === texts.noteLast?.sha256;
  return {
    base,
    makesBase,
    newFolders: files.newFolders.map((folder, index) => ({
      ...folder,
      beside: newFolderBeside(folder.path, index),
    })),
    writes,
    deletes: deletes.filter(isEarly),
    lateDeletes: deletes.filter((step) => !isEarly(step)),
    oldFolders: files.oldFolders.map((folder, index) => ({
      ...folder,
      beside: oldFolderBeside(folder.path, index),
    })),
    standing,
    notePath: notePath(base, owner),
    noteFound,
    ...texts,
    // The way back of a run that takes notes over leaves them where they were.
    noteBefore: noteFound === undefined ? undefined : texts.noteBefore,
    otherNotes,
    leftovers,
    emptied: folders.emptied,
    reload,
    owesReload: note.pending?.reload === true,
    isNothing: steps.isNone && isTidy,
  };
}
