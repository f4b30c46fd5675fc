// Fingerprint: a keyed hash that stands for a credential in cache keys. The key dies with the process.
import { createHmac, randomBytes } from 'node:crypto';
import type { Credential } from '../domain/credential.ts';

/** Makes fingerprints; equal credentials (user name and password) have equal ones within one process. */
export class Fingerprinter {
  readonly #key = randomBytes(32);
  readonly #known = new WeakMap<Credential, string>();

  /** 22 characters; '' for anonymous. */
  of(credential: Credential | undefined): string {
    if (credential === undefined) return '';
    const known = this.#known.get(credential);
    if (known !== undefined) return known;
    const print = createHmac('sha256', this.#key).update(credential.basic()).digest('base64url').slice(0, 22);
    this.#known.set(credential, print);
    return print;
  }
}
