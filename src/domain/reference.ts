// Reference: an image reference as the kubelet reads it (distribution/reference ParseNormalizedNamed), and its way to a mirror.
import type { Problem } from './problem.ts';
import {
  DOCKER_HUB,
  MAX_PATH_LENGTH,
  isDigest,
  isHost,
  isIdentifier,
  isPath,
  isTag,
  joinPaths,
  pathCovers,
  quote,
  splitHost,
} from './reference-grammar.ts';
import type { ReferencePrefix } from './reference-prefix.ts';
import { err, ok } from './result.ts';
import type { Result } from './result.ts';

export { parsePrefix, prefixCovers, printPrefix } from './reference-prefix.ts';
export type { ReferencePrefix } from './reference-prefix.ts';

/** What a pod asks for. If it exists, it is valid. */
export interface ImageReference {
  /**
   * `docker.io` when none was written, and for `index.docker.io`; otherwise as written, upper-case letters included.
   * '' only for names like `foo_bar.com/x`, which the grammar takes as a path without a host.
   */
  readonly host: string;
  /** Repository path below the host, `library/` included. */
  readonly path: string;
  /** Only if written. */
  readonly tag: string | undefined;
  /** Only if written: `sha256:…`, `sha384:…` or `sha512:…`. */
  readonly digest: string | undefined;
}

function splitReference(text: string): ImageReference {
  const { host, rest } = splitHost(text);
  const at = rest.indexOf('@');
  const named = at === -1 ? rest : rest.slice(0, at);
  const colon = named.indexOf(':');
  const path = colon === -1 ? named : named.slice(0, colon);
  // A first component that is no host can still be a path component (underscores): then there is no host at all.
  const isHostless = !isHost(host) && isPath(host);
  return {
    host: isHostless ? '' : host,
    path: isHostless ? `${host}/${path}` : path,
    tag: colon === -1 ? undefined : named.slice(colon + 1),
    digest: at === -1 ? undefined : rest.slice(at + 1),
  };
}

function isValid(reference: ImageReference): boolean {
  return (
    reference.path.length <= MAX_PATH_LENGTH &&
    isPath(reference.path) &&
    (reference.host === '' || isHost(reference.host)) &&
    (reference.tag === undefined || isTag(reference.tag)) &&
    (reference.digest === undefined || isDigest(reference.digest))
  );
}

type Explanation = readonly [isBroken: boolean, message: string, fix: string];

function explain(text: string, parts: ImageReference): Explanation[] {
  const { host, path, tag, digest } = parts;
  return [
    [text === '', 'the image reference is empty', 'Write host/path:tag'],
    [/\s/.test(text), `the image reference ${quote(text)} contains white space`, 'Remove the white space'],
    [text.includes('://'), 'an image reference has no scheme', 'Remove everything up to and with "://"'],
    [
      isIdentifier(text),
      '64 hex digits could be an image ID, so they are not accepted as a name',
      'Write the repository, with the digest as repository@sha256:…',
    ],
    [
      host !== '' && !isHost(host),
      `${quote(host)} is not a registry host`,
      'Write host, host:port or [IPv6 address]:port',
    ],
    [
      path === '' || path.startsWith('/') || path.endsWith('/') || path.includes('//'),
      'the repository path is empty, or has an empty component',
      'Write one slash between two components and none at the ends',
    ],
    [
      /[A-Z]/.test(path),
      `the repository path ${quote(path)} has upper-case letters`,
      'Write it in lower case',
    ],
    [
      !isPath(path),
      `${quote(path)} is not a repository path`,
      'Use lower-case letters and digits, separated by one of . _ __ - or /',
    ],
    [
      path.length > MAX_PATH_LENGTH,
      `the repository path has ${path.length} characters, ${MAX_PATH_LENGTH} are allowed`,
      'Shorten the path',
    ],
    [
      tag !== undefined && !isTag(tag),
      `${quote(tag ?? '')} is not a tag`,
      'Use up to 128 letters, digits, _ . and -, beginning with a letter, a digit or _',
    ],
    [
      digest !== undefined && !isDigest(digest),
      `${quote(digest ?? '')} is not a digest`,
      'Write sha256: (or sha384:, sha512:) and the full hash in lower-case hex',
    ],
  ];
}

/**
 * Parses an image text with the grammar and normalisation the kubelet uses (pkg/util/parsers ParseImageName).
 * The problem (code `InvalidReference`, path '') names the first part that is wrong.
 */
export function parseReference(text: string): Result<ImageReference, Problem> {
  const parts = splitReference(text);
  if (isValid(parts) && !isIdentifier(text)) return ok(parts);
  const [, message, fix] = explain(text, parts).find(([isBroken]) => isBroken) ?? [
    true,
    `${quote(text)} is not an image reference`,
    'Write host/path:tag',
  ];
  return err({ path: '', code: 'InvalidReference', message, fix });
}

/** `host/path`: what the kubelet's keyring looks up. */
export function repositoryName(reference: ImageReference): string {
  return reference.host === '' ? reference.path : `${reference.host}/${reference.path}`;
}

/** `host/path[:tag][@digest]`. Parsing it gives the same reference. */
export function printReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return repositoryName(reference) + tag + digest;
}

/** What stands behind `/v2/<path>/manifests/`: the digest wins over the tag, and `latest` stands for neither. */
export function manifestReference(reference: ImageReference): string {
  return reference.digest ?? reference.tag ?? 'latest';
}

/** Is the reference below the prefix? Whole path components, the port exactly as written, the host in any case. */
export function coversReference(prefix: ReferencePrefix, reference: ImageReference): boolean {
  return (
    pathCovers(prefix.path, reference.path) &&
    (prefix.host === reference.host || prefix.host === reference.host.toLowerCase())
  );
}

/**
 * Replaces the prefix `from` by `to`; tag and digest stay. undefined when `from` does not cover the reference, and when
 * the result would not be read back as what it is: no path, too long, or one component at docker.io (which means
 * `library/…`, another repository).
 */
export function mapReference(
  reference: ImageReference,
  from: ReferencePrefix,
  to: { readonly host: string; readonly path: string },
): ImageReference | undefined {
  if (!coversReference(from, reference)) return undefined;
  const below = from.path === '' ? reference.path : reference.path.slice(from.path.length + 1);
  const path = joinPaths(to.path, below);
  if (path === '' || path.length > MAX_PATH_LENGTH) return undefined;
  if (to.host === DOCKER_HUB && !path.includes('/')) return undefined;
  return { host: to.host, path, tag: reference.tag, digest: reference.digest };
}
