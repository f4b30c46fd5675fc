// Registries.conf: a file of containers/image as CRI-O and podman read it, with what would make them refuse it. Pure.
// Source: containers/image v5.35.0, pkg/sysregistriesv2/system_registries_v2.go (loadConfigFile, postProcessRegistries).
import { asArray, asObject, asString, own } from '../../domain/json.ts';
import type { JsonObject } from '../../domain/json.ts';
import { err, ok } from '../../domain/result.ts';
import type { Result } from '../../domain/result.ts';
import { readToml } from './toml-read.ts';

/** One `[[registry]]` table. */
export interface RegistryEntry {
  /** Its own, or its location. */
  readonly prefix: string;
  readonly location: string;
  readonly mirrors: number;
  /** `mirror-by-digest-only`: pulls by tag pass over the mirrors. */
  readonly isDigestOnly: boolean;
  readonly isBlocked: boolean;
  readonly isInsecure: boolean;
}

export interface RegistriesConf {
  /** The first of each prefix: later ones in the same file do not exist. */
  readonly entries: readonly RegistryEntry[];
  /** The old syntax, `[registries.search]` and the like; only a main file may have it. */
  readonly isVersionOne: boolean;
}

const OLD_TABLES = ['search', 'insecure', 'block'] as const;
const NEW_FIELDS = [
  'registry',
  'unqualified-search-registries',
  'credential-helpers',
  'short-name-mode',
] as const;
const PULL_FROM_MIRROR: ReadonlySet<unknown> = new Set(['', 'all', 'digest-only', 'tag-only']);
const TEXTS = ['prefix', 'location', 'pull-from-mirror'] as const;
const FLAGS = ['insecure', 'blocked', 'mirror-by-digest-only'] as const;

/** Of the wrong type, which the decoder refuses. */
function mistyped(table: JsonObject): string | undefined {
  return (
    TEXTS.find((key) => !['undefined', 'string'].includes(typeof own(table, key))) ??
    FLAGS.find((key) => !['undefined', 'boolean'].includes(typeof own(table, key)))
  );
}

function textOf(table: JsonObject, key: string): string {
  return (asString(own(table, key)) ?? '').replace(/\/+$/, '');
}

function hasScheme(text: string): boolean {
  return /^https?:\/\//.test(text);
}

/** Why a mirror is refused. */
function wrongMirror(mirror: unknown, isDigestOnly: boolean): string | undefined {
  const table = asObject(mirror);
  if (table === undefined) return 'a mirror is no table';
  const wrong = mistyped(table);
  if (wrong !== undefined) return `"${wrong}" of a mirror has the wrong type`;
  const location = textOf(table, 'location');
  if (location === '') return 'a mirror has no location';
  if (hasScheme(location)) return 'the location of a mirror begins with http:// or https://';
  const mode = own(table, 'pull-from-mirror') ?? '';
  if (!PULL_FROM_MIRROR.has(mode)) return 'pull-from-mirror of a mirror has a value that does not exist';
  return isDigestOnly && mode !== '' ? 'pull-from-mirror stands beside mirror-by-digest-only' : undefined;
}

/** Why the names of an entry are refused. */
function wrongNames(prefix: string, location: string): string | undefined {
  if (hasScheme(prefix) || hasScheme(location)) return 'a prefix or location begins with http:// or https://';
  const isWildcard = prefix.startsWith('*.');
  if (location === '' && !isWildcard) return 'a registry has no location';
  return isWildcard && /[/@:]/.test(prefix) ? 'a prefix with * has more than a host name' : undefined;
}

function readEntry(value: unknown): Result<RegistryEntry, string> {
  const table = asObject(value);
  if (table === undefined) return err('registry is not written as [[registry]]');
  const wrong = mistyped(table);
  if (wrong !== undefined) return err(`"${wrong}" of a registry has the wrong type`);
  if (textOf(table, 'pull-from-mirror') !== '') return err('pull-from-mirror is set on a registry');
  const mirrors = own(table, 'mirror') ?? [];
  if (!Array.isArray(mirrors)) return err('mirror is not written as [[registry.mirror]]');
  const isDigestOnly = own(table, 'mirror-by-digest-only') === true;
  const location = textOf(table, 'location');
  const prefix = textOf(table, 'prefix') || location;
  const refused =
    wrongNames(prefix, location) ?? firstOf(mirrors, (mirror) => wrongMirror(mirror, isDigestOnly));
  if (refused !== undefined) return err(refused);
  return ok({
    prefix,
    location,
    mirrors: mirrors.length,
    isDigestOnly,
    isBlocked: own(table, 'blocked') === true,
    isInsecure: own(table, 'insecure') === true,
  });
}

