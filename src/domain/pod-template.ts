// Pod template: from workload manifests to pods as the API server would send them to admission.
import { asArray, asObject, asString, own } from './json.ts';
import type { JsonObject } from './json.ts';
import { checkPodSpec, problemAt } from './pod-template-check.ts';
import type { Place, TemplateProblem } from './pod-template-check.ts';
import { err, ok } from './result.ts';
import type { Result } from './result.ts';
import { WORKLOADS, WORKLOAD_KINDS, instantiatePod, nameOf, namespaceOf, templateOf } from './workload.ts';

export type { Place, TemplateProblem } from './pod-template-check.ts';

/** One kind of pod that the manifests make. */
export interface PodSubject {
  /** Where its manifest begins. */
  readonly place: Place;
  /** `Deployment/web`. */
  readonly workload: string;
  readonly namespace: string;
  /** What admission gets: owner, service account and the service account's pull secrets filled in. */
  readonly pod: JsonObject;
  /** False: the ServiceAccount is not among the manifests, and the pod has no pull secrets of its own. */
  readonly pullSecretsKnown: boolean;
}

export interface PodSubjects {
  /** At least one. */
  readonly pods: readonly PodSubject[];
  /** Objects that make no pods, or whose kind is not known: `Service/web`. */
  readonly passedOver: readonly string[];
}

interface Manifest {
  readonly place: Place;
  readonly object: JsonObject;
  readonly kind: string;
  readonly apiVersion: string;
}

/** What one manifest comes to. */
type Reading =
  | { readonly is: 'pod'; readonly subject: Omit<PodSubject, 'pullSecretsKnown'> }
  | { readonly is: 'other'; readonly name: string }
  | { readonly is: 'wrong'; readonly problems: readonly TemplateProblem[] };

function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}

function below(place: Place, ...keys: readonly (string | number)[]): Place {
  return { ...place, keys: [...place.keys, ...keys] };
}

function notAnObject(value: unknown, place: Place): TemplateProblem {
  const what = Array.isArray(value) ? 'a list' : 'a single value';
  const message = `${what} stands where a manifest belongs`;
  return problemAt(
    place,
    'NotAManifest',
    message,
    'Write an object with apiVersion, kind, metadata and spec',
  );
}

function notNamed(kind: string, place: Place): TemplateProblem {
  const missing = kind === '' ? 'kind' : 'apiVersion';
  const known = WORKLOADS.get(kind)?.apiVersion;
  const fix = known ?? 'apps/v1 and kind: Deployment, for example';
  return problemAt(place, 'NotAManifest', `the manifest has no ${missing}`, `Add apiVersion: ${fix}`);
}

/** A list is its items; an empty document is nothing. */
function readManifests(value: unknown, place: Place): (Manifest | TemplateProblem)[] {
  if (value === null || value === undefined) return [];
  const object = asObject(value);
  if (object === undefined) return [notAnObject(value, place)];
  const kind = asString(own(object, 'kind')) ?? '';
  const apiVersion = asString(own(object, 'apiVersion')) ?? '';
  if (kind === '' || apiVersion === '') return [notNamed(kind, place)];
  if (kind !== 'List') return [{ place, object, kind, apiVersion }];
  const items = asArray(own(object, 'items'));
  return items.flatMap((item, index) => readManifests(item, below(place, 'items', index)));
}

function readWorkload(manifest: Manifest, namespace: string): Reading {
  const { place, object, kind, apiVersion } = manifest;
  const name = `${kind}/${nameOf(object)}`;
  const workload = WORKLOADS.get(kind);
  const group = groupOf(apiVersion);
  // A dotted group is somebody's own resource that happens to have this kind: batch.volcano.sh has a Job of its own.
  if (workload === undefined || group.includes('.')) return { is: 'other', name };
  if (apiVersion !== workload.apiVersion) {
    const message = `${kind} is not served as ${apiVersion}`;
    const fix = `Write apiVersion: ${workload.apiVersion}`;
    return {
      is: 'wrong',
      problems: [problemAt(below(place, 'apiVersion'), 'UnknownApiVersion', message, fix)],
    };
  }
  const template = templateOf(object, workload);
  if (template === undefined) {
    const path = workload.template.join('.');
    const message = `${name} has no pod template`;
    return {
      is: 'wrong',
      problems: [problemAt(below(place, 'spec'), 'NoPodTemplate', message, `Add ${path}`)],
    };
  }
  const problems = checkPodSpec(own(template, 'spec'), below(place, ...workload.template, 'spec'), name);
  if (problems.length > 0) return { is: 'wrong', problems };
  const home = namespaceOf(object) ?? namespace;
  return {
    is: 'pod',
    subject: { place, workload: name, namespace: home, pod: instantiatePod(object, workload, home) },
  };
}

