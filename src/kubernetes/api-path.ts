// API path: where the API server keeps a kind of object, an object, or a part of it. Pure.
import type { ListScope, ObjectName, Subresource } from './cluster-api.ts';
import type { ResourceType } from './resource.ts';

export type Query = Readonly<Record<string, string | undefined>>;

/** Of names that come from objects nothing is believed: as a path segment these would mean another place. */
function isSegment(name: string | undefined): name is string {
  return name !== undefined && name !== '' && name !== '.' && name !== '..';
}

function rootOf({ group, version }: ResourceType): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** The collection of a kind; of all namespaces when none is given. undefined: no such place can be named. */
export function collectionPath(type: ResourceType, namespace: string | undefined): string | undefined {
  if (namespace === undefined) return `${rootOf(type)}/${type.plural}`;
  if (!type.namespaced || !isSegment(namespace)) return undefined;
  return `${rootOf(type)}/namespaces/${encodeURIComponent(namespace)}/${type.plural}`;
}

/**
 * One object. undefined: no such place can be named. An empty name must never get this far: a DELETE would then mean
 * the whole collection.
 */
export function objectPath(
  type: ResourceType,
  { namespace, name }: ObjectName,
  subresource?: Subresource,
): string | undefined {
  if (!isSegment(name) || type.namespaced !== (namespace !== undefined)) return undefined;
  const collection = collectionPath(type, namespace);
  if (collection === undefined) return undefined;
  const suffix = subresource === undefined ? '' : `/${subresource}`;
  return `${collection}/${encodeURIComponent(name)}${suffix}`;
}

/** The path with its query; what is undefined is left out. */
export function withQuery(path: string, query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, value);
  return search.size === 0 ? path : `${path}?${search.toString()}`;
}

/** The selectors of a list or a watch. */
export function selectorQuery({ labelSelector, fieldSelector }: ListScope): Query {
  return { labelSelector, fieldSelector };
}