function firstOf<T>(items: readonly unknown[], of: (item: unknown) => T | undefined): T | undefined {
  for (const item of items) {
    const found = of(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Two entries of one location in one file must not differ in these. */
function conflictOf(entries: readonly RegistryEntry[]): string | undefined {
  const byLocation = new Map<string, RegistryEntry>();
  for (const entry of entries) {
    const name = entry.location || entry.prefix;
    const other = byLocation.get(name);
    if (other !== undefined && (other.isInsecure !== entry.isInsecure || other.isBlocked !== entry.isBlocked))
      return 'a location is there twice, with different insecure or blocked';
    byLocation.set(name, other ?? entry);
  }
  return undefined;
}

/** The names of old tables that have something in them. */
function isOld(table: JsonObject): boolean {
  const old = asObject(own(table, 'registries'));
  return OLD_TABLES.some((key) => asArray(own(asObject(own(old, key)), 'registries')).length > 0);
}

function readOld(table: JsonObject, isMain: boolean): Result<RegistriesConf, string> {
  if (!isMain) return err('it has the old syntax [registries.…], which only registries.conf itself may have');
  if (NEW_FIELDS.some((key) => own(table, key) !== undefined))
    return err('it mixes the old syntax [registries.…] with the new');
  return ok({ entries: [], isVersionOne: true });
}

function firstOfEachPrefix(entries: readonly RegistryEntry[]): RegistryEntry[] {
  const byPrefix = new Map<string, RegistryEntry>();
  for (const entry of entries) if (!byPrefix.has(entry.prefix)) byPrefix.set(entry.prefix, entry);
  return [...byPrefix.values()];
}

/**
 * Reads a file. The error is why the whole configuration is refused because of it, without a word of the file: CRI-O then keeps
 * what it has at a reload and does not start anew, and podman fails.
 * @param isMain `registries.conf` itself, not a drop-in.
 */
export function readRegistriesConf(text: string, isMain: boolean): Result<RegistriesConf, string> {
  const parsed = readToml(text);
  if (!parsed.ok) return err(`it is not TOML (${parsed.error})`);
  if (isOld(parsed.value)) return readOld(parsed.value, isMain);
  const tables = own(parsed.value, 'registry') ?? [];
  if (!Array.isArray(tables)) return err('registry is not written as [[registry]]');
  const entries: RegistryEntry[] = [];
  for (const table of tables) {
    const entry = readEntry(table);
    if (!entry.ok) return entry;
    entries.push(entry.value);
  }
  const conflict = conflictOf(entries);
  return conflict === undefined
    ? ok({ entries: firstOfEachPrefix(entries), isVersionOne: false })
    : err(conflict);
}

/** What of an entry has an effect beside its location. */
export function effectsOf(entry: RegistryEntry): readonly string[] {
  return [
    ...(entry.mirrors > 0 ? [`its ${entry.mirrors} mirror${entry.mirrors > 1 ? 's' : ''}`] : []),
    ...(entry.isBlocked ? ['blocked = true'] : []),
    ...(entry.isInsecure ? ['insecure = true'] : []),
  ];
}

/** Where what the outer prefix takes of the inner one ends; -1: it does not take it (refMatchingPrefix, refMatchingSubdomainPrefix). */
function endOfMatch(outer: string, inner: string): number {
  if (!outer.startsWith('*.')) return inner.startsWith(outer) ? outer.length : -1;
  const rest = outer.slice(1);
  const index = inner.indexOf(rest);
  return index === -1 || inner.slice(0, index).includes('/') ? -1 : index + rest.length;
}

/**
 * Whether images below the inner prefix would be the outer one's, were it not for the inner. One without a port, a wildcard too,
 * covers every port of its hosts.
 */
export function coversPrefix(outer: string, inner: string): boolean {
  const end = endOfMatch(outer, inner);
  if (end === -1 || outer === inner) return false;
  return end === inner.length || inner[end] === '/' || inner[end] === ':';
}
