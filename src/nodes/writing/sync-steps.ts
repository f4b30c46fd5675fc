// Sync steps: each file that a run touches: what it becomes, and where it goes back to if the run fails. Pure.
import type { AuthChange } from './auth-change.ts';
import type { FilePlan, FileWrite } from './file-plan.ts';
import type { Found } from '../looking/found.ts';
import { ownerOf } from '../marker.ts';
import type { NodeLayout } from '../node-file.ts';
import type { AuthMemory, NodeNote, PendingUndo } from './node-note.ts';
import { folderOf, oldBeside } from './note-path.ts';

/** From what the steps are made. */
export interface SyncStepsInput {
  readonly files: FilePlan;
  readonly auth: AuthChange;
  readonly found: Found;
  readonly owner: string;
  readonly layout: NodeLayout;
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

/** A file's step: what a killed run kept of it is still what to go back to. */
class StepMaker {
  readonly #found: Found;
  readonly #owner: string;
  readonly #auth: AuthMemory | undefined;
  readonly #pending: ReadonlyMap<string, PendingUndo>;

  constructor({ found, owner, note }: SyncStepsInput) {
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

/** Of all files. */
export interface SyncSteps {
  readonly writes: readonly FileStep[];
  readonly deletes: readonly FileStep[];
  readonly standing: readonly FileStep[];
  /** In new folders. */
  readonly placed: readonly FileWrite[];
  readonly reload: boolean;
  readonly isNone: boolean;
}

/** The steps of one run. */
export function planSteps(input: SyncStepsInput): SyncSteps {
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

/** As the note has it. */
export function undoOfAll({ placed }: SyncSteps, all: readonly FileStep[]): readonly PendingUndo[] {
  return [...all.map(undoOf), ...placed.map(({ path }) => ({ path, old: undefined }))];
}
