// Host pattern: hosts compared label by label with `*`, as the kubelet compares the keys of pull secrets.

/** A host in the parts that patterns are about. */
export interface HostParts {
  /** Without the port; brackets of an IPv6 address are kept. */
  readonly name: string;
  /** As written; '' when there is none. */
  readonly port: string;
}

/** Splits `host[:port]`. */
export function splitPort(host: string): HostParts {
  const colon = host.lastIndexOf(':');
  // The colons of a bracketed address are no port.
  if (colon === -1 || colon < host.lastIndexOf(']')) return { name: host, port: '' };
  return { name: host.slice(0, colon), port: host.slice(colon + 1) };
}

/** `*` stands for any run of characters, '' included. Linear: no backtracking on text that others wrote. */
function labelMatches(pattern: string, label: string): boolean {
  const pieces = pattern.split('*');
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  if (pieces.length === 1) return pattern === label;
  if (!label.startsWith(first) || !label.endsWith(last)) return false;
  let position = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = label.indexOf(piece, position);
    if (found === -1) return false;
    position = found + piece.length;
  }
  return position <= label.length - last.length;
}

/**
 * Does the name match the pattern? Same number of labels, each by `*` within the label: `*.example.com` is exactly one
 * label before `example.com` (pkg/credentialprovider/keyring.go URLsMatch).
 */
export function nameMatches(pattern: string, name: string): boolean {
  if (!pattern.includes('*')) return pattern === name;
  const patterns = pattern.split('.');
  const labels = name.split('.');
  return (
    patterns.length === labels.length &&
    patterns.every((part, index) => labelMatches(part, labels[index] ?? ''))
  );
}
