// Pod record: the little that is kept of a living pod: who owns it, what it pulls with, and what we have decided for it.
import { isDerivedName } from './derived-secret.ts';
import { asArray, asObject, asString, asTime, own } from './json.ts';
import type { JsonObject } from './json.ts';
import { readPod } from './pod.ts';
import { readDecisions } from './pod-record-decision.ts';
import type { RecordedDecision } from './pod-record-decision.ts';

/** The controller that makes the pod: the owner reference with `controller: true`. */
export interface PodOwner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

export interface PodRecord {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Milliseconds of Unix time, to the second, by the API server's clock. */
  readonly createdAt: number;
  /** Neither Succeeded nor Failed: its containers run, or are to. */
  readonly isLiving: boolean;
  readonly isDeleting: boolean;
  /** Stands for a static pod: the kubelet has read its file before anybody was asked. */
  readonly isStatic: boolean;
  readonly owner: PodOwner | undefined;
  /** Our pull secrets that it names. */
  readonly derivedSecrets: readonly string[];
  /** Of every slot, as they stand now, each once. */
  readonly images: readonly string[];
  /** undefined: it was not seen at admission. */
  readonly decisions: readonly RecordedDecision[] | undefined;
}

const ENDED = new Set(['Succeeded', 'Failed']);

/** Does the pod name a pull secret of ours? Cheap: asked of every pod of the cluster, at every version. */
export function namesDerivedSecret(raw: unknown): boolean {
  const spec = asObject(own(asObject(raw), 'spec'));
  return asArray(own(spec, 'imagePullSecrets')).some((entry) =>
    isDerivedName(asString(own(asObject(entry), 'name')) ?? ''),
  );
}

function readOwner(metadata: JsonObject | undefined): PodOwner | undefined {
  const reference = asArray(own(metadata, 'ownerReferences'))
    .map(asObject)
    .find((each) => own(each, 'controller') === true);
  const text = (key: string): string => asString(own(reference, key)) ?? '';
  const owner = { apiVersion: text('apiVersion'), kind: text('kind'), name: text('name'), uid: text('uid') };
  return Object.values(owner).includes('') ? undefined : owner;
}

/** Reads a pod as the API server sends it. undefined: it has no name, namespace or uid, so it is none. */
export function readPodRecord(raw: unknown): PodRecord | undefined {
  const object = asObject(raw);
  const metadata = asObject(own(object, 'metadata'));
  const [uid, namespace, name] = ['uid', 'namespace', 'name'].map((key) => asString(own(metadata, key)));
  if (uid === undefined || namespace === undefined || name === undefined) return undefined;
  const pod = readPod(raw, namespace);
  const phase = asString(own(asObject(own(object, 'status')), 'phase')) ?? '';
  return {
    uid,
    namespace,
    name,
    createdAt: asTime(own(metadata, 'creationTimestamp')) ?? 0,
    isLiving: !ENDED.has(phase),
    isDeleting: own(metadata, 'deletionTimestamp') !== undefined,
    isStatic: pod.isStatic,
    owner: readOwner(metadata),
    derivedSecrets: [...new Set(pod.pullSecretNames.filter(isDerivedName))],
    images: [...new Set(pod.slots.map((slot) => slot.image))],
    decisions: readDecisions(pod.annotations, new Map(pod.slots.map((slot) => [slot.id, slot.image]))),
  };
}
