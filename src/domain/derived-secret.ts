// Derived secret: the pull secret that gives a pod a way in at its mirrors, as a pure function of a source and the mirror sets.
import type { Endpoint } from './endpoint.ts';
import { compareKeys } from './keyring.ts';
import type { MirrorSet } from './mirror-set.ts';
import type { ParsedPullSecret, PullSecretEntry } from './pull-secret.ts';
import type { ReferencePrefix } from './reference.ts';
import {
  LEGACY_DOCKER_KEY,
  matchesHost,
  matchesKey,
  normaliseKey,
  parseKey,
  printKey,
} from './registry-key.ts';
import type { RegistryKey } from './registry-key.ts';

/** Every derived secret's name begins with this; the admission policy bounds our rights to it. Reserved. */
export const DERIVED_PREFIX = 'registry-failover-';

/** DNS-1123 subdomain (apimachinery validation). */
const MAX_NAME_LENGTH = 253;

/** Characters of keys and credentials in one source. Twenty tokens of the longest kind fit; whoever writes more wants our memory. */
export const MAX_SOURCE_TEXT = 64 * 1024;

/** What a derived secret holds. */
export interface DerivedSecret {
  readonly name: string;
  /** Sorted by key, each key once, and each a mirror's own: inert until an image names the mirror. */
  readonly entries: readonly PullSecretEntry[];
}

/** FNV-1a, 32 bits: short, stable over releases and machines. Tells cut names apart; guards nothing. */
function hashName(name: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}

function boundName(name: string): string {
  if (name.length <= MAX_NAME_LENGTH) return name;
  const hash = hashName(name);
  // A label must not end with a separator, and none may stand before our own.
  const kept = name.slice(0, MAX_NAME_LENGTH - hash.length - 1).replace(/[.-]+$/, '');
  return `${kept}-${hash}`;
}

/** Name of the secret derived from a pod's own pull secret. Frozen: pods name it for as long as they live. */
export function derivedNameFromSource(sourceName: string): string {
  return boundName(`${DERIVED_PREFIX}from-${sourceName}`);
}

/** Name of the secret derived from a mirror set's own credentials. Frozen as well. */
export function derivedNameForSet(setName: string): string {
  return boundName(`${DERIVED_PREFIX}set-${setName}`);
}

/** Is this a derived secret, so that nothing must be derived from it? */
export function isDerivedName(name: string): boolean {
  return name.startsWith(DERIVED_PREFIX);
}

/** An entry with the key under which the kubelet keeps it. */
interface Try {
  readonly normalised: string;
  readonly key: RegistryKey;
  readonly entry: PullSecretEntry;
}

/** One way from the names that pods use to a mirror's. */
interface Route {
  /** The prefix's host, parsed as a key so that it can be compared with one. */
  readonly host: RegistryKey | undefined;
  readonly prefix: ReferencePrefix;
  readonly mirror: Endpoint;
}

function routes(prefix: ReferencePrefix, mirrors: readonly Endpoint[]): Route[] {
  const host = parseKey(prefix.host);
  return mirrors.map((mirror) => ({ host, prefix, mirror }));
}

function readTry(entry: PullSecretEntry): Try[] {
  const normalised = normaliseKey(entry.key);
  if (normalised === undefined || entry.credential.isEmpty()) return [];
  // The fallback stands for the whole of Docker Hub. Never for localhost, where the kubelet would use it too.
  const key = parseKey(normalised === LEGACY_DOCKER_KEY ? 'docker.io' : normalised);
  // Prefixes cover a host in any case, and so do we; the kubelet compares what pods really wrote.
  return key === undefined ? [] : [{ normalised, key: { ...key, name: key.name.toLowerCase() }, entry }];
}

/** The entries that are a way in, in the kubelet's order of tries; its Docker Hub fallback comes after all others. */
function inOrderOfTries(entries: readonly PullSecretEntry[]): Try[] {
  return entries.flatMap(readTry).sort((a, b) => {
    const fallback = Number(a.normalised === LEGACY_DOCKER_KEY) - Number(b.normalised === LEGACY_DOCKER_KEY);
    return fallback === 0 ? compareKeys(a.normalised, b.normalised) : fallback;
  });
}

