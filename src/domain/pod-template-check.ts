// Pod template check: the mistakes in a pod spec that would make an explanation of it wrong. The API server checks the rest.
import { asArray, asObject, own } from './json.ts';
import type { JsonObject } from './json.ts';
import type { Problem } from './problem.ts';
import { quote } from './reference-grammar.ts';

/** A place in a file of several documents. */
export interface Place {
  /** From 0. */
  readonly document: number;
  /** Keys and positions from the document's root. */
  readonly keys: readonly (string | number)[];
}

/** A problem that still has to be told in lines of a file; its path is that of the field: `spec.containers[0].image`. */
export interface TemplateProblem extends Problem {
  readonly place: Place;
}

function printKeys(keys: readonly (string | number)[]): string {
  return keys
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${key}`))
    .join('');
}

/** A problem at a place. */
export function problemAt(place: Place, code: string, message: string, fix: string): TemplateProblem {
  return { place, path: printKeys(place.keys), code, message, fix };
}

function below(place: Place, ...keys: readonly (string | number)[]): Place {
  return { ...place, keys: [...place.keys, ...keys] };
}

function describe(entry: JsonObject, index: number): string {
  const name = own(entry, 'name');
  return typeof name === 'string' ? `container ${quote(name)}` : `container number ${index + 1}`;
}

function checkImage(holder: JsonObject, field: string, place: Place, who: string): TemplateProblem[] {
  const image = own(holder, field);
  if (typeof image === 'string' && image !== '') return [];
  const where = below(place, field);
  if (image === undefined || image === null || image === '') {
    return [problemAt(where, 'NoImage', `${who} has no image`, `Add ${field}: registry/repository:tag`)];
  }
  // 1.25 without quotes is a number: the tag has been lost already.
  const fix = typeof image === 'object' ? 'Write one text' : 'Put the whole reference in quotes';
  return [problemAt(where, 'ImageNotText', `the image of ${who} is not a text`, fix)];
}

function checkContainers(spec: JsonObject, field: string, place: Place): TemplateProblem[] {
  const entries = own(spec, field);
  if (entries === undefined || entries === null) return [];
  const where = below(place, field);
  if (!Array.isArray(entries)) {
    return [
      problemAt(where, 'NotAList', `${field} is not a list`, 'Begin each container with "- name: ..."'),
    ];
  }
  return entries.flatMap((entry, index) => {
    const object = asObject(entry);
    const at = below(where, index);
    if (object === undefined) {
      return [
        problemAt(at, 'NotAContainer', 'this is not a container', 'Write an object with name and image'),
      ];
    }
    return checkImage(object, 'image', at, describe(object, index));
  });
}

function checkVolumes(spec: JsonObject, place: Place): TemplateProblem[] {
  return asArray(own(spec, 'volumes')).flatMap((volume, index) => {
    const image = asObject(own(asObject(volume), 'image'));
    if (image === undefined) return [];
    return checkImage(
      image,
      'reference',
      below(place, 'volumes', index, 'image'),
      `volume number ${index + 1}`,
    );
  });
}

function checkPullSecrets(spec: JsonObject, place: Place): TemplateProblem[] {
  const entries = own(spec, 'imagePullSecrets');
  if (entries === undefined || entries === null) return [];
  const where = below(place, 'imagePullSecrets');
  const fix = 'Write a list of objects: - name: my-pull-secret';
  if (!Array.isArray(entries)) {
    return [problemAt(where, 'NotAList', 'imagePullSecrets is not a list', fix)];
  }
  return entries.flatMap((entry, index) =>
    typeof own(asObject(entry), 'name') === 'string'
      ? []
      : [problemAt(below(where, index), 'NotAPullSecret', 'this entry does not name a pull secret', fix)],
  );
}

/** Checks what the explanation reads: images and pull secrets. `who` is the workload, `place` that of the spec. */
export function checkPodSpec(raw: unknown, place: Place, who: string): readonly TemplateProblem[] {
  const spec = asObject(raw);
  const containers = own(spec, 'containers');
  if (spec === undefined || containers === undefined || containers === null || isEmptyList(containers)) {
    const where = spec === undefined ? place : below(place, 'containers');
    return [
      problemAt(where, 'NoContainers', `${who} has no containers`, 'Add at least one, with name and image'),
    ];
  }
  return [
    ...['initContainers', 'containers', 'ephemeralContainers'].flatMap((field) =>
      checkContainers(spec, field, place),
    ),
    ...checkVolumes(spec, place),
    ...checkPullSecrets(spec, place),
  ];
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
