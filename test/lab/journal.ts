// The lab's journal: every side effect outside its folder is written down here before it is done, so that it can be undone.
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * One side effect, with what it takes to undo it.
 * - `process`: a pid is used again by the system one day, so its start time (field 22 of /proc/PID/stat) is part of its name.
 * - `netns`: a name as in `ip netns`.
 * - `link`: a network link of the host's own namespace; its addresses and routes go with it.
 * - `mount`: unmounted lazily.
 * - `iptables`: the arguments that ADD the rule or chain, e.g. `['-t', 'nat', '-A', 'POSTROUTING', …]`; undone by -D (or -F and -X after -N).
 * - `kube-chains`: every chain named KUBE-*, which kube-proxy makes; `up` refuses a machine that has some already.
 * - `sysctl`: the value it had before.
 * - `hosts`: lines of /etc/hosts that end in `# <marker>`.
 * - `cgroup`: the folder of a cgroup; what runs in it is killed, its children are removed too.
 * - `path`: a file or folder outside the lab's folder, removed with all it holds.
 * - `folder`: a folder that others may use meanwhile, removed only when it is empty.
 */
export type JournalEntry =
  | { readonly kind: 'process'; readonly pid: number; readonly startTicks: number; readonly name: string }
  | { readonly kind: 'netns'; readonly name: string }
  | { readonly kind: 'link'; readonly name: string }
  | { readonly kind: 'mount'; readonly path: string }
  | { readonly kind: 'iptables'; readonly args: readonly string[] }
  | { readonly kind: 'kube-chains' }
  | { readonly kind: 'sysctl'; readonly key: string; readonly before: string }
  | { readonly kind: 'hosts'; readonly marker: string }
  | { readonly kind: 'cgroup'; readonly path: string }
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'folder'; readonly path: string };

const FILE = 'journal.jsonl';

/**
 * Appends entries to `<folder>/journal.jsonl`. One write per entry and no fsync: what is written survives the death of this
 * process, and after the death of the machine there is nothing left to undo.
 */
export class Journal {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** The journal of a folder; the folder is made when it is not there. Entries of an earlier run stay. */
  static open(folder: string): Journal {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    return new Journal(folder);
  }

  /** Writes an entry down. Call this BEFORE the effect. */
  record(entry: JournalEntry): void {
    // It begins a line of its own, so that a line cut off by a crash spoils itself only.
    appendFileSync(path.join(this.folder, FILE), `\n${JSON.stringify(entry)}\n`);
  }

  /** All entries, oldest first. A line cut off by a crash belongs to an effect that never happened, and is left out. */
  entries(): readonly JournalEntry[] {
    const file = path.join(this.folder, FILE);
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line) => {
        const entry = parseLine(line);
        return entry === undefined ? [] : [entry];
      });
  }
}

function parseLine(line: string): JournalEntry | undefined {
  try {
    return JSON.parse(line) as JournalEntry;
  } catch {
    return undefined;
  }
}