function pathWithSlash(path: string): string {
  return path === '' ? '' : `/${path}`;
}

/**
 * What of the key's path lies below the prefix: '' when the key covers all of it, undefined when it matches nothing
 * there. The kubelet compares paths as plain text, so that the rest may be a part of a component.
 */
function restBelow(key: RegistryKey, { host, prefix }: Route): string | undefined {
  if (host === undefined || !matchesHost(key, host)) return undefined;
  const covered = pathWithSlash(prefix.path);
  if (covered.startsWith(key.path)) return '';
  return key.path.startsWith(`${covered}/`) ? key.path.slice(covered.length) : undefined;
}

/** The entry for a mirror that corresponds to one for the prefix; none when the key has nothing to do with it. */
function entryAtMirror({ key, entry }: Try, way: Route): PullSecretEntry[] {
  const rest = restBelow(key, way);
  if (rest === undefined || !/^[a-z0-9._/-]*$/.test(rest)) return [];
  const { host, path } = way.mirror;
  const made = parseKey(host + pathWithSlash(path) + rest);
  // A bracketed address without a port cannot be expressed as a key: better no entry than one that matches nothing.
  if (made === undefined || !matchesKey(made, made)) return [];
  return [{ key: printKey(host, made.path), credential: entry.credential }];
}

/** Of two entries under one key the first stays: it is the one the kubelet would have tried first. */
function derived(name: string, entries: readonly PullSecretEntry[]): DerivedSecret | undefined {
  const byKey = new Map<string, PullSecretEntry>();
  for (const entry of entries) if (!byKey.has(entry.key)) byKey.set(entry.key, entry);
  if (byKey.size === 0) return undefined;
  return { name, entries: [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1)) };
}

/** Nothing is derived from such a source: each mirror would hold all of it again. */
export function isTooLarge({ entries }: ParsedPullSecret): boolean {
  let size = 0;
  for (const { key, credential } of entries)
    for (const text of [key, credential.username, credential.password(), credential.email ?? ''])
      size += text.length;
  return size > MAX_SOURCE_TEXT;
}

/**
 * Derives the secret for mirrors with `source: SameAsUpstream` from a pod's own pull secret: each entry that matches (a part
 * of) a set's prefix, keyed by the mirror. The order of the sets does not matter. undefined when nothing results, and for
 * a secret that is derived itself or {@link isTooLarge}.
 */
export function deriveFromSource(
  source: ParsedPullSecret,
  sets: readonly MirrorSet[],
): DerivedSecret | undefined {
  if (isDerivedName(source.name) || isTooLarge(source)) return undefined;
  const ways = sets.flatMap((set) => {
    const mirrors = set.mirrors.filter((mirror) => mirror.source === 'SameAsUpstream');
    return mirrors.length === 0
      ? []
      : routes(
          set.prefix,
          mirrors.map(({ endpoint }) => endpoint),
        );
  });
  if (ways.length === 0) return undefined;
  // Entries outside, sets inside: the order of tries decides a collision, never the order of the sets.
  const entries = inOrderOfTries(source.entries).flatMap((entry) =>
    ways.flatMap((way) => entryAtMirror(entry, way)),
  );
  return derived(derivedNameFromSource(source.name), entries);
}

/**
 * Derives the secret for mirrors with `source: Secret`: of each mirror's own secret only the entries that match that
 * mirror, narrowed to its host and path. undefined when nothing results.
 */
export function deriveForSet(set: MirrorSet): DerivedSecret | undefined {
  const entries = set.mirrors.flatMap(({ source, secret, endpoint }) => {
    if (source !== 'Secret' || secret === undefined) return [];
    const ways = routes(endpoint, [endpoint]);
    return inOrderOfTries(secret.entries).flatMap((entry) =>
      ways.flatMap((way) => entryAtMirror(entry, way)),
    );
  });
  return derived(derivedNameForSet(set.name), entries);
}
