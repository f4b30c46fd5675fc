// MirrorSet: the domain type of the resource RegistryMirrorSet, after validation and with its secrets and CAs resolved.
import type { Endpoint } from './endpoint.ts';
import type { LabelSelector } from './label-selector.ts';
import type { ParsedPullSecret } from './pull-secret.ts';
import type { ReferencePrefix } from './reference.ts';

export const CREDENTIAL_SOURCES = ['SameAsUpstream', 'Secret', 'Node', 'None'] as const;
/** Where a mirror's credential comes from. `Node`: the node brings it; nothing is injected and nothing can be probed. */
export type CredentialSource = (typeof CREDENTIAL_SOURCES)[number];

export const FAILOVER_MODES = ['Rewrite', 'CredentialsOnly', 'Observe'] as const;
export type FailoverMode = (typeof FAILOVER_MODES)[number];

export const FAILOVER_TRIGGERS = ['Unreachable', 'Failing', 'Throttled', 'Missing', 'Slow'] as const;
/** Outcomes of the upstream that count as a reason to leave it. */
export type FailoverTrigger = (typeof FAILOVER_TRIGGERS)[number];

export const DIGEST_POLICIES = ['Require', 'Prefer', 'Ignore'] as const;
/** What a mirror with another digest for the tag is worth: nothing, less than one with the same, or the same. */
export type DigestPolicy = (typeof DIGEST_POLICIES)[number];

export const NODE_CREDENTIALS = ['None', 'NodeAuth'] as const;
/** `NodeAuth`: the credentials of mirrors are put on the nodes, for every pod there. `None`: they are not. */
export type NodeCredentials = (typeof NODE_CREDENTIALS)[number];

/** What a mirror set wants of the container runtimes of nodes. */
export interface NodePolicy {
  readonly enabled: boolean;
  /** Labels of the nodes; empty selects all. */
  readonly selector: LabelSelector;
  readonly credentials: NodeCredentials;
  /** With a prefix below a host: containerd, which is configured per host, may send the whole host's pulls to the mirrors. */
  readonly wholeHost: boolean;
}

export interface Mirror {
  readonly endpoint: Endpoint;
  readonly source: CredentialSource;
  /** With `source: Secret`: the parsed secret of the install namespace; undefined while it is absent or unreadable. */
  readonly secret: ParsedPullSecret | undefined;
  /** Nodes trust this private CA already. Only then is a mirror with a `caBundle` a candidate. */
  readonly trustedByNodes: boolean;
  readonly mayReceiveUpstreamCredential: boolean;
}

export interface MirrorSet {
  readonly name: string;
  readonly generation: number;
  /** RFC 3339; decides who is older when two sets take one prefix. undefined in files. */
  readonly createdAt: string | undefined;
  /** Labels of the opted-in namespaces this set is for; undefined = all. */
  readonly namespaceSelector: LabelSelector | undefined;
  /** The name that pods use. */
  readonly prefix: ReferencePrefix;
  /** Where `prefix` is served: the endpoint's host and path are the prefix's. */
  readonly upstream: Endpoint;
  /** `upstream.credential`: health probes (canary) only, never a pod's image. */
  readonly upstreamSecret: ParsedPullSecret | undefined;
  /** Below the prefix; HEADed in the background. */
  readonly canary: { readonly repository: string; readonly tag: string } | undefined;
  /** In order of preference, at least one. */
  readonly mirrors: readonly Mirror[];
  readonly mode: FailoverMode;
  readonly on: ReadonlySet<FailoverTrigger>;
  readonly digestPolicy: DigestPolicy;
  readonly rescue: boolean;
  readonly nodes: NodePolicy;
}
