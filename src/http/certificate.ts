// Certificate: the serving certificate from files, swapped without a restart when the files change.
import { X509Certificate } from 'node:crypto';
import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';

export interface CertificateFiles {
  readonly certPath: string;
  readonly keyPath: string;
}

export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly expires: Date;
}

export interface CertificateEvents {
  readonly onChange: (certificate: Certificate) => void;
  /** The files are there but cannot be used; the last good certificate stays. */
  readonly onProblem: (message: string) => void;
}

/** Notifications get lost (network file systems, replaced directories), so the files are also read this often. */
const POLL_MS = 10_000;
/** A mounted Secret is swapped by several renames; the pair is read once they have settled. */
const SETTLE_MS = 50;

/** Reads and checks a pair. Throws an Error that names the file and what is wrong. */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const [cert, key] = await Promise.all([readFile(files.certPath, 'utf8'), readFile(files.keyPath, 'utf8')]);
  try {
    // Refuses a key that does not belong to the certificate, half-written PEM, and unknown formats.
    createSecureContext({ cert, key });
    return { cert, key, expires: new Date(new X509Certificate(cert).validTo) };
  } catch (error) {
    throw new Error(
      `${files.certPath} and ${files.keyPath} are no usable certificate and key: ${(error as Error).message}`,
      { cause: error },
    );
  }
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
