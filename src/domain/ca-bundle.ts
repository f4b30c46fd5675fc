// CA bundle: PEM text that an operator gave, checked as far as bytes go and brought into one form.
import { decodeBase64 } from './base64.ts';
import { err, ok } from './result.ts';
import type { Result } from './result.ts';

/** Many times the certificates of any real bundle; a whole system's store has some hundred. */
const MAX_CERTIFICATES = 500;

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g;

/** Is it DER of one SEQUENCE, as long as it says? That is what every certificate is (X.690 8.1, RFC 5280 4.1). */
function isSequence(bytes: Uint8Array): boolean {
  const [tag, length] = bytes;
  if (tag !== 0x30 || length === undefined) return false;
  if (length < 0x80) return bytes.length === length + 2;
  const count = length - 0x80;
  if (count < 1 || count > 4) return false;
  const declared = bytes.subarray(2, 2 + count).reduce((sum, byte) => sum * 256 + byte, 0);
  return bytes.length === 2 + count + declared;
}

function isCertificate(body: string): boolean {
  const bytes = decodeBase64(body.replaceAll(/\s+/g, ''), 'padded');
  return bytes !== undefined && isSequence(bytes);
}

/** The fault as the end of a sentence that begins with the bundle: "holds no PEM certificate". Never any of its text. */
export type CaBundleFault = string;

/**
 * Gives the certificates alone, in order, each block as it stands: comments and white space around them are no part of the
 * trust, so that they do not change its hash. Whether a certificate is a CA's, and in date, is found at the handshake.
 */
export function parseCaBundle(text: string): Result<string, CaBundleFault> {
  const blocks = [...text.matchAll(BLOCK)];
  if (blocks.some(([, label]) => label?.includes('PRIVATE KEY')))
    return err('holds a private key, which must not be there');
  const certificates = blocks.filter(([, label]) => label === 'CERTIFICATE');
  const begun = text.split('-----BEGIN CERTIFICATE-----').length - 1;
  if (begun === 0) return err('holds no PEM certificate');
  if (certificates.length > MAX_CERTIFICATES) return err(`holds more than ${MAX_CERTIFICATES} certificates`);
  const broken = certificates.findIndex(([, , body]) => !isCertificate(body ?? ''));
  if (broken !== -1) return err(`holds a certificate (number ${broken + 1}) that cannot be decoded`);
  if (certificates.length !== begun) return err('holds a certificate that is cut off');
  return ok(certificates.map(([block]) => `${block.replaceAll('\r\n', '\n')}\n`).join(''));
}
