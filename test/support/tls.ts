// Test CA: certificates made when the tests run and never written to the repository.
import 'reflect-metadata';
import { createHash, type webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import type { TrustAnchor } from '../../src/domain/endpoint.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

export interface KeyAndCertificate {
  readonly keyPem: string;
  readonly certPem: string;
}

export interface CertificateRequest {
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

function pem(label: string, bytes: ArrayBuffer): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/gu) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

function validity(request: Pick<CertificateRequest, 'notBefore' | 'notAfter'>): {
  notBefore: Date;
  notAfter: Date;
} {
  return {
    notBefore: request.notBefore ?? new Date(Date.now() - DAY_MS),
    notAfter: request.notAfter ?? new Date(Date.now() + DAY_MS),
  };
}

/** A certificate authority of the tests. */
export class TestCa {
  readonly pem: string;
  /** The CA in the form that endpoints carry it. */
  readonly trust: TrustAnchor;
  readonly #certificate: x509.X509Certificate;
  readonly #keys: webcrypto.CryptoKeyPair;

  private constructor(certificate: x509.X509Certificate, keys: webcrypto.CryptoKeyPair) {
    this.#certificate = certificate;
    this.#keys = keys;
    this.pem = `${certificate.toString('pem')}\n`;
    this.trust = { pem: this.pem, sha256: createHash('sha256').update(this.pem).digest('hex') };
  }

  static async create(name = 'Test CA'): Promise<TestCa> {
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      keys,
      signingAlgorithm: ALGORITHM,
      ...validity({ notBefore: new Date(Date.now() - 1000 * DAY_MS) }),
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new TestCa(certificate, keys);
  }

  /** A serving certificate. */
  async issue(request: CertificateRequest): Promise<KeyAndCertificate> {
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${request.names[0] ?? 'nobody'}`,
      issuer: this.#certificate.subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      ...validity(request),
      extensions: [
        new x509.SubjectAlternativeNameExtension(
          request.names.map((value) => ({
            type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const),
            value,
          })),
        ),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        await x509.AuthorityKeyIdentifierExtension.create(this.#keys.publicKey),
      ],
    });
    return {
      keyPem: pem('PRIVATE KEY', await crypto.subtle.exportKey('pkcs8', keys.privateKey)),
      certPem: `${certificate.toString('pem')}\n`,
    };
  }

  /** A serving certificate that ended on 2026-01-02. */
  issueExpired(names: readonly string[]): Promise<KeyAndCertificate> {
    return this.issue({ names, notBefore: new Date('2025-01-01'), notAfter: new Date('2026-01-02') });
  }
}

let shared: Promise<TestCa> | undefined;

/** The one CA of this test process. */
export function testCa(): Promise<TestCa> {
  shared ??= TestCa.create('registry-failover test CA');
  return shared;
}
