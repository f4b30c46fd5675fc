// Node file: one file that a node is to have, and what was left out of it and why.

/** Where a node keeps its configuration. Absolute paths without a slash at the end. */
export interface NodeLayout {
  /** `/etc/containers`: holds `registries.conf`, `registries.conf.d/` and `certs.d/`. */
  readonly containersFolder: string;
  /** `/etc/containerd`: holds `config.toml` and `certs.d/`. */
  readonly containerdFolder: string;
  /** CRI-O's `global_auth_file`, which its operator names; undefined: NodeAuth is not possible on CRI-O. */
  readonly authFile: string | undefined;
}

export const DEFAULT_LAYOUT: NodeLayout = {
  containersFolder: '/etc/containers',
  containerdFolder: '/etc/containerd',
  authFile: undefined,
};

export interface NodeFile {
  /** Absolute. */
  readonly path: string;
  /** Permission bits: 0o644, or 0o600 when a credential is in it. */
  readonly mode: number;
  /** Whole and ending in a line feed. Its first line is our marker with the owner's id. */
  readonly content: string;
}

/** Why something that is declared is not in a node's files. Closed list; each has one sentence for people. */
export const LEFT_OUT_REASONS = [
  'NodesNotEnabled',
  'CredentialNotSent',
  'WouldReceiveCredentials',
  'NodeCredential',
  'NoNodeCredential',
  'CredentialOfOtherNodes',
  'WholeHostNotAllowed',
  'PathNotExpressible',
  'HostShared',
  'HostNotExpressible',
  'CaNotUsable',
  'TooMuch',
  'OthersEntry',
  'NoMirrorLeft',
] as const;
export type LeftOutReason = (typeof LEFT_OUT_REASONS)[number];

export interface LeftOut {
  /** '' where only a node's data is known. */
  readonly set: string;
  readonly prefix: string;
  /** The mirror, or undefined when the whole prefix is left out. */
  readonly endpoint: string | undefined;
  readonly reason: LeftOutReason;
  /** One sentence: what, why; then what to do. */
  readonly message: string;
}
