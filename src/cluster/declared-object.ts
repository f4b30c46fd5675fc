// Declared objects: what is kept of an object of the API server that declarations are made of.
import type { ConfigMapObject, NamespaceObject, SecretObject } from '../domain/cluster-objects.ts';
import { asArray, asObject, asString, own } from '../domain/json.ts';
import type { MirrorSetObject } from '../domain/mirror-set-object.ts';
import type { Problem } from '../domain/problem.ts';
import { pullSecretData } from '../domain/pull-secret.ts';
import type { Result } from '../domain/result.ts';
import { apiVersionOf, MIRROR_SETS } from '../kubernetes/resource.ts';
import type { KubeObject } from '../kubernetes/resource.ts';

/** Checks a RegistryMirrorSet; the paths of its problems begin with `origin`. */
export type ParseMirrorSet = (value: unknown, origin: string) => Result<MirrorSetObject, readonly Problem[]>;

/** A derived secret that its registry refuses, as the status of a mirror set says it. */
export interface RefusedCredential {
  readonly namespace: string;
  readonly secret: string;
  /** `host[:port][/path]` of the mirror. */
  readonly endpoint: string;
}

/** One version of a RegistryMirrorSet. */
export interface MirrorSetVersion {
  readonly uid: string;
  readonly parsed: Result<MirrorSetObject, readonly Problem[]>;
  readonly refused: readonly RefusedCredential[];
}

/** More than the schema of the status lets through. */
const MAX_REFUSED = 64;

function readRefused(object: KubeObject): RefusedCredential[] {
  const list = asArray(own(asObject(own(object, 'status')), 'refused'));
  return list.slice(0, MAX_REFUSED).flatMap((item) => {
    const entry = asObject(item);
    const [namespace, secret, endpoint] = ['namespace', 'secret', 'endpoint'].map((field) =>
      asString(own(entry, field)),
    );
    if (namespace === undefined || secret === undefined || endpoint === undefined) return [];
    return [{ namespace, secret, endpoint }];
  });
}

/** Reads a mirror set. Its status is another's to judge: nothing there makes a declaration invalid. */
export function readMirrorSet(object: KubeObject, parse: ParseMirrorSet): MirrorSetVersion {
  const { name, uid = '', generation, creationTimestamp } = object.metadata;
  const value = {
    apiVersion: object.apiVersion ?? apiVersionOf(MIRROR_SETS),
    kind: object.kind ?? MIRROR_SETS.kind,
    metadata: { name, generation, creationTimestamp },
    spec: object['spec'],
  };
  return { uid, parsed: parse(value, `registrymirrorset/${name}`), refused: readRefused(object) };
}

/** A Secret: the data of a pull secret, of any other its name and type alone, so that one can say what is wrong with it. */
export function readSecret(object: KubeObject): SecretObject {
  const { name, namespace = '' } = object.metadata;
  const type = asString(object['type']) ?? 'Opaque';
  return { namespace, name, type, data: pullSecretData(type, object['data']) };
}

/** A ConfigMap: its certificates; of any other value only that the key is there. */
export function readConfigMap(object: KubeObject): ConfigMapObject {
  const { name, namespace = '' } = object.metadata;
  const entries = Object.entries(asObject(object['data']) ?? {}).flatMap(([key, text]) =>
    typeof text === 'string'
      ? [[key, text.includes('-----BEGIN CERTIFICATE-----') ? text : ''] as const]
      : [],
  );
  return { namespace, name, data: Object.fromEntries(entries) };
}

export function readNamespace({ metadata }: KubeObject): NamespaceObject {
  return { name: metadata.name, labels: metadata.labels ?? {} };
}
