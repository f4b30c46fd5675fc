// Check plan: which credentials of derived pull secrets are to be tried at which mirror, and by which question.
import type { Credential } from './credential.ts';
import { printEndpoint } from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';
import { Keyring } from './keyring.ts';
import type { ManifestQuestion } from './manifest-question.ts';
import type { MirrorSet } from './mirror-set.ts';
import type { PullSecretEntry } from './pull-secret.ts';
import type { Fingerprint } from './question.ts';
import {
  coversReference,
  manifestReference,
  mapReference,
  parseReference,
  printPrefix,
  repositoryName,
} from './reference.ts';
import type { ImageReference } from './reference.ts';

/** A derived pull secret that a mirror set wants in a namespace, as it is there now. */
export interface CheckSubject {
  readonly set: MirrorSet;
  readonly namespace: string;
  readonly secret: {
    readonly name: string;
    readonly uid: string;
    readonly entries: readonly PullSecretEntry[];
  };
  /** What the pods of that namespace use; images that are not the set's are passed over. */
  readonly images: readonly string[];
}

/** Where a credential is relied upon. */
export interface CheckUse {
  readonly set: string;
  readonly namespace: string;
  readonly secret: string;
  readonly uid: string;
}

/** One credential at one mirror, however many namespaces have it. */
export interface CredentialCheck {
  /** Endpoint and fingerprint of the credential; nothing secret. */
  readonly key: string;
  /** What registries count failed logins by: endpoint and user name. */
  readonly account: string;
  /** `host[:port][/path]` of the mirror. */
  readonly endpoint: string;
  readonly question: ManifestQuestion;
  /** At least one. */
  readonly uses: readonly CheckUse[];
}

/** As with pods: more matching credentials than this are not tried for one image. */
const MAX_CREDENTIALS = 4;
/** Looked through for an image that a credential is for. */
const MAX_IMAGES = 200;

/** A way to try a credential. */
interface Trial {
  readonly endpoint: Endpoint;
  readonly reference: ImageReference;
  readonly credential: Credential;
}

/** The reference at the mirror, also of a pod that is there already. */
function referenceAt(
  reference: ImageReference,
  set: MirrorSet,
  endpoint: Endpoint,
): ImageReference | undefined {
  const mapped = mapReference(reference, set.prefix, endpoint);
  if (mapped !== undefined) return mapped;
  return coversReference({ host: endpoint.host, path: endpoint.path }, reference) ? reference : undefined;
}

/** Parses each image once for all namespaces: they are much alike. */
type ParseImage = (image: string) => ImageReference | undefined;

function memoiseParsing(): ParseImage {
  const known = new Map<string, ImageReference | undefined>();
  return (image) => {
    if (known.has(image)) return known.get(image);
    const parsed = parseReference(image);
    const reference = parsed.ok ? parsed.value : undefined;
    known.set(image, reference);
    return reference;
  };
}

/** What may be asked for: the canary, which everybody may read, then images in an order that does not depend on the pods'. */
function* imagesToAskFor({ set, images }: CheckSubject): Generator<string> {
  const { canary, prefix } = set;
  if (canary !== undefined) yield `${printPrefix(prefix)}/${canary.repository}:${canary.tag}`;
  yield* [...new Set(images)].sort().slice(0, MAX_IMAGES);
}

/** Fingerprints of what could match at this mirror at all. Derived keys begin with the host; people write what they like. */
function printsFor(endpoint: Endpoint, subject: CheckSubject, fingerprint: Fingerprint): ReadonlySet<string> {
  const entries = subject.secret.entries.filter(
    ({ key, credential }) => (key.includes(endpoint.host) || key.includes('*')) && !credential.isEmpty(),
  );
  return new Set(entries.map(({ credential }) => fingerprint(credential)));
}

interface TrialTools {
  readonly fingerprint: Fingerprint;
  readonly parse: ParseImage;
}

/** For each credential that some image would be pulled with at this mirror, the first such image. */
function trialsAt(
  endpoint: Endpoint,
  subject: CheckSubject,
  keyring: Keyring,
  { fingerprint, parse }: TrialTools,
): ReadonlyMap<string, Trial> {
  const trials = new Map<string, Trial>();
  const wanted = printsFor(endpoint, subject, fingerprint);
  if (wanted.size === 0) return trials;
  for (const image of imagesToAskFor(subject)) {
    const asked = parse(image);
    const reference = asked && referenceAt(asked, subject.set, endpoint);
    if (reference === undefined) continue;
    for (const { credential } of keyring.lookup(repositoryName(reference)).slice(0, MAX_CREDENTIALS)) {
      const print = fingerprint(credential);
      if (!credential.isEmpty() && !trials.has(print)) trials.set(print, { endpoint, reference, credential });
    }
    if (trials.size >= wanted.size) break;
  }
  return trials;
}

function questionOf({ endpoint, reference, credential }: Trial, fingerprint: string): ManifestQuestion {
  return {
    endpoint,
    repository: reference.path,
    reference: manifestReference(reference),
    credential,
    fingerprint,
  };
}

/** In an order of their own, so that the plan is the same whatever the order they come in. */
function inOrder(subjects: readonly CheckSubject[]): readonly CheckSubject[] {
  return subjects
    .map((subject) => ({
      subject,
      name: [subject.set.name, subject.namespace, subject.secret.name].join('\n'),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ subject }) => subject);
}

/**
 * Each distinct credential at each mirror once. The order of the subjects does not matter. A credential without any image that
 * is known to be pulled with it cannot be tried, and is not there.
 */
export function planChecks(
  subjects: readonly CheckSubject[],
  fingerprint: Fingerprint,
): readonly CredentialCheck[] {
  const checks = new Map<string, CredentialCheck & { readonly uses: CheckUse[] }>();
  const tools = { fingerprint, parse: memoiseParsing() };
  for (const subject of inOrder(subjects)) {
    const keyring = new Keyring([subject.secret]);
    const { set, namespace, secret } = subject;
    const use = { set: set.name, namespace, secret: secret.name, uid: secret.uid };
    for (const { source, endpoint } of set.mirrors) {
      if (source !== 'SameAsUpstream' && source !== 'Secret') continue;
      for (const [print, trial] of trialsAt(endpoint, subject, keyring, tools)) {
        const key = `${endpoint.key}/${endpoint.path}#${print}`;
        const check = checks.get(key) ?? {
          key,
          account: `${endpoint.key} ${trial.credential.username}`,
          endpoint: printEndpoint(endpoint),
          question: questionOf(trial, print),
          uses: [],
        };
        checks.set(key, check);
        check.uses.push(use);
      }
    }
  }
  return [...checks.values()];
}
