// Doctor objects: what a doctor reads of a cluster's declarations: the mirror sets in force, and the namespaces they are for.
import { sha256Hex } from '../../nodes/sha256.ts';
import { readConfigMap, readMirrorSet, readSecret } from '../../cluster/declared-object.ts';
import { parseMirrorSet } from '../../config/mirror-set.ts';
import { resolveDeclarations } from '../../domain/declarations.ts';
import { NAMESPACE_NAME_LABEL } from '../../domain/label-selector.ts';
import type { MirrorSet } from '../../domain/mirror-set.ts';
import { MAYBE_PULL_SECRETS } from '../../domain/pull-secret.ts';
import type { PullSecretObject } from '../../domain/pull-secret.ts';
import type { Fetched } from '../../explain/doctor/doctor-check.ts';
import type { NamespaceText } from '../../explain/doctor/doctor-sets.ts';
import { CONFIG_MAPS, MIRROR_SETS, NAMESPACES, SECRETS } from '../../kubernetes/resource.ts';
import type { KubeObject } from '../../kubernetes/resource.ts';
import type { DoctorApi } from './doctor-api.ts';

function mapFetched<T, U>(fetched: Fetched<T>, map: (value: T) => U): Fetched<U> {
  return fetched.state === 'found' ? { state: 'found', value: map(fetched.value) } : fetched;
}

function itemsOf(fetched: Fetched<readonly KubeObject[]>): readonly KubeObject[] {
  return fetched.state === 'found' ? fetched.value : [];
}

/** The declarations as they are now. */
export interface DoctorObjects {
  readonly setObjects: Fetched<readonly KubeObject[]>;
  /** In force as far as their secrets and CAs could be read; undefined: unread. */
  readonly sets: readonly MirrorSet[] | undefined;
  /** With the label that the API server adds itself. */
  readonly namespaces: Fetched<readonly NamespaceText[]>;
}

/** Reads them once. */
export async function readDeclared(api: DoctorApi, installNamespace: string): Promise<DoctorObjects> {
  const [setObjects, namespaces, secrets, configMaps] = await Promise.all([
    api.list(MIRROR_SETS, {}),
    api.list(NAMESPACES, { metadataOnly: true }),
    api.list(SECRETS, { namespace: installNamespace, fieldSelector: MAYBE_PULL_SECRETS }),
    api.list(CONFIG_MAPS, { namespace: installNamespace }),
  ]);
  const labelled = mapFetched(namespaces, (items) =>
    items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => ({
        name: metadata.name,
        labels: { ...metadata.labels, [NAMESPACE_NAME_LABEL]: metadata.name },
      })),
  );
  if (setObjects.state !== 'found') return { setObjects, sets: undefined, namespaces: labelled };
  const versions = setObjects.value.map((object) => readMirrorSet(object, parseMirrorSet));
  const resolved = resolveDeclarations(
    {
      mirrorSets: versions.flatMap(({ parsed }) => (parsed.ok ? [parsed.value] : [])),
      secrets: itemsOf(secrets).map(readSecret),
      configMaps: itemsOf(configMaps).map(readConfigMap),
      namespaces: labelled.state === 'found' ? [...labelled.value] : [],
    },
    { installNamespace, allowedEndpoints: [], sha256: sha256Hex },
  );
  return { setObjects, sets: resolved.sets, namespaces: labelled };
}

/** The pull secrets of a namespace. */
export async function readPullSecrets(
  api: DoctorApi,
  namespace: string,
): Promise<Fetched<readonly PullSecretObject[]>> {
  const listed = await api.list(SECRETS, { namespace, fieldSelector: MAYBE_PULL_SECRETS });
  return mapFetched(listed, (items) => items.map(readSecret));
}
