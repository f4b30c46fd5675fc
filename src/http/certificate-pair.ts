// Certificate pair: a serving certificate and its key, checked to be usable together before anything depends on them.
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';

export interface Certificate {
  /** PEM; the chain follows the certificate. */
  readonly cert: string;
  readonly key: string;
  readonly expires: Date;
}

/** What a source of certificates tells. */
export interface CertificateEvents {
  readonly onChange: (certificate: Certificate) => void;
  /** There is one that cannot be used; the last good one stays. */
  readonly onProblem: (message: string) => void;
}

/** What Node says when the two do not belong together. */
const NOT_A_PAIR = 'ERR_OSSL_X509_KEY_VALUES_MISMATCH';

/** The `code` of a Node error. */
export function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown error';
}

/** Checks a pair: a key of another certificate, half-written PEM and unknown formats are the error, with its reason. */
export function parseCertificate(cert: string, key: string): Result<Certificate, string> {
  // Node takes an empty text for none, and the server would have nothing to show.
  if (cert.trim() === '' || key.trim() === '')
    return err(`the ${cert.trim() === '' ? 'certificate' : 'key'} is empty`);
  try {
    createSecureContext({ cert, key });
    return ok({ cert, key, expires: new Date(new X509Certificate(cert).validTo) });
  } catch (error) {
    return err(
      codeOf(error) === NOT_A_PAIR ? 'the key belongs to another certificate' : (error as Error).message,
    );
  }
}
