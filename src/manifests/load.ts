// Load: manifests read once, for commands: everything valid, or all that is wrong.
import type { ClusterObjects } from '../domain/cluster-objects.ts';
import type { Problem } from '../domain/problem.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';
import { collectObjects } from './manifest-entry.ts';
import type { ManifestOptions } from './manifest-entry.ts';
import { listManifestFiles, readManifestFile } from './manifest-files.ts';
import { NO_MANIFESTS, nextState } from './manifest-state.ts';
import type { FileReading } from './manifest-state.ts';
import { brokenStream, parseManifestStream } from './manifest-stream.ts';

export interface LoadOptions extends ManifestOptions {
  /** The text that the path `-` stands for. */
  readonly stdin?: string | undefined;
}

/** What was read, and what was passed over. */
export type LoadedManifests = ClusterObjects & {
  /** Objects of kinds that are nothing to us, as `file.yaml: apps/v1 Deployment web`. */
  readonly ignored: readonly string[];
};

/** A file that cannot be read is a broken one. */
async function readOne(file: string, options: ManifestOptions): Promise<FileReading> {
  const text = await readManifestFile(file);
  const reading = text.ok ? parseManifestStream(text.value, file, options) : brokenStream([text.error]);
  return { ...reading, file };
}

async function readPath(path: string, options: LoadOptions): Promise<readonly FileReading[]> {
  if (path === '-') return [{ ...parseManifestStream(options.stdin ?? '', 'stdin', options), file: path }];
  const files = await listManifestFiles(path);
  if (!files.ok) return [{ ...brokenStream([files.error]), file: path }];
  return Promise.all(files.value.map((file) => readOne(file, options)));
}

/**
 * Reads manifests from directories (`*.yaml`, `*.yml`, `*.json`, not recursive), files, and `-`. One thing wrong anywhere,
 * and all problems are the answer: a command that went on with a part would answer another question.
 */
export async function loadManifests(
  paths: readonly string[],
  options: LoadOptions,
): Promise<Result<LoadedManifests, readonly Problem[]>> {
  const readings: FileReading[] = [];
  for (const path of new Set(paths)) readings.push(...(await readPath(path, options)));
  const { entries, problems } = nextState(NO_MANIFESTS, readings);
  if (problems.length > 0) return err(problems);
  return ok({ ...collectObjects(entries), ignored: readings.flatMap((reading) => reading.ignored) });
}
