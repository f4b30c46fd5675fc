// ClusterObjects: the objects that declarations are made of, whether they come from files or from a cluster.
import type { Labels } from './label-selector.ts';
import type { MirrorSetObject } from './mirror-set-object.ts';
import type { Problem } from './problem.ts';
import type { PullSecretObject } from './pull-secret.ts';

export type SecretObject = PullSecretObject & { readonly namespace: string };

export interface ConfigMapObject {
  readonly namespace: string;
  readonly name: string;
  /** Text values only; `binaryData` holds no certificates. */
  readonly data: Readonly<Record<string, string>>;
}

export interface NamespaceObject {
  readonly name: string;
  readonly labels: Labels;
}

/** Each list without duplicates, in no particular order. */
export interface ClusterObjects {
  readonly mirrorSets: readonly MirrorSetObject[];
  readonly secrets: readonly SecretObject[];
  readonly configMaps: readonly ConfigMapObject[];
  readonly namespaces: readonly NamespaceObject[];
}

/** Gives the objects in force and says when they have changed. Files and the cluster's informer both are one. */
export interface ObjectSource {
  /** The last valid objects; the same reference as long as nothing has changed. */
  current(): ClusterObjects;
  /** What is wrong at the source now; what stands in `current()` instead is the last valid content. */
  problems(): readonly Problem[];
  /** Calls the listener after each change of `current()` or `problems()`. Returns what ends it. */
  onChange(listener: () => void): () => void;
  close(): void;
}
