// Folder watch: tells that something has changed in the folders of the layout, once for many changes at a time.
import { readdirSync, watch, type FSWatcher } from 'node:fs';
import { dirname, join } from 'node:path';
import type { NodeLayout } from '../nodes/node-file.ts';

export interface FolderWatchParts {
  readonly layout: NodeLayout;
  /** Further folders, such as that of a mounted Secret. */
  readonly others: readonly string[];
  /** Changes are told together, this long after the first. */
  readonly debounceMs: number;
  readonly onChange: () => void;
}

/** The kernel's inotify watches are shared by all of root's processes; the slow poll sees what is not watched. */
const MAX_FOLDERS = 200;
/** Made and removed by our own runs only (the temps, the note of what was there before). */
const OUR_MARK = 'registry-failover';

function isOwnScratch(name: string | null): boolean {
  return name !== null && name.startsWith('.') && name.includes(OUR_MARK);
}

function foldersIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(folder, entry.name))
      .sort();
  } catch {
    return [];
  }
}

/** The folders whose files the runtimes read, as they are now. */
function foldersOf({ layout, others }: FolderWatchParts): readonly string[] {
  const certs = [join(layout.containersFolder, 'certs.d'), join(layout.containerdFolder, 'certs.d')];
  return [
    ...new Set([
      layout.containersFolder,
      layout.containerdFolder,
      ...(layout.authFile === undefined ? [] : [dirname(layout.authFile)]),
      join(layout.containersFolder, 'registries.conf.d'),
      ...others,
      ...certs,
      ...certs.flatMap(foldersIn),
    ]),
  ].slice(0, MAX_FOLDERS);
}

export class FolderWatch {
  readonly #parts: FolderWatchParts;
  readonly #watchers = new Map<string, FSWatcher>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: FolderWatchParts) {
    this.#parts = parts;
  }

  /** Looks which folders there are. Call it after each run: it may have made some. */
  refresh(): void {
    const folders = new Set(foldersOf(this.#parts));
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#open(folder);
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #open(folder: string): void {
    try {
      const watcher = watch(folder, (_event, name) => {
        this.#notice(folder, name);
      });
      watcher.on('error', () => {
        this.#drop(folder);
      });
      this.#watchers.set(folder, watcher);
    } catch {
      // It does not exist (yet), or the kernel has no watch left: the slow poll is there for both.
    }
  }

  #notice(folder: string, name: string | null): void {
    if (isOwnScratch(name)) return;
    // A folder that was removed is told by its own name; if it comes back it is another one.
    if (name === folder.slice(folder.lastIndexOf('/') + 1)) this.#drop(folder);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#parts.onChange();
    }, this.#parts.debounceMs);
  }

  #drop(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }
}
