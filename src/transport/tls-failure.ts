// TLS failure: a handshake's error in a sentence that says which name, date or authority was wrong.
import type { PeerCertificate } from 'node:tls';

const UNKNOWN_AUTHORITY = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_UNTRUSTED',
]);

function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'object' ? value[0] : value;
}

function day(text: string | undefined): string {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? 'at an unreadable date' : new Date(time).toISOString().slice(0, 10);
}

/** The names a certificate is for, the first three of them. */
function namesOf(certificate: PeerCertificate): string {
  const names = (certificate.subjectaltname ?? '')
    .split(/,\s*/u)
    .map((entry) => entry.replace(/^(?:DNS|IP Address):/u, ''))
    .filter((name) => name !== '');
  if (names.length === 0) return first(certificate.subject?.CN) ?? 'no name';
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
}

function issuerOf(certificate: PeerCertificate): string {
  return first(certificate.issuer?.CN) ?? first(certificate.issuer?.O) ?? 'without a name';
}

/**
 * What went wrong with the certificate that `hostname` showed, or undefined when the error is not about a certificate.
 * `certificate` is undefined when the handshake did not get that far.
 */
export function printCertificateFailure(
  error: NodeJS.ErrnoException,
  hostname: string,
  certificate: PeerCertificate | undefined,
): string | undefined {
  const code = error.code ?? '';
  if (certificate === undefined || Object.keys(certificate).length === 0) return undefined;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `certificate is for ${namesOf(certificate)}, not ${hostname}`;
  if (code === 'CERT_HAS_EXPIRED') return `certificate expired ${day(certificate.valid_to)}`;
  if (code === 'CERT_NOT_YET_VALID') return `certificate is not valid before ${day(certificate.valid_from)}`;
  if (UNKNOWN_AUTHORITY.has(code))
    return `certificate signed by an unknown authority (issuer ${issuerOf(certificate)})`;
  return undefined;
}
