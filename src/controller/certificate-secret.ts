// Certificate secret: what stands in the webhook's two Secrets, read with suspicion: people edit them, and writes are cut off.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { AuthorityFacts, DatedCertificate, ServingCertificate } from '../domain/certificate-plan.ts';
import { asObject, asString, own } from '../domain/json.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';
import type { KubeObject } from '../kubernetes/resource.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;
/** What OpenSSL calls P-256, the one curve that our issuer signs with. */
const CURVE = 'prime256v1';

interface ReadCertificate extends DatedCertificate {
  readonly x509: X509Certificate;
}

function textOf(secret: KubeObject | undefined, key: string): string {
  const encoded = asString(own(asObject(secret?.['data']), key)) ?? '';
  return Buffer.from(encoded, 'base64').toString('utf8');
}

/** The certificates of a PEM text that can be read; what else stands there is passed over. */
function readCertificates(text: string): readonly ReadCertificate[] {
  return [...text.matchAll(CERTIFICATE)].flatMap(([pem]) => {
    try {
      const x509 = new X509Certificate(pem);
      const [notBefore, notAfter] = [Date.parse(x509.validFrom), Date.parse(x509.validTo)];
      return [{ pem: `${pem.replaceAll('\r', '')}\n`, notBefore, notAfter, x509 }];
    } catch {
      return [];
    }
  });
}

function readKey(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}

function dated({ pem, notBefore, notAfter }: DatedCertificate): DatedCertificate {
  return { pem, notBefore, notAfter };
}

/** What is wrong with the two as something to sign with. */
function flawOfAuthority(certificate: ReadCertificate, key: KeyObject | undefined): string | undefined {
  if (!certificate.x509.ca) return 'ca.crt is no CA';
  if (key === undefined) return 'ca.key cannot be read';
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== CURVE) {
    return 'ca.key is no ECDSA key on P-256';
  }
  return certificate.x509.checkPrivateKey(key) ? undefined : 'ca.key does not belong to ca.crt';
}

/** Reads `ca.crt`, `ca.key` and `previous.crt`. */
export function readAuthority(secret: KubeObject | undefined): AuthorityFacts {
  const former = readCertificates(textOf(secret, 'previous.crt'))
    .filter(({ x509 }) => x509.ca)
    .map(dated);
  const [certificate] = readCertificates(textOf(secret, 'ca.crt'));
  if (secret === undefined || textOf(secret, 'ca.crt') === '')
    return { current: err('there is none'), former };
  if (certificate === undefined) return { current: err('ca.crt cannot be read'), former };
  const flaw = flawOfAuthority(certificate, readKey(textOf(secret, 'ca.key')));
  if (flaw === undefined) return { current: ok(dated(certificate)), former };
  // What it signed while it had a key may still be served.
  return { current: err(flaw), former: certificate.x509.ca ? [...former, dated(certificate)] : former };
}

/** The CA's key in the form that the issuer reads (PKCS #8), however it was written. Only for an authority that can sign. */
export function readAuthorityKey(secret: KubeObject): string {
  return createPrivateKey(textOf(secret, 'ca.key')).export({ type: 'pkcs8', format: 'pem' });
}

function isSignedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

/** `DNS:a.example, IP Address:127.0.0.1`. A name with a comma is none that we issued. */
function namesOf(certificate: X509Certificate): readonly string[] {
  return (certificate.subjectAltName ?? '')
    .split(', ')
    .filter((name) => name !== '')
    .map((name) => name.replace(/^(DNS|IP Address):/, ''));
}

/** Reads `tls.crt`, `tls.key` and `ca.crt`. The signer is looked for among these CAs and in the secret itself. */
export function readServing(
  secret: KubeObject | undefined,
  { current, former }: AuthorityFacts,
): Result<ServingCertificate, string> {
  // A chart may have laid the secret down empty, to own it.
  if (secret === undefined || textOf(secret, 'tls.crt') === '') return err('there is none');
  const [certificate] = readCertificates(textOf(secret, 'tls.crt'));
  if (certificate === undefined) return err('tls.crt cannot be read');
  const key = readKey(textOf(secret, 'tls.key'));
  if (key === undefined) return err('tls.key cannot be read');
  if (!certificate.x509.checkPrivateKey(key)) return err('tls.key does not belong to tls.crt');
  const known = [...(current.ok ? [current.value] : []), ...former].map(({ pem }) => pem);
  const signer = readCertificates([...known, textOf(secret, 'ca.crt')].join('\n')).find(
    ({ x509 }) => x509.ca && isSignedBy(certificate.x509, x509),
  );
  return ok({
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    names: namesOf(certificate.x509),
    signer: signer && dated(signer),
  });
}
