// Plan: which places could serve an image, in which order, or why nobody needs to be asked.
import type { Endpoint } from './endpoint.ts';
import type { CredentialSource, Mirror, MirrorSet } from './mirror-set.ts';
import type { KeepReason } from './reason.ts';
import { coversReference, mapReference, parseReference, printReference } from './reference.ts';
import type { ImageReference } from './reference.ts';

/** A reference at one endpoint that could serve a slot. */
export interface Candidate {
  /** 0 is the upstream; mirrors follow in declared order. */
  readonly rank: number;
  readonly endpoint: Endpoint;
  /** How a pull from there is paid for: 'Upstream' is the pod's own credential at the upstream itself. */
  readonly source: CredentialSource | 'Upstream';
  readonly reference: ImageReference;
  /** What the image field has to say to get it from there; rank 0: exactly what was written. */
  readonly image: string;
  /** Why it must not be chosen although it is declared. */
  readonly excluded: 'mirror-not-trusted-by-nodes' | undefined;
}

/** Everything about one image text in one namespace that does not depend on the pod or the moment. */
export interface ImagePlan {
  readonly original: string;
  readonly set: MirrorSet | undefined;
  /** Nobody is asked, for this reason. */
  readonly skip: KeepReason | undefined;
  /** Empty with `skip`; else the upstream first. */
  readonly candidates: readonly Candidate[];
}

/** Mirror sets by the host of their prefix, longest path first, so that the first match is the longest. */
export type MirrorIndex = ReadonlyMap<string, readonly MirrorSet[]>;

/** Builds the index. Hosts compare case-insensitively, as DNS does. */
export function indexMirrorSets(sets: readonly MirrorSet[]): MirrorIndex {
  const index = new Map<string, MirrorSet[]>();
  for (const set of sets) {
    const host = set.prefix.host.toLowerCase();
    index.set(host, [...(index.get(host) ?? []), set]);
  }
  for (const list of index.values()) list.sort((a, b) => b.prefix.path.length - a.prefix.path.length);
  return index;
}

function mirrorCandidate(
  mirror: Mirror,
  rank: number,
  reference: ImageReference,
  set: MirrorSet,
): Candidate | undefined {
  const mapped = mapReference(reference, set.prefix, mirror.endpoint);
  if (mapped === undefined) return undefined;
  const untrusted = mirror.endpoint.trust !== undefined && !mirror.trustedByNodes;
  return {
    rank,
    endpoint: mirror.endpoint,
    source: mirror.source,
    reference: mapped,
    image: printReference(mapped),
    excluded: untrusted ? 'mirror-not-trusted-by-nodes' : undefined,
  };
}

/**
 * Longer than any image that could be pulled: a DNS name has at most 253 characters, a repository 255, a tag 128, a
 * digest 136. At admission nothing has been validated yet, and texts are keys in memories.
 */
export const MAX_IMAGE_CHARACTERS = 1024;

function skipped(original: string, skip: KeepReason): ImagePlan {
  return { original, set: undefined, skip, candidates: [] };
}

/** Plans one image. `index` holds the sets that apply in the pod's namespace. */
export function planImage(original: string, index: MirrorIndex): ImagePlan {
  if (original.length > MAX_IMAGE_CHARACTERS) return skipped(original, 'image-unparsable');
  const parsed = parseReference(original);
  if (!parsed.ok) return skipped(original, 'image-unparsable');
  const reference = parsed.value;
  const set = index
    .get(reference.host.toLowerCase())
    ?.find((candidate) => coversReference(candidate.prefix, reference));
  if (set === undefined) return skipped(original, 'no-mirror-set');
  const upstream: Candidate = {
    rank: 0,
    endpoint: set.upstream,
    source: 'Upstream',
    reference,
    image: original,
    excluded: undefined,
  };
  const mirrors = set.mirrors
    .map((mirror, position) => mirrorCandidate(mirror, position + 1, reference, set))
    .filter((candidate) => candidate !== undefined)
    // A mirror that cannot hold this repository leaves no gap: rank is the position in `candidates`.
    .map((candidate, position) => ({ ...candidate, rank: position + 1 }));
  return { original, set, skip: undefined, candidates: [upstream, ...mirrors] };
}
