// Manifest entry: what reading one manifest comes to.
import type {
  ClusterObjects,
  ConfigMapObject,
  NamespaceObject,
  SecretObject,
} from '../domain/cluster-objects.ts';
import type { MirrorSetObject } from '../domain/mirror-set-object.ts';
import type { Problem } from '../domain/problem.ts';
import type { Result } from '../domain/result.ts';

/** What reading manifests needs from outside. */
export interface ManifestOptions {
  /** Of Secrets and ConfigMaps that name none: the install namespace. */
  readonly defaultNamespace: string;
  /** Checks a RegistryMirrorSet; the paths of its problems begin with `origin`. */
  readonly parseMirrorSet: (value: unknown, origin: string) => Result<MirrorSetObject, readonly Problem[]>;
}

/** An object that is valid by itself. */
export type ManifestContent =
  | { readonly kind: 'RegistryMirrorSet'; readonly object: MirrorSetObject }
  | { readonly kind: 'Secret'; readonly object: SecretObject }
  | { readonly kind: 'ConfigMap'; readonly object: ConfigMapObject }
  | { readonly kind: 'Namespace'; readonly object: NamespaceObject };

/** An object with its place. */
export interface ManifestEntry {
  /** Identity: `Secret registry-failover/dc1`, `RegistryMirrorSet ocir`. */
  readonly key: string;
  readonly origin: string;
  readonly content: ManifestContent;
}

/** An object that is there and cannot be used; what it said last stays in force. */
export interface Refusal {
  /** undefined: not even its name can be read. */
  readonly key: string | undefined;
  readonly origin: string;
  readonly problems: readonly Problem[];
}

export type ManifestReading =
  | { readonly is: 'entry'; readonly entry: ManifestEntry }
  | { readonly is: 'refused'; readonly refusal: Refusal }
  /** Of a kind that is nothing to us; `note` names it. */
  | { readonly is: 'ignored'; readonly note: string };

/** Sorts objects by what they are. */
export function collectObjects(entries: readonly ManifestEntry[]): ClusterObjects {
  const contents = entries.map((entry) => entry.content);
  return {
    mirrorSets: contents.flatMap((content) => (content.kind === 'RegistryMirrorSet' ? content.object : [])),
    secrets: contents.flatMap((content) => (content.kind === 'Secret' ? content.object : [])),
    configMaps: contents.flatMap((content) => (content.kind === 'ConfigMap' ? content.object : [])),
    namespaces: contents.flatMap((content) => (content.kind === 'Namespace' ? content.object : [])),
  };
}
