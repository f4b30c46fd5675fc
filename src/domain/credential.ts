// Credential: a user name and password for a registry that cannot be printed by accident.
import { encodeBase64 } from './base64.ts';

const REDACTED = '[redacted]';
/** Node prints an object by this method; a registered symbol, so that domain code needs no node:util. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** Opaque by type: every way of printing it gives `[redacted]`; the secret comes out by a method call only. */
export class Credential {
  readonly username: string;
  /** undefined when there is none; '' is none too. */
  readonly email: string | undefined;
  readonly #password: string;

  constructor(parts: {
    readonly username: string;
    readonly password: string;
    readonly email?: string | undefined;
  }) {
    this.username = parts.username;
    this.email = parts.email === '' ? undefined : parts.email;
    this.#password = parts.password;
  }

  password(): string {
    return this.#password;
  }

  /** The value of an `Authorization: Basic` header (RFC 7617), without the word Basic: base64 of UTF-8 `user:password`. */
  basic(): string {
    return encodeBase64(`${this.username}:${this.#password}`);
  }

  /**
   * Neither user nor password: what the kubelet makes of an entry that has an identity token, or nothing. It matches
   * like any other, but is no way in.
   */
  isEmpty(): boolean {
    return this.username === '' && this.#password === '';
  }

  /** The same to the kubelet: user, password and email, the parts it hashes (keyring.go hashAuthConfig). */
  equals(other: Credential): boolean {
    return (
      this.username === other.username && this.#password === other.#password && this.email === other.email
    );
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [INSPECT](): string {
    return REDACTED;
  }
}
