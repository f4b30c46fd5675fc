// Mirror auth: whether a runtime may be told of a mirror, by what that runtime does with credentials, and who logs in there.
import type { Mirror, MirrorSet } from '../../domain/mirror-set.ts';
import { nodeCredentialOf } from './node-credentials.ts';
import type { LeftOutReason } from '../node-file.ts';
import type { RuntimeName, WantedSource } from '../data/wanted.ts';

/** CRI-O sends a pod's credential to no other host: a mirror that wants one is no use without NodeAuth. */
function crioVerdict(set: MirrorSet, mirror: Mirror): WantedSource['auth'] | LeftOutReason {
  if (mirror.source === 'None') return 'None';
  if (mirror.source === 'Node') return 'NodeCredential';
  if (set.nodes.credentials !== 'NodeAuth') return 'CredentialNotSent';
  return nodeCredentialOf(set, mirror) === undefined ? 'NoNodeCredential' : 'Node';
}

/** containerd sends it to whoever answers 401: only a mirror that may see it, or that the node logs in to itself. */
function containerdVerdict(set: MirrorSet, mirror: Mirror): WantedSource['auth'] | LeftOutReason {
  if (nodeCredentialOf(set, mirror) !== undefined) return 'Node';
  if (mirror.source === 'SameAsUpstream' || mirror.mayReceiveUpstreamCredential) return 'None';
  if (mirror.source === 'Node') return 'NodeCredential';
  const hasNodeAuth = mirror.source === 'Secret' && set.nodes.credentials === 'NodeAuth';
  return hasNodeAuth ? 'NoNodeCredential' : 'WouldReceiveCredentials';
}

/** Who logs in at the mirror when the runtime itself goes there; or why the runtime must not know of it. */
export function authAt(
  set: MirrorSet,
  mirror: Mirror,
  runtime: RuntimeName,
): WantedSource['auth'] | LeftOutReason {
  return runtime === 'crio' ? crioVerdict(set, mirror) : containerdVerdict(set, mirror);
}
