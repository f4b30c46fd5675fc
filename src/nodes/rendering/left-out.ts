// Left out: what of a declaration is not in a node's files, each reason with its one sentence and what to do.
import type { LeftOut, LeftOutReason } from '../node-file.ts';
import { RUNTIME_TITLES } from '../data/wanted.ts';
import type { RuntimeName } from '../data/wanted.ts';

/** What a sentence is about. */
export interface LeftOutSubject {
  /** '' where only the data is known: on the node. */
  readonly set: string;
  readonly prefix: string;
  /** The mirror, or undefined for the whole prefix. */
  readonly endpoint: string | undefined;
  readonly runtime: RuntimeName;
  /** What the sentence names beside: who has the host already. */
  readonly other?: string | undefined;
}

function hostOf(place: string): string {
  return place.split('/', 1)[0] ?? '';
}

function pathOf(place: string): string {
  return place.slice(hostOf(place).length);
}

type Words = LeftOutSubject & { readonly mirror: string; readonly name: string };

const SENTENCES: Readonly<Record<LeftOutReason, (words: Words) => string>> = {
  NodesNotEnabled: () =>
    'The mirror set is not for nodes; pods are still pointed at its mirrors by a rewrite. Write spec.nodes.enabled: true to have nodes know them.',
  CredentialNotSent: ({ mirror, name }) =>
    `${name} never sends a pod's credential to a mirror on another host, so ${mirror} would refuse every pull; a rewritten pod reaches it. Write spec.nodes.credentials: NodeAuth to give nodes a credential of their own.`,
  WouldReceiveCredentials: ({ mirror, prefix, name }) =>
    `${name} would send the pod's credential for ${hostOf(prefix)} to ${mirror} as soon as that asks for one; a rewritten pod does not. Write mayReceiveUpstreamCredential: true on the mirror if it may have it; with source: Secret, spec.nodes.credentials: NodeAuth is another way.`,
  NodeCredential: ({ mirror, name }) =>
    `The credential for ${mirror} comes from a plugin of the kubelet, which is asked for the pod's own image only and not when ${name} goes to a mirror. Nothing to do: a rewritten pod reaches it.`,
  NoNodeCredential: ({ mirror }) =>
    `NodeAuth is on, but there is no credential that a node could show at ${mirror}. Look for the Secret and its entry for that registry; for CRI-O, name the node's global_auth_file too. The kubelet brings a new Secret to its node within some two minutes.`,
  CredentialOfOtherNodes: ({ mirror }) =>
    `Nodes show one credential at ${mirror}, and it is that of a mirror set for other nodes: these would get what only those may read. Give both sets the same credential there, or the mirror another name in one of them.`,
  WholeHostNotAllowed: ({ prefix, name }) =>
    `${name} knows mirrors per host: those of ${prefix} would be asked for everything at ${hostOf(prefix)}. Write spec.nodes.wholeHost: true if they may.`,
  PathNotExpressible: ({ mirror, prefix, runtime }) =>
    runtime === 'crio'
      ? `CRI-O refuses to map ${prefix} to ${mirror}, because a name there without a slash means library/. Add a path to the mirror.`
      : `containerd keeps the whole path of an image and can only put something before it, which does not lead from ${prefix} to ${mirror}. Use a mirror whose path ends in ${pathOf(prefix)}.`,
  HostShared: ({ prefix, other = 'another set', name }) =>
    `${name} knows mirrors per host, and those of ${hostOf(prefix)} are already taken from ${other}, which says something else. Give both the same mirrors, or put them into one set.`,
  HostNotExpressible: ({ mirror, prefix, endpoint, name }) =>
    `${name} cannot be told of ${endpoint === undefined ? prefix : mirror}: its configuration cannot hold this address, or has it already for another source. Use a DNS name of its own.`,
  CaNotUsable: ({ mirror, prefix, endpoint }) =>
    `The CA certificates for ${endpoint === undefined ? prefix : mirror} cannot be written to nodes: they are too long together, or not all can be read. Leave only the CA that signs this registry's certificate.`,
  TooMuch: ({ prefix }) =>
    `A node can be told of a limited number of registries and certificates, and ${prefix} is beyond it. Merge mirror sets, or shorten their CA bundles.`,
  OthersEntry: ({ prefix, other = 'another file' }) =>
    `${other} says something else for images of ${prefix}, and all of that would count no longer beside ours. Declare what is needed of it in the mirror set and take it out there; until then that file stays in force.`,
  NoMirrorLeft: ({ prefix, name }) =>
    `No mirror of ${prefix} can be written for ${name}, so nothing is. A rewritten pod reaches them.`,
};

/** Puts a reason into words. */
export function leaveOut(reason: LeftOutReason, subject: LeftOutSubject): LeftOut {
  const { set, prefix, endpoint, runtime } = subject;
  const words = { ...subject, mirror: endpoint ?? prefix, name: RUNTIME_TITLES[runtime] };
  return { set, prefix, endpoint, reason, message: SENTENCES[reason](words) };
}
