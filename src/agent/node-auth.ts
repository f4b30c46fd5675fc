// Node auth: the credentials of NodeAuth mirrors, out of the mounted Secret. They go into files, never into words.
import { open } from 'node:fs/promises';
import type { Credential } from '../domain/credential.ts';
import { parseDockerConfigJson } from '../domain/docker-config.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { sha256Hex } from '../nodes/sha256.ts';

export interface NodeAuth {
  /** By endpoint text, as in a source. */
  readonly credentials: ReadonlyMap<string, Credential>;
  /** SHA-256 of the file; '' without one. Tells that the credentials have changed without holding them. */
  readonly fingerprint: string;
}

export const NO_NODE_AUTH: NodeAuth = { credentials: new Map(), fingerprint: '' };

/** A Secret ends at 1 MiB. */
const MAX_BYTES = 1024 * 1024;

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

async function readBounded(path: string): Promise<string | undefined> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(MAX_BYTES + 1) });
    return bytesRead > MAX_BYTES ? undefined : buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

function parseNodeAuth(text: string): Result<NodeAuth, string> {
  const parsed = parseDockerConfigJson(text);
  if (!parsed.ok) {
    const [problem] = parsed.error;
    return err(`the NodeAuth secret cannot be used: ${problem?.path ?? ''} ${problem?.message ?? ''}`);
  }
  const credentials = new Map<string, Credential>();
  for (const { key, credential } of parsed.value) if (!credential.isEmpty()) credentials.set(key, credential);
  return ok({ credentials, fingerprint: sha256Hex(text) });
}

/**
 * Reads the file anew. No file is no credential; a file that cannot be used is an error, so that credentials that are on
 * the node are not taken away because of it.
 */
export async function readNodeAuth(path: string | undefined): Promise<Result<NodeAuth, string>> {
  if (path === undefined) return ok(NO_NODE_AUTH);
  try {
    const text = await readBounded(path);
    return text === undefined ? err('the NodeAuth secret is larger than 1 MiB') : parseNodeAuth(text);
  } catch (error) {
    if (isAbsent(error)) return ok(NO_NODE_AUTH);
    return err(
      `the NodeAuth secret cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
