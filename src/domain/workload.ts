// Workload: the kinds of objects that make pods, and what their controllers make of the template.
import { asObject, asString, own } from './json.ts';
import type { JsonObject } from './json.ts';

/** A kind of Kubernetes itself that makes pods. */
export interface Workload {
  readonly apiVersion: string;
  /** Where the pod template stands; empty for a Pod, which is its own. */
  readonly template: readonly string[];
  /** The controller that the pod has for an owner; its API group is what the owner exclusion list is about. */
  readonly owner: { readonly apiVersion: string; readonly kind: string } | undefined;
  /** What follows the workload's name in its pods' names. */
  readonly suffix: string;
}

/** `owner` is the kind of the controller that really makes the pods, of the same API as the workload. */
function controller(apiVersion: string, owner: string, suffix = '-'): Workload {
  return { apiVersion, template: ['spec', 'template'], owner: { apiVersion, kind: owner }, suffix };
}

/** A Deployment's pods belong to its ReplicaSet, a CronJob's to its Job. */
export const WORKLOADS: ReadonlyMap<string, Workload> = new Map([
  ['Pod', { apiVersion: 'v1', template: [], owner: undefined, suffix: '' }],
  ['Deployment', controller('apps/v1', 'ReplicaSet')],
  ['StatefulSet', controller('apps/v1', 'StatefulSet', '-0')],
  ['DaemonSet', controller('apps/v1', 'DaemonSet')],
  ['ReplicaSet', controller('apps/v1', 'ReplicaSet')],
  ['Job', controller('batch/v1', 'Job')],
  ['CronJob', { ...controller('batch/v1', 'Job'), template: ['spec', 'jobTemplate', 'spec', 'template'] }],
  ['ReplicationController', controller('v1', 'ReplicationController')],
]);

/** The kinds that are understood, for messages. */
export const WORKLOAD_KINDS: readonly string[] = [...WORKLOADS.keys()];

/** Its name, or how the name will begin. */
export function nameOf(object: JsonObject): string {
  const metadata = asObject(own(object, 'metadata'));
  return asString(own(metadata, 'name')) || asString(own(metadata, 'generateName')) || '(no name)';
}

/** As written; undefined when the manifest does not say. */
export function namespaceOf(object: JsonObject): string | undefined {
  return asString(own(asObject(own(object, 'metadata')), 'namespace')) || undefined;
}

/** The pod template; a Pod is its own. undefined: there is none. */
export function templateOf(object: JsonObject, workload: Workload): JsonObject | undefined {
  return workload.template.reduce<JsonObject | undefined>((value, key) => asObject(own(value, key)), object);
}

/** A pod as its controller makes it from the template; the name stays open where the API server chooses it. */
export function instantiatePod(object: JsonObject, workload: Workload, namespace: string): JsonObject {
  const template = templateOf(object, workload) ?? {};
  const metadata = asObject(own(template, 'metadata')) ?? {};
  const spec = asObject(own(template, 'spec')) ?? {};
  // ServiceAccount admission has filled this in before a webhook is asked (plugin/pkg/admission/serviceaccount).
  const serviceAccountName =
    asString(own(spec, 'serviceAccountName')) || asString(own(spec, 'serviceAccount')) || 'default';
  const { owner, suffix } = workload;
  const name = nameOf(object) + suffix;
  const identity = owner && {
    ...(suffix === '-' ? { generateName: name } : { name }),
    ownerReferences: [{ ...owner, name: nameOf(object), controller: true }],
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, ...identity, namespace },
    spec: { ...spec, serviceAccountName },
  };
}
