// Runtime version: what a version of CRI-O or containerd is known to understand.
import type { Runtime, RuntimeName } from './wanted.ts';

/** What `render` assumes where nobody says a version: the newest that the files were tried with. */
export const USUAL_VERSIONS: Readonly<Record<RuntimeName, string>> = { crio: '1.34.0', containerd: '2.3.7' };

/** containerd's hosts.toml: dial_timeout since 2.1.0 (core/remotes/docker/config/hosts.go; not in 2.0.5, 1.7.28). */
const DIAL_TIMEOUT_SINCE = [2, 1] as const;

const BRACKETS_SINCE = [2, 0] as const;

/** A version as a runtime says it: `1.34.0`, `v2.1.9`, `2.1.0-rc.1+k3s1`. */
export function isRuntimeVersion(text: string): boolean {
  return /^[0-9A-Za-z][0-9A-Za-z.+~_-]{0,63}$/.test(text);
}

/** Major and minor; undefined when it does not begin with them. */
function numbersOf(version: string): readonly [number, number] | undefined {
  const match = /^v?([0-9]{1,9})\.([0-9]{1,9})(?![0-9])/.exec(version);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const numbers = numbersOf(version);
  if (numbers === undefined) return false;
  return numbers[0] > major || (numbers[0] === major && numbers[1] >= minor);
}

/** Does hosts.toml know `dial_timeout`? Of a version that cannot be read: no, as older ones. */
export function hasDialTimeout({ name, version }: Runtime): boolean {
  return name === 'containerd' && isAtLeast(version, DIAL_TIMEOUT_SINCE);
}

/**
 * Can the runtime's configuration hold an address in brackets (IPv6)? To CRI-O it is no part of a reference
 * (image/docker/reference regexp.go). containerd reads TOML with go-toml 1 up to 1.7, which ends the name of a table at
 * the first bracket, quoted or not (lexer.go lexInsideTableKey), and then passes over the whole file.
 */
export function holdsBrackets({ name, version }: Runtime): boolean {
  return name === 'containerd' && isAtLeast(version, BRACKETS_SINCE);
}
