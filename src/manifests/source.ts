// Manifest source: the declarations in files as they are now, with the last valid content where a file is not valid.
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { ClusterObjects, ObjectSource } from '../domain/cluster-objects.ts';
import type { Problem } from '../domain/problem.ts';
import { FolderWatch } from './folder-watch.ts';
import { collectObjects } from './manifest-entry.ts';
import type { ManifestOptions } from './manifest-entry.ts';
import { listManifestFiles, readManifestFile } from './manifest-files.ts';
import { NO_MANIFESTS, nextState } from './manifest-state.ts';
import type { FileReading, ManifestState } from './manifest-state.ts';
import { brokenStream, parseManifestStream } from './manifest-stream.ts';

export interface ManifestSourceOptions extends ManifestOptions {
  /** Directories and files. */
  readonly paths: readonly string[];
  /** Quiet time after a change before files are read; 100 ms. */
  readonly debounceMs?: number;
  /** Files are read again after this time whatever was noticed; 5 s. */
  readonly pollMs?: number;
}

/** A file as it was read, and a hash of what was read: equal hashes, equal readings. */
interface CachedReading extends FileReading {
  readonly hash: string;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A directory is watched itself, a file by its directory: an editor puts a new file in its place. */
async function folderOf(from: string): Promise<string> {
  try {
    return (await stat(from)).isDirectory() ? from : path.dirname(from);
  } catch {
    return path.dirname(from);
  }
}

/** An {@link ObjectSource} on files. Never throws on what it finds in them; problems say it. */
export class ManifestSource implements ObjectSource {
  readonly #options: ManifestSourceOptions;
  readonly #listeners = new Set<() => void>();
  #readings: readonly CachedReading[] = [];
  #state: ManifestState = NO_MANIFESTS;
  #objects: ClusterObjects = collectObjects([]);
  #watch: FolderWatch | undefined;
  #running: Promise<void> | undefined;
  #isDirty = false;
  #isClosed = false;

  private constructor(options: ManifestSourceOptions) {
    this.#options = options;
  }

  /** Reads everything once, then watches. What is invalid from the start is in `problems()`, and nothing stands for it. */
  static async open(options: ManifestSourceOptions): Promise<ManifestSource> {
    const source = new ManifestSource(options);
    const folders = new Set(await Promise.all(options.paths.map(folderOf)));
    // Watching begins before reading: a change in between would be missed until the next poll.
    source.#watch = new FolderWatch([...folders], {
      debounceMs: options.debounceMs ?? 100,
      pollMs: options.pollMs ?? 5000,
      onChange: () => void source.reload(),
    });
    await source.reload();
    return source;
  }

  current(): ClusterObjects {
    return this.#objects;
  }

  problems(): readonly Problem[] {
    return this.#state.problems;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#isClosed = true;
    this.#watch?.close();
    this.#listeners.clear();
  }

  /** Reads the files again, e.g. at a SIGHUP; resolves when what they say is in force. One at a time. */
  async reload(): Promise<void> {
    this.#isDirty = true;
    this.#running ??= this.#run();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#isDirty && !this.#isClosed) {
      this.#isDirty = false;
      this.#take(await this.#readAll());
    }
    // In the same step as the last look at the flag: whoever sets it now starts the next run.
    this.#running = undefined;
  }

  #take(readings: readonly CachedReading[]): void {
    const before = this.#readings;
    const isSame =
      readings.length === before.length &&
      readings.every(({ file, hash }, index) => file === before[index]?.file && hash === before[index]?.hash);
    if (isSame || this.#isClosed) return;
    this.#readings = readings;
    this.#state = nextState(this.#state, readings);
    this.#objects = collectObjects(this.#state.entries);
    for (const listener of this.#listeners) listener();
  }

  async #readAll(): Promise<readonly CachedReading[]> {
    const readings: CachedReading[] = [];
    for (const from of new Set(this.#options.paths)) readings.push(...(await this.#readPath(from)));
    return readings;
  }

  async #readPath(from: string): Promise<readonly CachedReading[]> {
    const files = await listManifestFiles(from);
    if (files.ok) return Promise.all(files.value.map((file) => this.#readFile(file)));
    // A directory that is away for a moment (a mount) takes nothing with it.
    const problem = files.error;
    const known = this.#readings.filter(({ file }) => file === from || path.dirname(file) === from);
    const hash = `unreadable ${problem.code}`;
    const kept = known
      .filter(({ file }) => file !== from)
      .map(({ file }) => ({ ...brokenStream([]), file, hash }));
    return [{ ...brokenStream([problem]), file: from, hash }, ...kept];
  }

  async #readFile(file: string): Promise<CachedReading> {
    const text = await readManifestFile(file);
    if (!text.ok) {
      return { ...brokenStream([text.error]), file, hash: `unreadable ${text.error.code}` };
    }
    const hash = hashOf(text.value);
    const known = this.#readings.find((reading) => reading.file === file && reading.hash === hash);
    return known ?? { ...parseManifestStream(text.value, file, this.#options), file, hash };
  }
}
