// Pod: what we read of a pod: its image slots with their JSON pointers, its pull secrets, and what forbids a change.
import { asArray, asObject, asString } from './json.ts';
import type { JsonObject } from './json.ts';

export const SKIP_ANNOTATION = 'registry-failover.io/skip';
export const DECISION_ANNOTATION = 'registry-failover.io/decision';
/** Set by the kubelet on the API object of a static pod: kubernetes pkg/kubelet/types ConfigMirrorAnnotationKey. */
const STATIC_POD_ANNOTATION = 'kubernetes.io/config.mirror';

export type SlotKind = 'containers' | 'initContainers' | 'ephemeralContainers' | 'volumes';

/** One place in a pod that names an image. */
export interface ImageSlot {
  /** `containers/app`; the position stands for a name that is absent or taken. */
  readonly id: string;
  readonly kind: SlotKind;
  readonly name: string;
  /** JSON pointer (RFC 6901) of the image text. */
  readonly pointer: string;
  readonly image: string;
  readonly pullNever: boolean;
}

/**
 * How something can be added to a list or map of the pod: to the one that is `there`, as a new one where it is `absent`,
 * or not at all, because something of another kind stands in its place and is not ours to remove.
 */
export type Place = 'there' | 'absent' | 'taken';

function placeOf(value: unknown, isThere: boolean): Place {
  if (isThere) return 'there';
  return value === undefined || value === null ? 'absent' : 'taken';
}

export interface Pod {
  readonly namespace: string;
  /** The name, or the generateName with its dash while the API server has not chosen one. */
  readonly name: string;
  readonly slots: readonly ImageSlot[];
  /** Non-empty names of `spec.imagePullSecrets`, in order. */
  readonly pullSecretNames: readonly string[];
  readonly pullSecretsPlace: Place;
  readonly annotations: JsonObject;
  readonly annotationsPlace: Place;
  readonly isStatic: boolean;
  readonly optedOut: boolean;
  /** API groups of the owners, e.g. `apps`, `postgresql.cnpg.io`; '' for the core group. */
  readonly ownerGroups: readonly string[];
  readonly serviceAccount: string;
}

/** Stands for an object that is not there, so that its parts can be read, and are not there. */
const NOTHING: JsonObject = {};

function partOf(value: unknown): JsonObject {
  return asObject(value) ?? NOTHING;
}

function readSlot(kind: SlotKind, entry: unknown, index: number): ImageSlot | undefined {
  const object = partOf(entry);
  const isVolume = kind === 'volumes';
  const holder = isVolume ? partOf(object['image']) : object;
  const image = isVolume ? holder['reference'] : holder['image'];
  // Only a text that is there can be judged or replaced; the API server refuses the rest on its own.
  if (typeof image !== 'string' || image === '') return undefined;
  const name = asString(object['name']) ?? String(index);
  return {
    id: `${kind}/${name}`,
    kind,
    name,
    pointer: isVolume ? `/spec/volumes/${index}/image/reference` : `/spec/${kind}/${index}/image`,
    image,
    pullNever: (isVolume ? holder['pullPolicy'] : holder['imagePullPolicy']) === 'Never',
  };
}

/**
 * More than any pod has. Nothing has been validated when we look: a body of 1 MiB can name 50,000 images, and each costs
 * a question, a timer and a record. What is beyond stays as it is.
 */
export const MAX_SLOTS = 128;

function readSlots(spec: JsonObject): ImageSlot[] {
  const slots: ImageSlot[] = [];
  const taken = new Set<string>();
  for (const kind of ['initContainers', 'containers', 'ephemeralContainers', 'volumes'] as const) {
    const entries = asArray(spec[kind]);
    for (let index = 0; index < entries.length; index += 1) {
      if (slots.length === MAX_SLOTS) return slots;
      const slot = readSlot(kind, entries[index], index);
      if (slot === undefined) continue;
      const unique = taken.has(slot.id) ? { ...slot, id: `${kind}/${index}` } : slot;
      taken.add(unique.id);
      slots.push(unique);
    }
  }
  return slots;
}

function readOwnerGroups(metadata: JsonObject): string[] {
  return asArray(metadata['ownerReferences']).flatMap((reference) => {
    const apiVersion = asString(asObject(reference)?.['apiVersion']);
    if (apiVersion === undefined) return [];
    const slash = apiVersion.indexOf('/');
    return [slash === -1 ? '' : apiVersion.slice(0, slash)];
  });
}

/** No object has a longer name (RFC 1123 subdomain), but nothing has been validated yet when we look. */
const MAX_NAME_CHARACTERS = 253;

/** Pull secrets that are looked at, the first ones; each may bring a derived one, and every record names those. */
export const MAX_PULL_SECRETS = 128;

function readPullSecretNames(secrets: readonly unknown[]): string[] {
  const names: string[] = [];
  for (const entry of secrets) {
    const name = asObject(entry)?.['name'];
    if (typeof name === 'string' && name !== '' && name.length <= MAX_NAME_CHARACTERS) names.push(name);
  }
  return names;
}

/**
 * Reads a pod from an admission request's object. Never throws: a part of the wrong shape is a part that is not there.
 * @param namespace The request's namespace; the object's own may still be empty at admission.
 */
export function readPod(raw: unknown, namespace: string): Pod {
  const object = partOf(raw);
  const metadata = partOf(object['metadata']);
  const spec = partOf(object['spec']);
  const annotations = partOf(metadata['annotations']);
  const secrets = spec['imagePullSecrets'];
  return {
    namespace,
    name: asString(metadata['name']) || asString(metadata['generateName']) || '',
    slots: readSlots(spec),
    pullSecretNames: readPullSecretNames(asArray(secrets)),
    pullSecretsPlace: spec === NOTHING ? 'taken' : placeOf(secrets, Array.isArray(secrets)),
    annotations,
    annotationsPlace:
      metadata === NOTHING ? 'taken' : placeOf(metadata['annotations'], annotations !== NOTHING),
    isStatic: annotations[STATIC_POD_ANNOTATION] !== undefined,
    optedOut: annotations[SKIP_ANNOTATION] === 'true',
    ownerGroups: readOwnerGroups(metadata),
    serviceAccount: asString(spec['serviceAccountName']) ?? 'default',
  };
}

/** Keeps only the ephemeral containers that an update adds: existing ones are immutable, everything else is discarded there. */
export function onlyNewEphemeral(pod: Pod, before: Pod): Pod {
  const known = new Set(before.slots.map((slot) => slot.id));
  return {
    ...pod,
    slots: pod.slots.filter((slot) => slot.kind === 'ephemeralContainers' && !known.has(slot.id)),
  };
}
