// Docker config: the JSON of .dockerconfigjson and .dockercfg, read exactly as the kubelet reads it (credentialprovider/config.go).
import { decodeBase64, decodeUtf8 } from './base64.ts';
import { Credential } from './credential.ts';
import { asObject } from './json.ts';
import type { JsonObject } from './json.ts';
import type { Problem } from './problem.ts';
import { quote } from './reference-grammar.ts';
import { err, ok } from './result.ts';
import type { Result } from './result.ts';

/** One entry of a pull secret. */
export interface PullSecretEntry {
  /** As written: `https://index.docker.io/v1/`, `*.ocir.io/team`. */
  readonly key: string;
  readonly credential: Credential;
}

type Parsed = Result<readonly PullSecretEntry[], readonly Problem[]>;

// Go's encoding/json finds a struct field by its name in any case (simple folding, which the `iu` flags are).
const FIELDS = {
  auths: /^auths$/iu,
  headers: /^HttpHeaders$/iu,
  username: /^username$/iu,
  password: /^password$/iu,
  email: /^email$/iu,
  auth: /^auth$/iu,
};

function problem(path: string, message: string, fix: string): Problem {
  return { path, code: 'InvalidDockerConfig', message, fix };
}

/** Registry names only: a key may be a URL with a user and password before its `@`. */
function pathOfKey(key: string): string {
  return `[${quote(key.slice(key.lastIndexOf('@') + 1))}]`;
}

function valuesOf(object: JsonObject, field: keyof typeof FIELDS): unknown[] {
  return Object.entries(object).flatMap(([name, value]) => (FIELDS[field].test(name) ? [value] : []));
}

/** The text of a field; '' when absent (null is absent to Go). undefined when it is no text. */
function textOf(object: JsonObject, field: keyof typeof FIELDS): string | undefined {
  const values = valuesOf(object, field).filter((value) => value !== null);
  if (values.some((value) => typeof value !== 'string')) return undefined;
  const last = values.at(-1);
  return typeof last === 'string' ? last.toWellFormed() : '';
}

/** `auth` is base64 of `user:password`, padded or not. undefined when it is not. */
function parseAuth(text: string): { username: string; password: string } | undefined {
  const bytes = decodeBase64(text, text.trim().endsWith('=') ? 'padded' : 'unpadded');
  const decoded = bytes === undefined ? '' : decodeUtf8(bytes);
  const colon = decoded.indexOf(':');
  if (colon === -1) return undefined;
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function parseEntry(key: string, value: unknown): Result<PullSecretEntry, Problem> {
  const path = pathOfKey(key);
  // Go decodes null into the empty entry.
  const object = value === null ? {} : asObject(value);
  if (object === undefined) {
    return err(
      problem(path, 'the entry is not an object', 'Write an object with username and password, or auth'),
    );
  }
  const [username, password, email, auth] = [
    textOf(object, 'username'),
    textOf(object, 'password'),
    textOf(object, 'email'),
    textOf(object, 'auth'),
  ];
  if (username === undefined || password === undefined || email === undefined || auth === undefined) {
    return err(problem(path, 'username, password, email and auth must be texts', 'Put the value in quotes'));
  }
  if (auth === '') return ok({ key, credential: new Credential({ username, password, email }) });
  const login = parseAuth(auth);
  if (login === undefined) {
    return err(
      problem(`${path}.auth`, 'auth is not base64 of user:password', 'Make auth anew, or leave it out'),
    );
  }
  // auth overrides username and password.
  return ok({ key, credential: new Credential({ ...login, email }) });
}

function parseEntries(path: string, auths: JsonObject): Parsed {
  const results = Object.entries(auths).map(([key, value]) => parseEntry(key.toWellFormed(), value));
  const problems = results.flatMap((result) => (result.ok ? [] : [result.error]));
  if (problems.length > 0) return err(problems.map((found) => ({ ...found, path: path + found.path })));
  return ok(results.flatMap((result) => (result.ok ? [result.value] : [])));
}

/** The root object; null is the empty one. The parser's own words are dropped: they quote the text. */
function parseRoot(text: string): Result<JsonObject, readonly Problem[]> {
  try {
    const value: unknown = JSON.parse(text);
    const root = value === null ? {} : asObject(value);
    if (root !== undefined) return ok(root);
  } catch {
    return err([
      problem(
        '',
        'this is not JSON',
        'Make the secret anew, e.g. with kubectl create secret docker-registry',
      ),
    ]);
  }
  return err([problem('', 'this is not a JSON object', 'Write an object')]);
}

function areHeaders(value: unknown): boolean {
  const headers = value === null ? {} : asObject(value);
  if (headers === undefined) return false;
  return Object.values(headers).every((header) => header === null || typeof header === 'string');
}

/**
 * Parses the JSON of `.dockerconfigjson`: `{"auths": {key: {username, password, email, auth}}}`. Identity tokens,
 * registry tokens and credential helpers are ignored, as the kubelet does. Problems (code `InvalidDockerConfig`, path
 * within the JSON) never hold a value from it.
 */
export function parseDockerConfigJson(text: string): Parsed {
  const root = parseRoot(text);
  if (!root.ok) return root;
  if (!valuesOf(root.value, 'headers').every(areHeaders)) {
    return err([problem('.HttpHeaders', 'HttpHeaders are not texts', 'Remove HttpHeaders')]);
  }
  let auths: JsonObject = {};
  for (const value of valuesOf(root.value, 'auths')) {
    // Go decodes a second `auths` (in another case) into the same map; null empties it.
    const object = value === null ? {} : asObject(value);
    if (object === undefined) return err([problem('.auths', 'auths is not an object', 'Write an object')]);
    auths = value === null ? {} : { ...auths, ...object };
  }
  return parseEntries('.auths', auths);
}

/** Parses the JSON of the older `.dockercfg`: the entries without `auths` around them. */
export function parseDockercfg(text: string): Parsed {
  const root = parseRoot(text);
  return root.ok ? parseEntries('', root.value) : root;
}

function printEntry({ key, credential }: PullSecretEntry): string {
  const { username, email } = credential;
  // The kubelet splits auth at the first colon and believes it over username: with a colon in the name it would lie.
  const auth = username.includes(':') ? undefined : credential.basic();
  return `${JSON.stringify(key)}:${JSON.stringify({ auth, email, password: credential.password(), username })}`;
}

/**
 * Prints the JSON of `.dockerconfigjson`, the same bytes for the same entries: keys sorted, no white space, `auth` beside
 * username and password (some readers want the one, some the other). Of two entries under one key the first stays.
 */
export function printDockerConfigJson(entries: readonly PullSecretEntry[]): string {
  const byKey = new Map<string, PullSecretEntry>();
  for (const entry of entries) if (!byKey.has(entry.key)) byKey.set(entry.key, entry);
  const sorted = [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  return `{"auths":{${sorted.map(printEntry).join(',')}}}`;
}
