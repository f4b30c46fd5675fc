// Certificate: the serving certificate from files, swapped without a restart when the files change.
import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf, parseCertificate } from './certificate-pair.ts';
import type { Certificate, CertificateEvents } from './certificate-pair.ts';

export interface CertificateFiles {
  readonly certPath: string;
  readonly keyPath: string;
}

/** Notifications get lost (network file systems, replaced directories), so the files are also read this often. */
const POLL_MS = 10_000;
/** A mounted Secret is swapped by several renames; the pair is read once they have settled. */
const SETTLE_MS = 50;

async function readText(flag: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = codeOf(error);
    const message =
      code === 'ENOENT'
        ? `there is no file ${file}. Give one, or make one: npm run certs`
        : `${file} cannot be read (${code}). Let the user that this program runs as read it.`;
    throw new Error(`${flag}: ${message}`, { cause: error });
  }
}

function unusable({ certPath, keyPath }: CertificateFiles, reason: string): Error {
  return new Error(
    `--tls-cert, --tls-key: ${certPath} and ${keyPath} are no usable certificate and key: ${reason}. Give a pair in PEM, or make one: npm run certs`,
  );
}

/** Reads and checks a pair. Throws an Error that names the flag, the file, what is wrong and what to do. */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  // One after the other: with both files away it must not be chance which of them is named.
  const cert = await readText('--tls-cert', files.certPath);
  const key = await readText('--tls-key', files.keyPath);
  const pair = parseCertificate(cert, key);
  if (!pair.ok) throw unusable(files, pair.error);
  return pair.value;
}

/** Watches a pair of files by notification and by poll. */
export class CertificateWatch {
  readonly #files: CertificateFiles;
  readonly #events: CertificateEvents;
  #current: Certificate;
  #problem = '';
  #timer: NodeJS.Timeout | undefined;
  readonly #poll: NodeJS.Timeout;
  #watcher: FSWatcher | undefined;

  constructor(files: CertificateFiles, first: Certificate, events: CertificateEvents) {
    this.#files = files;
    this.#current = first;
    this.#events = events;
    this.#poll = setInterval(() => void this.check(), POLL_MS);
    this.#poll.unref();
    this.#notify();
  }

  #notify(): void {
    try {
      // The directory, not the file: a mounted Secret replaces a symlink beside it, and the file's own watch would die.
      this.#watcher = watch(dirname(this.#files.certPath), { persistent: false }, () => {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => void this.check(), SETTLE_MS);
      });
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // The poll goes on alone.
    }
  }

  /** Reads the files now, and tells of a change. */
  async check(): Promise<void> {
    try {
      const found = await readCertificate(this.#files);
      this.#problem = '';
      if (found.cert === this.#current.cert && found.key === this.#current.key) return;
      this.#current = found;
      this.#events.onChange(found);
    } catch (error) {
      const message = (error as Error).message;
      if (message === this.#problem) return;
      this.#problem = message;
      this.#events.onProblem(message);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#poll);
    this.#watcher?.close();
  }
}
