// Declarations: objects from files or a cluster become the mirror sets in force, and what keeps others out. Pure.
import type { ClusterObjects } from './cluster-objects.ts';
import { asTime } from './json.ts';
import { resolveMirrorSet } from './mirror-set-resolution.ts';
import type { DeclarationOptions, DeclarationProblem, Refs } from './declared-refs.ts';
import { NAMESPACE_NAME_LABEL } from './label-selector.ts';
import type { Labels } from './label-selector.ts';
import type { MirrorSetObject } from './mirror-set-object.ts';
import type { MirrorSet } from './mirror-set.ts';
import { parsePrefix, printPrefix } from './reference.ts';

export type { DeclarationOptions } from './declared-refs.ts';

export interface Declarations {
  /** By name. No two have the same prefix. */
  readonly sets: readonly MirrorSet[];
  readonly problems: readonly DeclarationProblem[];
  /** Of the namespaces that are known. */
  readonly namespaceLabels: ReadonlyMap<string, Labels>;
}

function ageOf(object: MirrorSetObject): number {
  // Without an age it is from a file, and gives way to what the cluster has.
  return asTime(object.createdAt) ?? Infinity;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Older first, then by name: every replica comes to the same order from the objects alone. */
function compareAge(a: MirrorSetObject, b: MirrorSetObject): number {
  const [first, second] = [ageOf(a), ageOf(b)];
  if (first !== second) return first < second ? -1 : 1;
  return compareText(a.name, b.name);
}

/** One spelling for one prefix; a text that does not parse stands for itself and is refused later. */
function prefixOf(object: MirrorSetObject): string {
  const { prefix } = object.spec.upstream;
  const parsed = parsePrefix(prefix);
  return parsed.ok ? printPrefix(parsed.value) : prefix;
}

function prefixTaken(object: MirrorSetObject, winner: MirrorSetObject): DeclarationProblem {
  return {
    path: `${object.origin} spec.upstream.prefix`,
    code: 'PrefixTaken',
    message: `${prefixOf(object)} belongs to the mirror set "${winner.name}" (${winner.origin}), which is older or comes first by name, so "${object.name}" is not in force`,
    fix: `Put the mirrors of both into "${winner.name}", or choose a longer prefix`,
    set: object.name,
  };
}

/**
 * The owner keeps its prefix even while it is refused itself: otherwise a ConfigMap that is gone for a minute would hand
 * pods, and their credentials, to another set.
 */
function settlePrefixes(objects: readonly MirrorSetObject[]): {
  readonly owners: readonly MirrorSetObject[];
  readonly problems: readonly DeclarationProblem[];
} {
  const owners = new Map<string, MirrorSetObject>();
  const problems: DeclarationProblem[] = [];
  for (const object of [...objects].sort(compareAge)) {
    const winner = owners.get(prefixOf(object));
    if (winner === undefined) owners.set(prefixOf(object), object);
    else problems.push(prefixTaken(object, winner));
  }
  return { owners: [...owners.values()], problems };
}

/** The label that the API server puts on every namespace itself; in a file it is rarely written. */
function namespaceLabelsOf(objects: ClusterObjects): ReadonlyMap<string, Labels> {
  return new Map(
    objects.namespaces.map(({ name, labels }) => [name, { ...labels, [NAMESPACE_NAME_LABEL]: name }]),
  );
}

function refsOf(objects: ClusterObjects, options: DeclarationOptions): Refs {
  const isInstalled = (object: { readonly namespace: string }): boolean =>
    object.namespace === options.installNamespace;
  return {
    ...options,
    secrets: new Map(objects.secrets.filter(isInstalled).map((secret) => [secret.name, secret])),
    configMaps: new Map(objects.configMaps.filter(isInstalled).map((map) => [map.name, map])),
  };
}

/** Resolves declarations. The order of the objects does not matter. Problems are sorted by path, then by code. */
export function resolveDeclarations(objects: ClusterObjects, options: DeclarationOptions): Declarations {
  const refs = refsOf(objects, options);
  const { owners, problems } = settlePrefixes(objects.mirrorSets);
  const resolved = owners.map((object) => resolveMirrorSet(object, refs));
  return {
    sets: resolved.flatMap(({ set }) => set ?? []).sort((a, b) => compareText(a.name, b.name)),
    problems: [...problems, ...resolved.flatMap((each) => each.problems)].sort(
      (a, b) => compareText(a.path, b.path) || compareText(a.code, b.code),
    ),
    namespaceLabels: namespaceLabelsOf(objects),
  };
}
