// A node as gathered, made up for tests: files, processes and programs that a test names, and nothing else.
import { FoundText } from '../../src/nodes/looking/found.ts';
import type { Found, FoundEntry, FoundProcess } from '../../src/nodes/looking/found.ts';

export interface Scene {
  /** Text by path; undefined makes a folder. */
  readonly files?: Readonly<Record<string, string | undefined>>;
  /** Command lines by comm. */
  readonly processes?: Readonly<Record<string, readonly string[]>>;
  readonly programs?: Readonly<Record<string, string>>;
  readonly traces?: readonly string[];
  readonly osRelease?: string;
  readonly dump?: string;
  readonly wholeHost?: boolean;
}

function entryOf(path: string, text: string | undefined): FoundEntry {
  return {
    path,
    kind: text === undefined ? 'directory' : 'file',
    mode: text === undefined ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    size: text?.length ?? 0,
    sha256: undefined,
    content: text === undefined ? undefined : new FoundText(text),
    unread: undefined,
  };
}

/** All folders above the files are there too. */
function withFolders(files: Readonly<Record<string, string | undefined>>): Map<string, string | undefined> {
  const all = new Map<string, string | undefined>();
  for (const [path, text] of Object.entries(files)) {
    const parts = path.split('/').slice(1, -1);
    for (let depth = 1; depth <= parts.length; depth += 1)
      all.set(`/${parts.slice(0, depth).join('/')}`, undefined);
    all.set(path, text);
  }
  return new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Makes a node. */
export function foundNode(scene: Scene): Found {
  const entries = [...withFolders(scene.files ?? {})].map(
    ([path, text]) => [path, entryOf(path, text)] as const,
  );
  const processes = Object.entries(scene.processes ?? {}).map(([comm, cmdline], index): FoundProcess => ({
    pid: 100 + index,
    startTime: '1',
    comm,
    cmdline,
  }));
  return {
    wholeHost: scene.wholeHost ?? true,
    euid: 0,
    clock: 1_795_000_000,
    entries: new Map(entries),
    isCut: false,
    osRelease: scene.osRelease,
    traces: scene.traces ?? [],
    processes,
    programs: Object.entries(scene.programs ?? {}).map(([name, version]) => ({ name, version })),
    containerdDump: scene.dump === undefined ? undefined : new FoundText(scene.dump),
    errors: [],
  };
}

/** Adds to a scene, file by file. */
export function withScene(base: Scene, more: Scene): Scene {
  return {
    ...base,
    ...more,
    files: { ...base.files, ...more.files },
    processes: { ...base.processes, ...more.processes },
    programs: { ...base.programs, ...more.programs },
  };
}
