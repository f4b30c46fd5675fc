// Watch plan: which endpoints the background looks at, and with which canaries, from the mirror sets in force.
import { Keyring } from './keyring.ts';
import type { Endpoint } from './endpoint.ts';
import type { MirrorSet } from './mirror-set.ts';
import { planImage, indexMirrorSets } from './plan.ts';
import type { Candidate } from './plan.ts';
import { printPrefix } from './reference.ts';
import { questionFor } from './question.ts';
import type { Fingerprint, Question } from './question.ts';
import type { ParsedPullSecret } from './pull-secret.ts';
import { deriveForSet, deriveFromSource } from './derived-secret.ts';

/** An endpoint to watch, with the canary questions that several sets may have there. */
export interface WatchTarget {
  readonly endpoint: Endpoint;
  readonly canaries: readonly Question[];
}

/** The set's own credentials: health probes only, never a pod's image. */
function healthKeyring(set: MirrorSet): Keyring {
  const upstream = set.upstreamSecret;
  const derived = [upstream === undefined ? undefined : deriveFromSource(upstream, [set]), deriveForSet(set)];
  return new Keyring(
    [upstream, ...derived].filter((secret): secret is ParsedPullSecret => secret !== undefined),
  );
}

function canaryCandidates(set: MirrorSet): readonly Candidate[] {
  if (set.canary === undefined) return [];
  const image = `${printPrefix(set.prefix)}/${set.canary.repository}:${set.canary.tag}`;
  // A node's credential is not ours to show: its mirrors are watched by pings alone.
  return planImage(image, indexMirrorSets([set])).candidates.filter(
    (candidate) => candidate.source !== 'Node',
  );
}

/** One target per endpoint identity. */
export function planWatch(sets: readonly MirrorSet[], fingerprint: Fingerprint): readonly WatchTarget[] {
  const targets = new Map<string, { endpoint: Endpoint; canaries: Question[] }>();
  for (const set of sets) {
    for (const endpoint of [set.upstream, ...set.mirrors.map((mirror) => mirror.endpoint)]) {
      if (!targets.has(endpoint.key)) targets.set(endpoint.key, { endpoint, canaries: [] });
    }
    const keyring = healthKeyring(set);
    for (const candidate of canaryCandidates(set)) {
      targets.get(candidate.endpoint.key)?.canaries.push(questionFor(candidate, keyring, fingerprint));
    }
  }
  return [...targets.values()];
}
