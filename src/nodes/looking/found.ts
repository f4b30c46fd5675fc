// Found: what the gather script saw on a node, as typed data. Nothing in it is wanted yet, and nothing of it is trusted.

const REDACTED = '[content]';
/** Node prints an object by this method; a registered symbol, so that no node:util is needed. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** The text of a host's file. Anybody's file may hold credentials, so that it prints as `[content]`; the text comes out by a call only. */
export class FoundText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  text(): string {
    return this.#text;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [INSPECT](): string {
    return REDACTED;
  }
}

export type FoundKind = 'file' | 'directory' | 'symlink' | 'other';

/** Why a file has no content here: over the limit of one file, over that of all, or it could not be read. */
export type Unread = 'TooLarge' | 'TooMuch' | 'Unreadable';

/** One thing in a folder. Folders are listed themselves, also empty ones. */
export interface FoundEntry {
  /** Absolute; below a layout folder it begins with that folder as it was asked for. */
  readonly path: string;
  readonly kind: FoundKind;
  /** Permission bits, 0o644. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  /** Hex, of a file that could be read. */
  readonly sha256: string | undefined;
  /** Of a file whose content is asked for and within the limits. Bytes that are no UTF-8 come out as U+FFFD. */
  readonly content: FoundText | undefined;
  readonly unread: Unread | undefined;
}

export interface FoundProcess {
  readonly pid: number;
  /** Clock ticks after boot, field 22 of /proc/PID/stat: tells a process from a later one with its number. */
  readonly startTime: string;
  /** `crio`, `containerd`, `k3s-server`, `kubelet` … */
  readonly comm: string;
  readonly cmdline: readonly string[];
}

/** A program in root's PATH; the runtimes say their version. */
export interface FoundProgram {
  readonly name: string;
  /** What `crio --version` or `containerd --version` prints, else ''. */
  readonly version: string;
}

/**
 * A node as the gather script saw it. A path that was looked for and is not in `entries` does not exist, except where
 * `wholeHost` is false: then only the layout's folders (and processes) are the host's, and nothing is said of the rest.
 */
export interface Found {
  /** True over ssh, false in the agent's container, which sees the folders of the layout and /proc only. */
  readonly wholeHost: boolean;
  /** Effective user id of the script. */
  readonly euid: number;
  /** Seconds since 1970, the node's clock. */
  readonly clock: number;
  /**
   * By path, in lexical order: `<containersFolder>/registries.conf`, its `registries.conf.d` and `certs.d` and
   * all below; `<containerdFolder>/*.toml`, `*` / `*.toml`, its `certs.d` and all below; the auth file; our notes;
   * with `wholeHost` also /root/.config/containers/registries.conf(.d), /etc/crio/crio.conf(.d), /etc/docker/certs.d (names).
   */
  readonly entries: ReadonlyMap<string, FoundEntry>;
  /** There were more files in the layout's folders than are looked at, so that some that exist are not in `entries`. */
  readonly isCut: boolean;
  /** Text of /etc/os-release. undefined without `wholeHost`, or when there is none. */
  readonly osRelease: string | undefined;
  /** Which of `TRACES` exist; empty without `wholeHost`. */
  readonly traces: readonly string[];
  /** Of the programs in `PROCESS_NAMES`, outside nested containers. */
  readonly processes: readonly FoundProcess[];
  /** Of the programs in `PROGRAM_NAMES`; empty without `wholeHost`. */
  readonly programs: readonly FoundProgram[];
  /** `containerd config dump`: defaults and imports merged. undefined without `wholeHost` or containerd. */
  readonly containerdDump: FoundText | undefined;
  /** What could not be seen, one sentence each. */
  readonly errors: readonly string[];
}

/** Paths whose existence tells a distribution that manages its own configuration. */
export const TRACES = [
  '/etc/machine-config-daemon',
  '/run/ostree-booted',
  '/etc/rancher/k3s',
  '/etc/rancher/rke2',
  '/var/lib/rancher/k3s',
  '/var/lib/rancher/rke2',
  '/etc/talos',
  '/system/state',
  '/usr/share/bottlerocket',
  '/.bottlerocket',
  '/home/kubernetes/bin',
  '/etc/eks',
  '/run/systemd/system',
] as const;

/** Names of processes (comm, at most 15 characters) that are looked for. */
export const PROCESS_NAMES = [
  'crio',
  'containerd',
  'k3s',
  'k3s-server',
  'k3s-agent',
  'rke2',
  'rke2-server',
  'rke2-agent',
  'kubelet',
  'dockerd',
  'machine-config-',
] as const;

/** Programs that are looked for in PATH. */
export const PROGRAM_NAMES = ['crio', 'containerd', 'podman', 'crictl', 'ctr', 'systemctl', 'flock'] as const;

/** The kind of thing at a path, or undefined when there is nothing. */
export function kindAt(found: Found, path: string): FoundKind | undefined {
  return found.entries.get(path)?.kind;
}

/** The text at a path, or undefined when there is none or it could not be read. */
export function textAt(found: Found, path: string): string | undefined {
  return found.entries.get(path)?.content?.text();
}

/** The entries right in a folder, in lexical order. */
export function entriesIn(found: Found, folder: string): readonly FoundEntry[] {
  const prefix = `${folder}/`;
  return [...found.entries.values()].filter(
    (entry) => entry.path.startsWith(prefix) && !entry.path.slice(prefix.length).includes('/'),
  );
}
