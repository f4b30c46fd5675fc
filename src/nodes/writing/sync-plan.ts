// Sync plan: everything that one run does on a node, with the way back for each step. Pure; sync-script.ts turns it into sh.
import type { FilePlan, FileWrite } from './file-plan.ts';
import { foldersTo } from './file-obstacle.ts';
import type { Found, FoundEntry } from '../looking/found.ts';
import type { NodeLayout } from '../node-file.ts';
import { printNote, type AuthMemory, type FoundNote, type NodeNote, type PendingUndo } from './node-note.ts';
import { ownerOf } from '../marker.ts';
import { folderOf, isLeftover, newFolderBeside, notePath, oldBeside, oldFolderBeside } from './note-path.ts';
import { sha256Hex } from '../sha256.ts';

/** The auth file's part of a run. */
export interface AuthChange {
  readonly write: FileWrite | undefined;
  readonly remove: FoundEntry | undefined;
  readonly during: AuthMemory | undefined;
  readonly after: AuthMemory | undefined;
}

export interface SyncPlanInput {
  readonly files: FilePlan;
  readonly auth: AuthChange;
  readonly found: Found;
  readonly owner: string;
  readonly layout: NodeLayout;
  /** The folder whose note is written. */
  readonly base: string;
  readonly notes: readonly FoundNote[];
  /** What the notes say together. */
  readonly note: NodeNote;
}

/** Where a file goes back to if the run fails: its bytes beside (`kept`: since a run that was killed), or nothing. */
export type WayBack = 'kept' | 'keep' | 'nothing';

export interface FileStep {
  readonly path: string;
  readonly way: WayBack;
  /** Hash of what is there now, undefined: nothing. */
  readonly present: string | undefined;
  /** Hash of the bytes beside, where `kept`. */
  readonly kept: string | undefined;
  /** undefined: deleted, or only there to be brought back. */
  readonly write: FileWrite | undefined;
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

function isConfiguration(path: string): boolean {
  return path.endsWith('.conf') || path.endsWith('.toml');
}

/** A file's step: what a killed run kept of it is still what to go back to. */
class StepMaker {
  readonly #found: Found;
  readonly #owner: string;
  readonly #auth: AuthMemory | undefined;
  readonly #pending: ReadonlyMap<string, PendingUndo>;

  constructor({ found, owner, note }: SyncPlanInput) {
    this.#found = found;
    this.#owner = owner;
    this.#auth = note.auth;
    const undo = note.pending?.undo ?? [];
    this.#pending = new Map(undo.map((entry) => [entry.path, entry]));
  }

  /** Is what is there now from somebody else? They wrote it since the run that was killed, and the way back is theirs. */
  #isForeign(path: string): boolean {
    const entry = this.#found.entries.get(path);
    if (entry === undefined) return false;
    const { sha256, content } = entry;
    if (path === this.#auth?.path) return sha256 === undefined || !this.#auth.written.includes(sha256);
    return content === undefined || ownerOf(content.text()) !== this.#owner;
  }

  make(path: string, write: FileWrite | undefined): FileStep {
    const present = this.#found.entries.get(path)?.sha256;
    const pending = this.#isForeign(path) ? undefined : this.#pending.get(path);
    const kept = this.#found.entries.get(oldBeside(path))?.sha256;
    if (pending?.old !== undefined && kept === pending.old)
      return { path, way: 'kept', present, kept, write };
    const wasNothing = pending !== undefined && pending.old === undefined;
    const way = wasNothing || present === undefined ? 'nothing' : 'keep';
    return { path, way, present, kept: undefined, write };
  }

  /** The killed run's files that this one does not touch. */
  standing(touched: ReadonlySet<string>): readonly FileStep[] {
    const rest = [...this.#pending.keys()].filter((path) => !touched.has(path) && !this.#isForeign(path));
    return rest
      .map((path) => this.make(path, undefined))
      .filter(({ way, present }) => {
        return way === 'kept' || (way === 'nothing' && present !== undefined);
      });
  }
}

function undoOf({ path, way, present, kept }: FileStep): PendingUndo {
  if (way === 'kept') return { path, old: kept };
  return { path, old: way === 'keep' ? present : undefined };
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

interface Steps {
  readonly writes: readonly FileStep[];
  readonly deletes: readonly FileStep[];
  readonly standing: readonly FileStep[];
  /** In new folders. */
  readonly placed: readonly FileWrite[];
  readonly reload: boolean;
  readonly isNone: boolean;
}

function planSteps(input: SyncPlanInput): Steps {
  const { files, auth, note, layout } = input;
  const maker = new StepMaker(input);
  const writes = [...files.writes, ...(auth.write === undefined ? [] : [auth.write])];
  const deletes = [...files.deletes, ...(auth.remove === undefined ? [] : [auth.remove])];
  const placed = files.newFolders.flatMap((folder) => folder.files);
  const taken = files.oldFolders.flatMap((folder) => folder.files);
  const touched = [...writes, ...deletes, ...placed, ...taken].map(({ path }) => path);
  const dropIns = `${layout.containersFolder}/registries.conf.d`;
  return {
    writes: writes.map((write) => maker.make(write.path, write)),
    deletes: deletes.map(({ path }) => maker.make(path, undefined)),
    standing: maker.standing(new Set(touched)),
    placed,
    reload: note.pending?.reload === true || touched.some((path) => folderOf(path) === dropIns),
    isNone: touched.length === 0 && note.pending === undefined,
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

function undoOfAll({ placed }: Steps, all: readonly FileStep[]): readonly PendingUndo[] {
  return [...all.map(undoOf), ...placed.map(({ path }) => ({ path, old: undefined }))];
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
