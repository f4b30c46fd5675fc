// Digest: content digests as registries print them (OCI image specification, descriptor.md).
import { createHash } from 'node:crypto';

const KNOWN = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/u;
const REFERENCE = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-zA-Z=_-]+$/u;

/** Is this manifest reference a digest (and not a tag)? A tag has no colon. */
export function isDigest(reference: string): boolean {
  return REFERENCE.test(reference);
}

/** The digest in a Docker-Content-Digest header; undefined when absent or not one we can compare. */
export function parseDigestHeader(value: string): string | undefined {
  const digest = value.trim();
  return KNOWN.test(digest) ? digest : undefined;
}

/** The digest of bytes by the algorithm of `like`: sha512 when that is one, else sha256. */
export function digestOf(bytes: Uint8Array, like: string | undefined): string {
  const algorithm = like?.startsWith('sha512:') === true ? 'sha512' : 'sha256';
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** Do two digests contradict each other? Only those of one algorithm can. */
export function digestsDiffer(one: string, other: string): boolean {
  const algorithm = one.slice(0, one.indexOf(':') + 1);
  return other.startsWith(algorithm) && one !== other;
}
