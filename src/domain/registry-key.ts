// Registry key: the key of a pull secret's entry, read and matched by the kubelet's rules (credentialprovider/keyring.go).
import { nameMatches, splitPort } from './host-pattern.ts';

/** A key, or an image name, in the parts that are compared. */
export interface RegistryKey {
  /** Host name with `*` in a key; an IPv6 address with a port has no brackets (net.SplitHostPort). */
  readonly name: string;
  /** As written; '' when there is none. */
  readonly port: string;
  /** With its leading slash; '' when there is none. A plain string prefix, not whole components. */
  readonly path: string;
}

/** The key under which Docker Hub's credential stands since the v1 protocol: `https://index.docker.io/v1/`. */
export const LEGACY_DOCKER_KEY = 'index.docker.io';

// Hosts that an image name can have, and `*`. Go's net/url takes more; a key with any of that matches no image.
const HOST = /^(?:[\w.*-]*|\[[0-9A-Fa-f:]+\])(?::[0-9]*)?$/;
const USER_INFO = /^(?:[\w.~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*$/;
const ESCAPES = /%([0-9A-Fa-f]{2})/g;
const BROKEN_ESCAPE = /%(?![0-9A-Fa-f]{2})/;

function isControl(code: number): boolean {
  return code < 0x20 || code === 0x7f;
}

function hasControl(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) if (isControl(text.charCodeAt(index))) return true;
  return false;
}

function unescapePath(path: string): string {
  // Bytes beyond ASCII stay apart: they match no image whatever they decode to.
  return path.replace(ESCAPES, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function cut(text: string, separator: string): [before: string, after: string] {
  const index = text.indexOf(separator);
  return index === -1 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)];
}

function parseAuthority(authority: string): string | undefined {
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  if (at !== -1 && !USER_INFO.test(authority.slice(0, at))) return undefined;
  if (!HOST.test(host)) return undefined;
  // Go accepts real addresses only in brackets; an image name with another text there matches no key at all.
  return !host.startsWith('[') || URL.canParse(`https://${splitPort(host).name}/`) ? host : undefined;
}

/** What Go's url.Parse makes of `https://` + text, as far as an image name could match it. */
function parseUrl(text: string): { readonly host: string; readonly path: string } | undefined {
  const [beforeFragment, fragment] = cut(text, '#');
  if (hasControl(beforeFragment) || BROKEN_ESCAPE.test(fragment)) return undefined;
  const [plain] = cut(beforeFragment, '?');
  const slash = plain.indexOf('/');
  const path = slash === -1 ? '' : plain.slice(slash);
  if (BROKEN_ESCAPE.test(path)) return undefined;
  const host = parseAuthority(slash === -1 ? plain : plain.slice(0, slash));
  return host === undefined ? undefined : { host, path: path.includes('%') ? unescapePath(path) : path };
}

/**
 * The form in which the kubelet keeps a key: no scheme, `/v1` or `/v2` before another slash dropped, a bare slash
 * dropped. undefined: it skips the key, or no image could ever match it.
 */
export function normaliseKey(key: string): string | undefined {
  const scheme = /^https?:\/\//.exec(key)?.[0] ?? '';
  const url = parseUrl(key.slice(scheme.length));
  if (url === undefined) return undefined;
  const path = /^\/v[12]\//.test(url.path) ? url.path.slice(3) : url.path;
  return path === '/' ? url.host : url.host + path;
}

/** A key that {@link normaliseKey} turns into host + path, whatever the path begins with. */
export function printKey(host: string, path: string): string {
  return /^\/v[12]\//.test(path) ? `${host}/v2${path}` : host + path;
}

/** Parses a normalised key or an image name; the kubelet parses both alike at each look-up. */
export function parseKey(text: string): RegistryKey | undefined {
  const url = parseUrl(text);
  if (url === undefined) return undefined;
  const { name, port } = splitPort(url.host);
  const isBracketed = name.startsWith('[') && url.host.length > name.length;
  return { name: isBracketed ? name.slice(1, -1) : name, port, path: url.path };
}

/** The host's half of {@link matchesKey}. */
export function matchesHost(key: RegistryKey, image: RegistryKey): boolean {
  // A bracketed address without a port is a character class to the kubelet's glob, and so never itself.
  return !key.name.startsWith('[') && key.port === image.port && nameMatches(key.name, image.name);
}

/** URLsMatch: same port text, same number of labels, each by `*`, and the key's path a string prefix of the image's. */
export function matchesKey(key: RegistryKey, image: RegistryKey): boolean {
  return image.path.startsWith(key.path) && matchesHost(key, image);
}

/** Does the normalised key match the image name (`host/path`)? Without the fallback to {@link LEGACY_DOCKER_KEY}. */
export function keyMatches(key: string, repositoryName: string): boolean {
  const [parsed, image] = [parseKey(key), parseKey(repositoryName)];
  return parsed !== undefined && image !== undefined && matchesKey(parsed, image);
}
