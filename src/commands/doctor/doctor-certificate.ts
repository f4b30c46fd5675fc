// Doctor certificate: what the webhook's serving certificate and the CAs of caBundle say, by Node's own reading of X.509.
import { X509Certificate } from 'node:crypto';
import { decodeBase64, decodeUtf8 } from '../../domain/base64.ts';
import { asObject, asString, own } from '../../domain/json.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { Fetched } from '../../explain/doctor/doctor-check.ts';
import type { ServingFacts } from '../../explain/doctor/doctor-webhook.ts';
import { parseCertificate } from '../../http/certificate-pair.ts';

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

function textIn(object: JsonObject | undefined, key: string): string {
  const bytes = decodeBase64(asString(own(object, key)) ?? '', 'padded');
  return bytes === undefined ? '' : decodeUtf8(bytes);
}

/** Certificates of a bundle; undefined when there is none, or one cannot be read. */
function readBundle(pem: string): readonly X509Certificate[] | undefined {
  try {
    const all = (pem.match(BLOCK) ?? []).map((block) => new X509Certificate(block));
    return all.length === 0 ? undefined : all;
  } catch {
    return undefined;
  }
}

/** The CAs of a webhook's caBundle. */
export function readCaBundle(webhook: JsonObject | undefined): readonly X509Certificate[] | undefined {
  return readBundle(textIn(asObject(own(webhook, 'clientConfig')), 'caBundle'));
}

export function endsOf(certificate: X509Certificate): number {
  return Date.parse(certificate.validTo);
}

/** Is there a way from the certificate to a CA of the bundle, over what the Secret brings along? */
function isSigned(chain: readonly X509Certificate[], bundle: readonly X509Certificate[]): boolean {
  let current = chain[0];
  for (let steps = 0; current !== undefined && steps < chain.length; steps += 1) {
    const link: X509Certificate = current;
    const signs = (ca: X509Certificate): boolean => link.checkIssued(ca) && link.verify(ca.publicKey);
    if (bundle.some((ca) => signs(ca) || ca.fingerprint256 === link.fingerprint256)) return true;
    current = chain.find((ca) => ca !== link && signs(ca));
  }
  return false;
}

function namesOf({ subjectAltName }: X509Certificate): readonly string[] {
  const names = (subjectAltName ?? '').split(', ').map((name) => name.replace(/^DNS:/, ''));
  return names.filter((name) => name !== '');
}

/** Reads the Secret of type kubernetes.io/tls. Nothing of its key comes out. */
export function readServing(
  secret: Fetched<JsonObject>,
  bundle: readonly X509Certificate[] | undefined,
): Fetched<ServingFacts | { readonly error: string }> {
  if (secret.state !== 'found') return secret;
  const data = asObject(own(secret.value, 'data'));
  const pem = textIn(data, 'tls.crt');
  const pair = parseCertificate(pem, textIn(data, 'tls.key'));
  if (!pair.ok) return { state: 'found', value: { error: pair.error } };
  const chain = readBundle(pem) ?? [];
  const [leaf] = chain;
  if (leaf === undefined) return { state: 'found', value: { error: 'it holds no certificate' } };
  return {
    state: 'found',
    value: {
      notBefore: Date.parse(leaf.validFrom),
      notAfter: endsOf(leaf),
      names: namesOf(leaf),
      isSignedByBundle: isSigned(chain, bundle ?? []),
    },
  };
}
