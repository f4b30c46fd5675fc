// Node credentials: with NodeAuth, the credential that a node itself shows at a mirror, for every pod that runs there.
import type { Credential } from '../../domain/credential.ts';
import { printEndpoint } from '../../domain/endpoint.ts';
import type { Endpoint } from '../../domain/endpoint.ts';
import { Keyring } from '../../domain/keyring.ts';
import type { Mirror, MirrorSet } from '../../domain/mirror-set.ts';
import type { ParsedPullSecret } from '../../domain/pull-secret.ts';

/** The first entry that a kubelet would try for everything below the endpoint, and that is a way in at all. */
function entryFor(secret: ParsedPullSecret | undefined, endpoint: Endpoint): Credential | undefined {
  if (secret === undefined) return undefined;
  const matches = new Keyring([secret]).lookup(printEndpoint(endpoint));
  return matches.find(({ credential }) => !credential.isEmpty())?.credential;
}

/**
 * The credential for one mirror: of its own Secret, or for `SameAsUpstream` of `upstream.credential`, whose entry is the
 * upstream's. undefined: the set has no NodeAuth, the mirror takes none, or there is no such entry.
 */
export function nodeCredentialOf(set: MirrorSet, mirror: Mirror): Credential | undefined {
  if (set.nodes.credentials !== 'NodeAuth') return undefined;
  if (mirror.source === 'Secret') return entryFor(mirror.secret, mirror.endpoint);
  return mirror.source === 'SameAsUpstream' ? entryFor(set.upstreamSecret, set.upstream) : undefined;
}

/**
 * The credentials of all mirrors of these sets, by endpoint as text: what the Secret of NodeAuth holds. A node shows one at
 * each endpoint: of two sets that declare the same one, the first has its way, so hand the sets in by name.
 */
export function nodeCredentials(sets: readonly MirrorSet[]): ReadonlyMap<string, Credential> {
  const credentials = new Map<string, Credential>();
  for (const set of sets) {
    if (!set.nodes.enabled) continue;
    for (const mirror of set.mirrors) {
      const credential = nodeCredentialOf(set, mirror);
      const key = printEndpoint(mirror.endpoint);
      if (credential !== undefined && !credentials.has(key)) credentials.set(key, credential);
    }
  }
  return credentials;
}
