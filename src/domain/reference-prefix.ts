// ReferencePrefix: a registry host, or a path below one, as an operator writes it in a mirror set.
import type { Problem } from './problem.ts';
import {
  MAX_PATH_LENGTH,
  canonicalHost,
  isHost,
  isPath,
  pathCovers,
  quote,
  readsAsHost,
} from './reference-grammar.ts';
import { err, ok } from './result.ts';
import type { Result } from './result.ts';

/** The part of the reference space that belongs together: a host, or whole path components below it. */
export interface ReferencePrefix {
  /** `host[:port]`, lower-case; `docker.io` for `index.docker.io`. */
  readonly host: string;
  /** Without slashes at the ends; '' is the whole host. */
  readonly path: string;
}

type Check = readonly [isBroken: boolean, message: string, fix: string];

const MAX_HOST_LENGTH = 253 + ':65535'.length;

/** The forms that people write and that mean something else in a URL, an image or a pull secret. */
function checkForm(text: string): Check[] {
  const path = text.includes('/') ? text.slice(text.indexOf('/') + 1) : '';
  return [
    [text === '', 'the prefix is empty', 'Write host[:port][/path]'],
    [/\s/.test(text), `${quote(text)} contains white space`, 'Remove the white space'],
    [
      text.includes('://'),
      'a scheme is not part of it: registries are always reached over https',
      'Remove the scheme',
    ],
    [
      /[*?]/.test(text),
      'there are no wildcards: a prefix covers everything below it',
      'Write the literal host and path',
    ],
    [text.includes('@'), 'a digest or a user name cannot stand here', 'Write host[:port][/path] without "@"'],
    [
      /[#%\\]/.test(text),
      `${quote(text)} contains a character that no image reference has`,
      'Write host[:port][/path]',
    ],
    [
      path.includes(':'),
      'a tag cannot stand here: a prefix covers every tag',
      'Remove the colon and the tag',
    ],
    [
      text.startsWith('/') || text.endsWith('/'),
      'there is a slash at an end',
      'Remove the slashes at the ends',
    ],
    [path.includes('//'), 'a path component is empty', 'Write one slash between two components'],
  ];
}

function portOf(host: string): number | undefined {
  const digits = /:([0-9]+)$/.exec(host)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The same port written in two ways would be two registries to a runtime, so that only one way is accepted. */
function isPlainPort(host: string): boolean {
  const port = portOf(host);
  return port === undefined || (port >= 1 && port <= 65_535 && host.endsWith(`:${port}`));
}

function checkHost(host: string): Check[] {
  return [
    [!isHost(host), `${quote(host)} is not a registry host`, 'Write host, host:port or [IPv6 address]:port'],
    [
      !readsAsHost(host),
      `an image that begins with ${quote(host)} would be read as docker.io/${host}`,
      `Write the host with its domain or port, or docker.io/${host} for Docker Hub`,
    ],
    [
      !isPlainPort(host),
      `the port of ${quote(host)} is not in 1 to 65535 without leading zeros`,
      'Correct the port',
    ],
    [
      host.startsWith('[') && !URL.canParse(`https://${host}/`),
      `${quote(host)} is not an IPv6 address`,
      'Correct the address in the brackets',
    ],
    [host.length > MAX_HOST_LENGTH, 'the host is longer than a DNS name can be', 'Correct the host'],
  ];
}

function checkPath(path: string): Check[] {
  if (path === '') return [];
  return [
    [/[A-Z]/.test(path), `the path ${quote(path)} has upper-case letters`, 'Write it in lower case'],
    [
      !isPath(path),
      `${quote(path)} is not a repository path`,
      'Use lower-case letters and digits, separated by one of . _ __ - or /',
    ],
    [path.length > MAX_PATH_LENGTH, 'the path is longer than a repository path can be', 'Shorten the path'],
  ];
}

/**
 * Parses `host[:port][/path]`. The host is made lower-case, `index.docker.io` becomes `docker.io`; a path at docker.io
 * is taken as it is (`docker.io/nginx` is the organisation, not `library/nginx`).
 * The problem (code `InvalidPrefix`, path '') names the first thing that is wrong.
 */
export function parsePrefix(text: string): Result<ReferencePrefix, Problem> {
  const slash = text.indexOf('/');
  const host = canonicalHost((slash === -1 ? text : text.slice(0, slash)).toLowerCase());
  const path = slash === -1 ? '' : text.slice(slash + 1);
  const broken = [...checkForm(text), ...checkHost(host), ...checkPath(path)].find(([isBroken]) => isBroken);
  if (broken === undefined) return ok({ host, path });
  return err({ path: '', code: 'InvalidPrefix', message: broken[1], fix: broken[2] });
}

/** `host[:port][/path]`; parsing it gives the same prefix. */
export function printPrefix(prefix: ReferencePrefix): string {
  return prefix.path === '' ? prefix.host : `${prefix.host}/${prefix.path}`;
}

/** Is everything below `inner` below `outer` too? */
export function prefixCovers(outer: ReferencePrefix, inner: ReferencePrefix): boolean {
  return outer.host === inner.host && pathCovers(outer.path, inner.path);
}
