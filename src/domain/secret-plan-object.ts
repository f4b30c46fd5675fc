// The derived pull secret as an object of the API: its labels, the annotations that say what it is, and its stable bytes.
import { encodeBase64 } from './base64.ts';
import { isDerivedName } from './derived-secret.ts';
import { ABOUT_ANNOTATION } from './installation-names.ts';
import type { Labels } from './label-selector.ts';
import { DOCKER_CONFIG_JSON, printDockerConfigJson } from './pull-secret.ts';
import type { PullSecretEntry } from './pull-secret.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from './rights.ts';

/** On every derived secret, and on nothing else; the admission policy bounds our rights to it. */
export const DERIVED_LABEL = 'registry-failover.io/derived';

export const SECRET_TYPE = DOCKER_CONFIG_JSON.type;
export const DATA_KEY = DOCKER_CONFIG_JSON.dataKey;

const ANNOTATIONS = {
  source: 'registry-failover.io/source',
  sourceUid: 'registry-failover.io/source-uid',
  set: 'registry-failover.io/mirror-set',
  about: ABOUT_ANNOTATION,
} as const;

/** What a derived secret is made from. */
export type SecretOrigin =
  | { readonly kind: 'source'; readonly name: string; readonly uid: string }
  | { readonly kind: 'set'; readonly name: string };

/** A derived secret as it should be. Its passwords cannot be printed by accident; {@link printDerivedSecret} gives the object. */
export interface WantedSecret {
  readonly name: string;
  /** Each key once. */
  readonly entries: readonly PullSecretEntry[];
  /** undefined: nobody knows any more, somebody has taken the annotations off. */
  readonly origin: SecretOrigin | undefined;
}

/** v1 Secret, as we apply it. Holds passwords: only for the API server. */
export interface DerivedObject {
  readonly apiVersion: 'v1';
  readonly kind: 'Secret';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly type: typeof SECRET_TYPE;
  readonly data: Readonly<Record<typeof DATA_KEY, string>>;
}

const LABELS = { [MANAGED_BY_LABEL]: MANAGED_BY, [DERIVED_LABEL]: 'true' };

const WHAT_EDITS_DO = 'It is inert until an image names a mirror, kept up to date, and edits are undone';

function annotationsOf(origin: SecretOrigin | undefined): Record<string, string> {
  if (origin === undefined) return {};
  if (origin.kind === 'set') {
    return {
      [ANNOTATIONS.set]: origin.name,
      [ANNOTATIONS.about]: `Pull credentials of the mirrors of RegistryMirrorSet ${origin.name}, made by registry-failover. ${WHAT_EDITS_DO}: change the set, or its secret, instead.`,
    };
  }
  return {
    [ANNOTATIONS.source]: origin.name,
    [ANNOTATIONS.sourceUid]: origin.uid,
    [ANNOTATIONS.about]: `The credentials of pull secret ${origin.name} under the names of its registries' mirrors, made by registry-failover. ${WHAT_EDITS_DO}: change ${origin.name} instead.`,
  };
}

/** The whole object. Equal secrets give equal bytes. Never `immutable`: it must be possible to rotate it in place. */
export function printDerivedSecret(namespace: string, wanted: WantedSecret): DerivedObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: wanted.name, namespace, labels: LABELS, annotations: annotationsOf(wanted.origin) },
    type: SECRET_TYPE,
    data: { [DATA_KEY]: encodeBase64(printDockerConfigJson(wanted.entries)) },
  };
}

/** Is a secret with this name, type and labels one that we have made? Only such a one is ever written to. */
export function isDerivedObject(name: string, type: string, labels: Labels): boolean {
  return (
    isDerivedName(name) &&
    type === SECRET_TYPE &&
    Object.hasOwn(labels, DERIVED_LABEL) &&
    labels[DERIVED_LABEL] === 'true'
  );
}

/** Reads back what {@link printDerivedSecret} has noted. */
export function originOf(annotations: Labels): SecretOrigin | undefined {
  const [set, source, uid] = [
    annotations[ANNOTATIONS.set],
    annotations[ANNOTATIONS.source],
    annotations[ANNOTATIONS.sourceUid],
  ];
  if (source !== undefined && uid !== undefined) return { kind: 'source', name: source, uid };
  return set === undefined ? undefined : { kind: 'set', name: set };
}

/** What of an object's annotations is ours, and so worth keeping in memory. */
export function ownAnnotations(annotations: Labels): Labels {
  const names = new Set<string>(Object.values(ANNOTATIONS));
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => names.has(name)));
}

/** A derived secret in a namespace, as far as it is kept in memory. */
export interface FoundObject {
  readonly labels: Labels;
  readonly annotations: Labels;
  /** SHA-256 of the base64 text of its one data key. */
  readonly dataHash: string;
}

/** Does it say what we want said? What others have added beside it is theirs, and cannot be taken away by an apply. */
export function isAsWanted(
  found: FoundObject,
  wanted: DerivedObject,
  sha256: (text: string) => string,
): boolean {
  const { labels, annotations } = wanted.metadata;
  return (
    Object.entries(labels).every(([name, value]) => found.labels[name] === value) &&
    Object.entries(annotations).every(([name, value]) => found.annotations[name] === value) &&
    found.dataHash === sha256(wanted.data[DATA_KEY])
  );
}
