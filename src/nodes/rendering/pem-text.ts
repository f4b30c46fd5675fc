// PEM text: CA certificates in the one form that every reader of PEM takes, and the name that a bundle's content gives it.
import { X509Certificate } from 'node:crypto';
import { parseCaBundle } from '../../domain/ca-bundle.ts';

const BLOCK = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/g;
const LINE = /.{1,64}/g;

/**
 * The certificates of a PEM text, each as text of its own, twice given once. White space that JavaScript passes over is
 * more than Go's reader does (RFC 7468 3), so every block is written anew in lines of 64. undefined: it holds none, or
 * something that is none.
 */
export function readCertificates(pem: string): readonly string[] | undefined {
  const bundle = parseCaBundle(pem);
  if (!bundle.ok) return undefined;
  const blocks = [...bundle.value.matchAll(BLOCK)].map(([, body = '']) => {
    const lines = body.replaceAll(/\s+/g, '').match(LINE) ?? [];
    return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
  });
  return [...new Set(blocks)];
}

const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;

/**
 * 16 hex digits: FNV-1a, 64 bits, of ASCII text. Tells contents apart so that a new one gets a new name; guards nothing,
 * since a file under a name is always written whole.
 */
export function nameOfContent(text: string): string {
  let hash = OFFSET;
  for (let index = 0; index < text.length; index += 1) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(index))) * PRIME);
  }
  return hash.toString(16).padStart(16, '0');
}

/**
 * Whether every certificate of a PEM text can be read, by node:crypto, which throws at what it cannot. Whoever writes a node's
 * data and whoever checks it must agree: one bundle that cannot be read costs all of the data.
 */
export function readsCertificates(pem: string): boolean {
  const certificates = readCertificates(pem) ?? [];
  try {
    return (
      certificates.length > 0 && certificates.every((block) => new X509Certificate(block).raw.length > 0)
    );
  } catch {
    return false;
  }
}
