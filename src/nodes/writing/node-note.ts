// Node note: what an owner remembers on a node: folders it made, what was in the auth file before, and a change under way.
import { asArray, asObject, asString, own, type JsonObject } from '../../domain/json.ts';
import type { Found, FoundEntry } from '../looking/found.ts';
import { notePath } from './note-path.ts';
import type { NodeLayout } from '../node-file.ts';

/** A text file of somebody else's, as it was before us. */
export interface OriginalFile {
  readonly text: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What is needed to take our keys out of the operator's auth file again. */
export interface AuthMemory {
  readonly path: string;
  /** What the operator has, without our keys; undefined: no file. */
  readonly original: OriginalFile | undefined;
  /** SHA-256 of the whole texts that we have written, or were about to. */
  readonly written: readonly string[];
  /** Our keys, each with the SHA-256 of the values (as JSON) that we have given it. */
  readonly keys: ReadonlyMap<string, readonly string[]>;
}

/** Where a path goes back to when a change fails: `old` is the hash of its previous bytes, undefined: it was not there. */
export interface PendingUndo {
  readonly path: string;
  readonly old: string | undefined;
}

/** Written before the first rename and taken off after the last check: while it stands, CRI-O may not have read what is on disk. */
export interface PendingChange {
  readonly reload: boolean;
  readonly undo: readonly PendingUndo[];
}

export interface NodeNote {
  /** Folders that were not there before us. */
  readonly made: readonly string[];
  readonly auth: AuthMemory | undefined;
  readonly pending: PendingChange | undefined;
}

/** A note as it lies on the node. */
export interface FoundNote {
  readonly path: string;
  readonly entry: FoundEntry;
  /** undefined when it cannot be read: by its limits, its JSON or its version. */
  readonly note: NodeNote | undefined;
}

const VERSION = 1;

/** The text of a note; undefined when there is nothing to remember, so that no file is needed. */
export function printNote(note: NodeNote, owner: string): string | undefined {
  if (note.made.length === 0 && note.auth === undefined && note.pending === undefined) return undefined;
  const auth = note.auth === undefined ? undefined : { ...note.auth, keys: [...note.auth.keys] };
  return `${JSON.stringify({ version: VERSION, owner, ...note, auth })}\n`;
}

function readTexts(value: unknown): readonly string[] {
  return asArray(value).filter((item) => typeof item === 'string');
}

function readOriginal(value: unknown): OriginalFile | undefined {
  const object = asObject(value);
  const text = asString(own(object, 'text'));
  const [mode, uid, gid] = ['mode', 'uid', 'gid'].map((key) => own(object, key));
  if (text === undefined || typeof mode !== 'number') return undefined;
  return typeof uid === 'number' && typeof gid === 'number' ? { text, mode, uid, gid } : undefined;
}

function readAuth(value: unknown): AuthMemory | undefined {
  const object = asObject(value);
  const path = asString(own(object, 'path'));
  if (path === undefined) return undefined;
  const keys = asArray(own(object, 'keys')).flatMap((pair) => {
    const [key, hashes] = asArray(pair);
    return typeof key === 'string' ? [[key, readTexts(hashes)] as const] : [];
  });
  return {
    path,
    original: readOriginal(own(object, 'original')),
    written: readTexts(own(object, 'written')),
    keys: new Map(keys),
  };
}

function readPending(value: unknown): PendingChange | undefined {
  const object = asObject(value);
  if (object === undefined) return undefined;
  const undo = asArray(own(object, 'undo')).flatMap((item) => {
    const entry = asObject(item);
    const path = asString(own(entry, 'path'));
    return path === undefined ? [] : [{ path, old: asString(own(entry, 'old')) }];
  });
  return { reload: own(object, 'reload') === true, undo };
}

function readJson(text: string): JsonObject | undefined {
  try {
    return asObject(JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

/** A note of this owner, or undefined. */
export function parseNote(text: string, owner: string): NodeNote | undefined {
  const object = readJson(text);
  if (own(object, 'version') !== VERSION || own(object, 'owner') !== owner) return undefined;
  return {
    made: readTexts(own(object, 'made')),
    auth: readAuth(own(object, 'auth')),
    pending: readPending(own(object, 'pending')),
  };
}

/** The owner's notes: one, or two on a node whose runtime was changed. */
export function findNotes(found: Found, owner: string, layout: NodeLayout): readonly FoundNote[] {
  const bases = new Set([layout.containersFolder, layout.containerdFolder]);
  return [...bases].flatMap((base) => {
    const path = notePath(base, owner);
    const entry = found.entries.get(path);
    if (entry === undefined) return [];
    const text = entry.content?.text();
    return [{ path, entry, note: text === undefined ? undefined : parseNote(text, owner) }];
  });
}

/** What all of an owner's notes say together. */
export function joinNotes(notes: readonly FoundNote[]): NodeNote {
  const read = notes.flatMap(({ note }) => note ?? []);
  const pending = read.flatMap((note) => note.pending ?? []);
  return {
    made: [...new Set(read.flatMap(({ made }) => made))],
    auth: read.find(({ auth }) => auth !== undefined)?.auth,
    pending:
      pending.length === 0
        ? undefined
        : { reload: pending.some(({ reload }) => reload), undo: pending.flatMap(({ undo }) => undo) },
  };
}
