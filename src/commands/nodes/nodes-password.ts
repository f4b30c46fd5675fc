// Nodes password: the password for sudo, from the terminal without showing it, or from a file; never from an argument.
import { open } from 'node:fs/promises';
import type { ReadStream } from 'node:tty';
import { Credential } from '../../domain/credential.ts';
import type { Problem } from '../../domain/problem.ts';
import { err, ok } from '../../domain/result.ts';
import type { Result } from '../../domain/result.ts';

/** Longer than any password; a file that is longer is another file. */
const MAX_BYTES = 4_096;

function problem(path: string, message: string, fix: string): Problem {
  return { path, code: 'InvalidFlag', message, fix };
}

function asCredential(password: string): Credential {
  return new Credential({ username: 'sudo', password });
}

/** The first line of a file, or of a pipe (`/dev/stdin`). */
export async function readPasswordFile(path: string, flag: string): Promise<Result<Credential, Problem>> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, null);
    const line = buffer.subarray(0, bytesRead).toString('utf8').split(/\r?\n/, 1)[0] ?? '';
    if (line !== '') return ok(asCredential(line));
    return err(problem(flag, 'the file has nothing on its first line', 'Write the password there'));
  } catch (error) {
    const { code = 'unreadable' } = error as NodeJS.ErrnoException;
    return err(problem(flag, `the file cannot be read (${code})`, 'Name a file that you may read'));
  }
}

/** What a terminal in raw mode sends for Enter and Ctrl-D, for Ctrl-C, and for the key that rubs out. */
const ENTER: readonly string[] = ['\r', '\n', '\u0004'];
const INTERRUPT = '\u0003';
const RUB_OUT: readonly string[] = ['\u007f', '\b'];

/** What has been typed, with one more key: undefined when that was Ctrl-C. */
function typeKey(typed: string, key: string): string | undefined {
  if (key === INTERRUPT) return undefined;
  return RUB_OUT.includes(key) ? Array.from(typed).slice(0, -1).join('') : typed + key;
}

function readHidden(input: ReadStream): Promise<string | undefined> {
  return new Promise((resolve) => {
    let typed = '';
    const finish = (value: string | undefined): void => {
      input.off('data', hear);
      input.setRawMode(false);
      input.pause();
      process.stderr.write('\n');
      resolve(value);
    };
    const hear = (chunk: Buffer | string): void => {
      for (const key of chunk.toString('utf8')) {
        if (ENTER.includes(key)) return finish(typed);
        const next = typeKey(typed, key);
        if (next === undefined) return finish(undefined);
        typed = next;
      }
    };
    input.setRawMode(true);
    input.on('data', hear);
    input.resume();
  });
}

/** Asks once, for all nodes. */
export async function askPassword(flag: string): Promise<Result<Credential, Problem>> {
  if (!process.stdin.isTTY)
    return err(problem(flag, 'there is no terminal to ask at', 'Give --sudo-password-file instead'));
  process.stderr.write('Password for sudo on the nodes: ');
  const typed = await readHidden(process.stdin);
  if (typed === undefined || typed === '')
    return err(problem(flag, 'no password was typed', 'Run the command again'));
  return ok(asCredential(typed));
}
