// Folder watch: says that something may have changed in a set of folders, soon after the last of several changes.
import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import path from 'node:path';

export interface FolderWatchOptions {
  /** Quiet time after a change, in milliseconds: an editor writes a file in several steps. */
  readonly debounceMs: number;
  /** Without any event, in milliseconds: events are not to be had on every file system. */
  readonly pollMs: number;
  readonly onChange: () => void;
}

/** Runs until `close`. Keeps no process alive. */
export class FolderWatch {
  readonly #folders: readonly string[];
  readonly #options: FolderWatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #poll: NodeJS.Timeout;
  #pending: NodeJS.Timeout | undefined;

  constructor(folders: readonly string[], options: FolderWatchOptions) {
    this.#folders = folders;
    this.#options = options;
    this.#poll = setInterval(() => this.#tick(), options.pollMs).unref();
    this.#watchAll();
  }

  close(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#pending);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #tick(): void {
    this.#watchAll();
    this.#options.onChange();
  }

  /** Also for folders that were not there before. What cannot be watched is polled. */
  #watchAll(): void {
    for (const folder of this.#folders) {
      if (this.#watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, (event, name) =>
          this.#changed(folder, event, name),
        );
        watcher.on('error', () => this.#drop(folder));
        this.#watchers.set(folder, watcher);
      } catch {
        // Absent, or no inotify watches are left.
      }
    }
  }

  #drop(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }

  #changed(folder: string, event: string, name: string | null): void {
    // The folder itself was moved or removed: what comes in its place is another inode.
    if (event === 'rename' && name === path.basename(folder)) this.#drop(folder);
    clearTimeout(this.#pending);
    this.#pending = setTimeout(() => this.#tick(), this.#options.debounceMs).unref();
  }
}
