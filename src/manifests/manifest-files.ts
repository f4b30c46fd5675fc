// Manifest files: which files a path stands for, and their text within bounds.
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Problem } from '../domain/problem.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';

/** A ConfigMap or Secret cannot be above 1 MiB, so this is an export of many objects; above it, it is a mistake. */
export const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** In one directory. */
const MAX_FILES = 1000;

const MANIFEST = /\.(?:yaml|yml|json)$/i;

function problem(where: string, code: string, message: string, fix: string): Problem {
  return { path: where, code, message, fix };
}

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown error';
}

function unreadable(where: string, error: unknown): Problem {
  const code = codeOf(error);
  if (code === 'ENOENT')
    return problem(where, 'ManifestsMissing', 'there is no such file or directory', 'Correct the path');
  const fix = 'Let the user that this program runs as read it';
  return problem(where, 'ManifestsUnreadable', `it cannot be read (${code})`, fix);
}

/**
 * The manifest files behind a path: the file itself, or a directory's `*.yaml`, `*.yml` and `*.json`, sorted, without its
 * sub-directories and hidden names (a mounted ConfigMap keeps its versions in those).
 */
export async function listManifestFiles(from: string): Promise<Result<readonly string[], Problem>> {
  try {
    if (!(await stat(from)).isDirectory()) return ok([from]);
    const names = (await readdir(from)).filter((name) => MANIFEST.test(name) && !name.startsWith('.'));
    if (names.length <= MAX_FILES) return ok(names.sort().map((name) => path.join(from, name)));
    const message = `there are ${names.length} files, ${MAX_FILES} are allowed`;
    return err(problem(from, 'TooManyFiles', message, 'Put several objects into one file, separated by ---'));
  } catch (error) {
    return err(unreadable(from, error));
  }
}

/** Reads one byte beyond the bound at most, whatever the size was a moment ago. */
async function readBytes(file: string): Promise<Uint8Array | undefined> {
  // To open a pipe would wait for its writer.
  if (!(await stat(file)).isFile()) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of createReadStream(file, { end: MAX_FILE_BYTES })) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

/** Decodes UTF-8; a byte order mark is dropped. */
function decodeManifest(bytes: Uint8Array, file: string): Result<string, Problem> {
  if (bytes.length > MAX_FILE_BYTES) {
    const message = `the file is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB`;
    return err(problem(file, 'FileTooLarge', message, 'Split it into several files'));
  }
  try {
    return ok(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return err(problem(file, 'InvalidEncoding', 'the file is not UTF-8', 'Save it as UTF-8'));
  }
}

/** The text of a file, at most {@link MAX_FILE_BYTES}. */
export async function readManifestFile(file: string): Promise<Result<string, Problem>> {
  try {
    const bytes = await readBytes(file);
    if (bytes !== undefined) return decodeManifest(bytes, file);
    return err(problem(file, 'ManifestsUnreadable', 'it is no ordinary file', 'Name a file or a directory'));
  } catch (error) {
    return err(unreadable(file, error));
  }
}
