// Issues X.509 certificates: a CA of our own, and serving certificates under it. ECDSA P-256 throughout.
// Must be loaded before @peculiar/x509, which throws at import without it.
import 'reflect-metadata';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

/** A certificate and its private key, both PEM (the key PKCS #8). The key is a secret: never log this. */
export interface CertificateAndKey {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** From when to when a certificate holds. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export interface CaRequest {
  /** Common name, shown by those who refuse the CA. */
  readonly name: string;
  readonly validity: Validity;
}

export interface ServingRequest {
  /** DNS names (a leading `*.` is fine) and IP addresses that clients may dial. At least one; names are looked for here only. */
  readonly names: readonly string[];
  readonly validity: Validity;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;
/** Clocks of nodes are not ours: a certificate holds from a little before it was made. */
const clockSkewMs = 3_600_000;

/** A validity of so many days from `now` on, and of one more hour before it for clocks that are behind. */
export function validFor(days: number, now: Date): Validity {
  return {
    notBefore: new Date(now.getTime() - clockSkewMs),
    notAfter: new Date(now.getTime() + days * dayMs),
  };
}

/** Makes a self-signed CA that may sign servers' certificates and no further CA. */
export async function issueCa(request: CaRequest): Promise<CertificateAndKey> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ CN: [request.name] }],
    ...request.validity,
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return print(certificate, keys.privateKey);
}

/**
 * Makes a serving certificate under a CA. Throws when `names` is empty: a certificate without a subject alternative name
 * is refused by every client of today (the API server among them).
 */
export async function issueServing(
  ca: CertificateAndKey,
  request: ServingRequest,
): Promise<CertificateAndKey> {
  if (request.names.length === 0) throw new Error('a serving certificate needs at least one name');
  const issuer = new x509.X509Certificate(ca.certificatePem);
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    // A fixed subject: common names end at 64 characters, Service names do not.
    subject: [{ CN: ['registry-failover serving'] }],
    issuer: issuer.subjectName,
    ...request.validity,
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: await readKey(ca.keyPem),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(request.names.map(alternativeName)),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      // By key only: a CA that is renewed with its key must go on matching.
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return print(certificate, keys.privateKey);
}

function alternativeName(name: string): { type: 'ip' | 'dns'; value: string } {
  return { type: isIP(name) === 0 ? 'dns' : 'ip', value: name };
}

/** 127 random bits behind a zero bit: RFC 5280 4.1.2.2 wants a positive number of at most 20 bytes. */
function newSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function readKey(pem: string): Promise<CryptoKey> {
  return await crypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), algorithm, false, [
    'sign',
  ]);
}

async function print(certificate: x509.X509Certificate, key: CryptoKey): Promise<CertificateAndKey> {
  const bytes = await crypto.subtle.exportKey('pkcs8', key);
  return {
    certificatePem: `${certificate.toString('pem')}\n`,
    keyPem: `${x509.PemConverter.encode(bytes, 'PRIVATE KEY')}\n`,
  };
}
