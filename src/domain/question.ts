// Question: what a registry is asked about one candidate, with the credentials the kubelet would show there.
import type { Credential } from './credential.ts';
import type { Endpoint } from './endpoint.ts';
import type { Keyring } from './keyring.ts';
import type { Candidate } from './plan.ts';
import { manifestReference, repositoryName } from './reference.ts';

/**
 * More matching credentials than this are not tried: each wrong one is a failed login at a registry that may lock the
 * account (runtime facts, consequence 5).
 */
const MAX_CREDENTIALS = 4;

export interface QuestionCredential {
  /** undefined: anonymous. */
  readonly credential: Credential | undefined;
  /** HMAC of the credential; '' for anonymous. Safe to use in keys. */
  readonly fingerprint: string;
  /** Name of the pull secret it stands in; undefined for anonymous. */
  readonly secret: string | undefined;
  /** Key of the fact (question + fingerprint). */
  readonly factKey: string;
  /** Key of the throttling memory (endpoint + fingerprint). */
  readonly throttleKey: string;
}

export interface Question {
  /** Endpoint identity, repository and reference; no credential. */
  readonly id: string;
  readonly endpoint: Endpoint;
  /** Full repository path at the endpoint. */
  readonly repository: string;
  /** Tag or digest. */
  readonly reference: string;
  /** In the kubelet's order, without duplicates; at least one (anonymous when none matches). */
  readonly credentials: readonly QuestionCredential[];
}

/** Opaque, keyed hash of a credential; made outside because it needs cryptography. */
export type Fingerprint = (credential: Credential | undefined) => string;

function questionCredential(
  id: string,
  endpoint: Endpoint,
  fingerprint: string,
  match: { readonly credential: Credential; readonly secretName: string } | undefined,
): QuestionCredential {
  return {
    credential: match?.credential,
    fingerprint,
    secret: match?.secretName,
    factKey: `${id}#${fingerprint}`,
    throttleKey: `${endpoint.key}#${fingerprint}`,
  };
}

/**
 * The question about a candidate. Credentials are those of the keyring that match the candidate's name, in the
 * kubelet's order (pkg/credentialprovider/keyring.go); there is no final anonymous try when one matches
 * (pkg/kubelet/kuberuntime/kuberuntime_image.go).
 */
export function questionFor(candidate: Candidate, keyring: Keyring, fingerprint: Fingerprint): Question {
  const { endpoint, reference } = candidate;
  const wanted = manifestReference(reference);
  const id = `${endpoint.key}/${reference.path}@${wanted}`;
  const seen = new Set<string>();
  const credentials: QuestionCredential[] = [];
  for (const match of keyring.lookup(repositoryName(reference))) {
    const print = fingerprint(match.credential);
    if (seen.has(print) || credentials.length === MAX_CREDENTIALS) continue;
    seen.add(print);
    credentials.push(questionCredential(id, endpoint, print, match));
  }
  if (credentials.length === 0) credentials.push(questionCredential(id, endpoint, '', undefined));
  return { id, endpoint, repository: reference.path, reference: wanted, credentials };
}
