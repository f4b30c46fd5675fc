// Reference grammar: the parts of an image reference, as distribution/reference v0.6 (regexp.go, normalize.go) defines them.

/** Longest repository path; the host is not counted (reference.go RepositoryNameTotalLengthMax). */
export const MAX_PATH_LENGTH = 255;

/** What a name without a host means. */
export const DOCKER_HUB = 'docker.io';
const LEGACY_DOCKER_HUB = 'index.docker.io';
const OFFICIAL = 'library/';

const NAME_HOST =
  /^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?$/;
const IPV6_HOST = /^\[[a-fA-F0-9:]+\](?::[0-9]+)?$/;
const PATH = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
// The grammar admits any algorithm, but go-digest then knows only these, each with its exact length.
const DIGEST = /^(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$/;
const IDENTIFIER = /^[a-f0-9]{64}$/;
const UPPER_CASE = /[A-Z]/;

/** `host[:port]`, or an IPv6 address in brackets. */
export function isHost(text: string): boolean {
  return text.startsWith('[') ? IPV6_HOST.test(text) : NAME_HOST.test(text);
}

/** Path components in the grammar; says nothing of the length. */
export function isPath(text: string): boolean {
  return PATH.test(text);
}

export function isTag(text: string): boolean {
  return TAG.test(text);
}

export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** 64 hex digits could be an image ID; distribution/reference refuses them as a name. */
export function isIdentifier(text: string): boolean {
  return text.length === 64 && IDENTIFIER.test(text);
}

/** Would a reference that begins with this text be read as a host, and not as a path at Docker Hub? */
export function readsAsHost(text: string): boolean {
  return text === 'localhost' || text.includes('.') || text.includes(':') || UPPER_CASE.test(text);
}

/** Docker Hub has two names in references; every other host is as written. */
export function canonicalHost(host: string): string {
  return host === LEGACY_DOCKER_HUB ? DOCKER_HUB : host;
}

/** Splits as normalize.go splitDockerDomain does; neither part is checked. */
export function splitHost(text: string): { readonly host: string; readonly rest: string } {
  const slash = text.indexOf('/');
  if (slash === -1) return { host: DOCKER_HUB, rest: OFFICIAL + text };
  const first = text.slice(0, slash);
  const isHosted = readsAsHost(first);
  const host = isHosted ? canonicalHost(first) : DOCKER_HUB;
  const rest = isHosted ? text.slice(slash + 1) : text;
  return { host, rest: host === DOCKER_HUB && !rest.includes('/') ? OFFICIAL + rest : rest };
}

/** Is `inner` the path `outer` or below it? Whole components only; '' is above everything. */
export function pathCovers(outer: string, inner: string): boolean {
  if (outer === '') return true;
  return inner.startsWith(outer) && (inner.length === outer.length || inner[outer.length] === '/');
}

/** Puts two paths together; either may be ''. */
export function joinPaths(first: string, second: string): string {
  return first === '' || second === '' ? first + second : `${first}/${second}`;
}

/** Quotes a piece of somebody's text for a message: escaped, and cut so that it cannot flood a log. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
