// Auth file: our keys in the operator's registry credentials (NodeAuth on CRI-O), put in and taken out by key. Pure.
// Format: containers-auth.json(5); only `auth` is read of an entry by containers/image.
import type { Credential } from '../../domain/credential.ts';
import { asObject, own, type JsonObject } from '../../domain/json.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { AuthMemory, OriginalFile } from './node-note.ts';
import { sha256Hex } from '../sha256.ts';

/** Of the operator's file. It is kept in our note as long as our keys are in it. */
export const MAX_AUTH_BYTES = 128 * 1024;
const NEW_FILE_MODE = 0o600;

export interface AuthPlanInput {
  readonly path: string;
  /** As it is now; undefined: there is none. */
  readonly present: OriginalFile | undefined;
  readonly memory: AuthMemory | undefined;
  /** Our keys as they are to be; empty: none of ours. */
  readonly entries: ReadonlyMap<string, Credential>;
}

/** A file to be; one that there was none of belongs to whoever writes it. */
export interface WantedAuthFile {
  readonly text: string;
  readonly mode: number;
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

export interface AuthPlan {
  /** As it is to be; undefined: no file. */
  readonly wanted: WantedAuthFile | undefined;
  /** To be remembered before the file is touched: it knows the texts before and after. */
  readonly during: AuthMemory | undefined;
  /** To be remembered once the file is as wanted. */
  readonly after: AuthMemory | undefined;
}

interface Document {
  readonly root: JsonObject;
  readonly auths: JsonObject;
}

/** The file as JSON, or why our keys cannot be put into it. */
function readDocument(text: string): Result<Document, string> {
  let value: unknown;
  try {
    value = JSON.parse(text) as unknown;
  } catch {
    return err('it is no JSON');
  }
  const root = asObject(value);
  if (root === undefined) return err('it is no JSON object');
  const auths = own(root, 'auths') === undefined ? {} : asObject(own(root, 'auths'));
  return auths === undefined ? err('its "auths" is no JSON object') : ok({ root, auths });
}

/** Laid out as the operator's file is, so that a diff shows our keys and nothing else. */
function printDocument({ root, auths }: Document, like: string): string {
  const indent = /^\{\r?\n([ \t]+)"/.exec(like)?.[1];
  const isCompact = indent === undefined && like.trim() !== '{}' && like !== '';
  const text = JSON.stringify({ ...root, auths }, undefined, isCompact ? undefined : (indent ?? '\t'));
  return like === '' || like.endsWith('\n') ? `${text}\n` : text;
}

/** Own properties only, also of a key called `__proto__`. */
function withEntries(auths: JsonObject, changes: ReadonlyMap<string, unknown>): JsonObject {
  const merged = new Map<string, unknown>([...Object.entries(auths), ...changes]);
  return Object.fromEntries([...merged].filter(([, value]) => value !== undefined));
}

function hashOf(value: unknown): string {
  return sha256Hex(JSON.stringify(value));
}

/** Somebody changed the file since: only keys that still hold what we wrote go back to what they were. */
function takeOut(present: OriginalFile, memory: AuthMemory): Result<OriginalFile, string> {
  const document = readDocument(present.text);
  if (!document.ok) return document;
  const { root, auths } = document.value;
  const before = memory.original === undefined ? undefined : readDocument(memory.original.text);
  const changes = new Map<string, unknown>();
  for (const [key, hashes] of memory.keys) {
    if (!Object.hasOwn(auths, key) || !hashes.includes(hashOf(auths[key]))) continue;
    changes.set(key, before?.ok === true ? own(before.value.auths, key) : undefined);
  }
  if (changes.size === 0) return ok(present);
  return ok({ ...present, text: printDocument({ root, auths: withEntries(auths, changes) }, present.text) });
}

/** What the operator has, without us. */
function operatorsFile({ present, memory }: AuthPlanInput): Result<OriginalFile | undefined, string> {
  if (memory === undefined || present === undefined) return ok(present);
  if (!memory.written.includes(sha256Hex(present.text))) return takeOut(present, memory);
  // Mode and owner may have been set since, and then they are the operator's wish.
  const { mode, uid, gid } = present;
  return ok(memory.original === undefined ? undefined : { ...memory.original, mode, uid, gid });
}

function wantedFile(text: string, like: OriginalFile | undefined): WantedAuthFile {
  if (like === undefined) return { text, mode: NEW_FILE_MODE, owner: undefined };
  return { text, mode: like.mode, owner: { uid: like.uid, gid: like.gid } };
}

function merge(
  original: OriginalFile | undefined,
  { entries, present }: AuthPlanInput,
): Result<{ readonly file: WantedAuthFile; readonly keys: ReadonlyMap<string, readonly string[]> }, string> {
  const like = original?.text ?? '';
  const document = like === '' ? ok({ root: {}, auths: {} }) : readDocument(like);
  if (!document.ok) return document;
  const values = new Map([...entries].map(([key, credential]) => [key, { auth: credential.basic() }]));
  const { root, auths } = document.value;
  const text = printDocument({ root, auths: withEntries(auths, values) }, like);
  const keys = new Map([...values].map(([key, value]) => [key, [hashOf(value)]]));
  return ok({ file: wantedFile(text, original ?? present), keys });
}

function join(memory: AuthMemory | undefined, next: AuthMemory): AuthMemory {
  const keys = new Map(memory?.keys);
  for (const [key, hashes] of next.keys) keys.set(key, [...new Set([...(keys.get(key) ?? []), ...hashes])]);
  return { ...next, written: [...new Set([...(memory?.written ?? []), ...next.written])], keys };
}

/**
 * From the file as it is and what is remembered of it to the file as wanted. Planning twice gives the same file.
 * Without entries the operator's own bytes come back. The error is why the file cannot be used: it is left alone.
 */
export function planAuthFile(input: AuthPlanInput): Result<AuthPlan, string> {
  const { path, memory, present, entries } = input;
  const original = operatorsFile(input);
  if (!original.ok) return original;
  if (entries.size === 0) {
    const { value } = original;
    const wanted = value === undefined ? undefined : wantedFile(value.text, value);
    return ok({ wanted, during: memory, after: undefined });
  }
  const merged = merge(original.value, input);
  if (!merged.ok) return merged;
  const { file, keys } = merged.value;
  const after = { path, original: original.value, written: [sha256Hex(file.text)], keys };
  const isThere = present !== undefined && present.text === file.text;
  return ok({ wanted: file, during: isThere ? memory : join(memory, after), after });
}