/** Pull secrets of the service accounts among the manifests, by `namespace/name`. */
function readServiceAccounts(
  manifests: readonly Manifest[],
  namespace: string,
): ReadonlyMap<string, readonly unknown[]> {
  return new Map(
    manifests
      .filter(({ kind, apiVersion }) => kind === 'ServiceAccount' && apiVersion === 'v1')
      .map(({ object }) => [
        `${namespaceOf(object) ?? namespace}/${nameOf(object)}`,
        asArray(own(object, 'imagePullSecrets')),
      ]),
  );
}

/** The API server gives a pod without pull secrets those of its service account, before any webhook is asked. */
function withServiceAccount(
  subject: Omit<PodSubject, 'pullSecretsKnown'>,
  accounts: ReadonlyMap<string, readonly unknown[]>,
): PodSubject {
  const spec = asObject(own(subject.pod, 'spec'));
  if (asArray(own(spec, 'imagePullSecrets')).length > 0) return { ...subject, pullSecretsKnown: true };
  const account = accounts.get(`${subject.namespace}/${asString(own(spec, 'serviceAccountName')) ?? ''}`);
  if (account === undefined) return { ...subject, pullSecretsKnown: false };
  if (account.length === 0) return { ...subject, pullSecretsKnown: true };
  const pod = { ...subject.pod, spec: { ...spec, imagePullSecrets: account } };
  return { ...subject, pod, pullSecretsKnown: true };
}

function nothingFound(passedOver: readonly string[]): TemplateProblem {
  const found = passedOver.length === 0 ? 'it is empty' : `only ${passedOver.slice(0, 5).join(', ')}`;
  return problemAt(
    { document: 0, keys: [] },
    'NoPods',
    `nothing in it makes pods: ${found}`,
    `Give a ${WORKLOAD_KINDS.join(', ')} with -f (and the declarations with -m)`,
  );
}

/**
 * Reads the pods out of the documents of a file, lists flattened. Objects that make no pods are passed over by name, but a
 * ServiceAccount among them gives its pull secrets to its pods. All problems at once.
 * @param documents Parsed YAML or JSON, one value per document; null for an empty one.
 * @param namespace For manifests that do not say.
 */
export function parsePodSubjects(
  documents: readonly unknown[],
  namespace: string,
): Result<PodSubjects, readonly TemplateProblem[]> {
  const found = documents.flatMap((value, document) => readManifests(value, { document, keys: [] }));
  const manifests = found.filter((entry): entry is Manifest => 'object' in entry);
  const broken = found.filter((entry): entry is TemplateProblem => 'code' in entry);
  const readings = manifests.map((manifest) => readWorkload(manifest, namespace));
  const problems = [
    ...broken,
    ...readings.flatMap((reading) => (reading.is === 'wrong' ? reading.problems : [])),
  ];
  if (problems.length > 0) return err(problems);
  const accounts = readServiceAccounts(manifests, namespace);
  const pods = readings.flatMap((reading) =>
    reading.is === 'pod' ? [withServiceAccount(reading.subject, accounts)] : [],
  );
  const passedOver = readings.flatMap((reading) =>
    reading.is === 'other' && !reading.name.startsWith('ServiceAccount/') ? [reading.name] : [],
  );
  return pods.length === 0 ? err([nothingFound(passedOver)]) : ok({ pods, passedOver });
}
