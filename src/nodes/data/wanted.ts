// Node wanted: what one node's runtime is to know, as data. Written by the controller or the ssh installer, rendered on both ends.

/** Version of the data. Another one is refused, and the node keeps what it has. */
export const WANTED_VERSION = 1;

export const RUNTIMES = ['crio', 'containerd'] as const;
/** `crio` stands for podman too: they read the same files. */
export type RuntimeName = (typeof RUNTIMES)[number];
/** As people write them. */
export const RUNTIME_TITLES: Readonly<Record<RuntimeName, string>> = {
  crio: 'CRI-O',
  containerd: 'containerd',
};

export interface Runtime {
  readonly name: RuntimeName;
  /** As the runtime says it: `1.34.0`, `2.1.9`. */
  readonly version: string;
}

/** One place that holds the images of a prefix. */
export interface WantedSource {
  /** `host[:port][/path]`, always over https. */
  readonly endpoint: string;
  readonly role: 'Upstream' | 'Mirror';
  /** `Node`: the node authenticates with a credential of its own (NodeAuth). `None`: nothing is added by us. */
  readonly auth: 'None' | 'Node';
  /** PEM certificates to write beside, '' for none. */
  readonly caPem: string;
}

export interface WantedHost {
  /** The name that pods use, `host[:port][/path]`. No two hosts of one `NodeWanted` have the same. */
  readonly prefix: string;
  /** Exactly one is the upstream, its endpoint is the prefix; then the mirrors as declared, at least one. */
  readonly sources: readonly WantedSource[];
  /** The endpoints of `sources`, each once, in the order in which the runtime is to ask them. */
  readonly order: readonly string[];
}

/** `spec.wanted` of a NodeMirrorState. Data, never text of a file: whoever may write it must not become root on the node. */
export interface NodeWanted {
  readonly version: typeof WANTED_VERSION;
  /** 16 hex digits over everything but the order: what a rollout counts by. */
  readonly revision: string;
  /** The installation that owns the files, `[a-z0-9./-]{1,128}`, for example `registry-failover/registry-failover`. */
  readonly owner: string;
  readonly runtime: Runtime;
  /** `Restore`: everything of this owner is taken away, what was there before comes back; `hosts` is empty. */
  readonly action: 'Apply' | 'Restore';
  readonly hosts: readonly WantedHost[];
}

/** The endpoints at which nodes show a credential of their own. */
export function loginsOf({ sources }: WantedHost): readonly string[] {
  return sources.flatMap(({ endpoint, auth }) => (auth === 'Node' ? [endpoint] : []));
}

/** The sources in one order and without what cannot change it: two spellings of one thing give one text. */
function canonicalHost({ prefix, sources }: WantedHost): unknown {
  return [prefix, sources.map(({ endpoint, role, auth, caPem }) => [endpoint, role, auth, caPem])];
}

/**
 * The revision of this data: the same whatever the order of sources, and whatever the order of hosts.
 * @param sha256Hex Lower-case hex of the UTF-8 bytes; handed in, since nothing here may reach node:crypto.
 */
export function revisionOf(
  wanted: Omit<NodeWanted, 'revision'>,
  sha256Hex: (text: string) => string,
): string {
  const { version, owner, runtime, action } = wanted;
  const hosts = [...wanted.hosts].sort((a, b) => (a.prefix < b.prefix ? -1 : 1)).map(canonicalHost);
  return sha256Hex(JSON.stringify([version, owner, runtime.name, runtime.version, action, hosts])).slice(
    0,
    16,
  );
}
