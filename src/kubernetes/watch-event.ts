// Watch event: one line of a watch. Pure.
import { asObject, parseJson } from '../domain/json.ts';
import { failureOfStatus, readStatus } from './api-failure.ts';
import type { ApiFailure } from './cluster-api.ts';
import { asKubeObject } from './object-text.ts';
import type { KubeObject } from './resource.ts';

/** metav1.WatchEvent. ADDED and MODIFIED are one: after a reconnection either can come for what is known or not. */
export type WatchEvent =
  | { readonly type: 'put'; readonly object: KubeObject }
  | { readonly type: 'gone'; readonly object: KubeObject }
  /** Nothing has changed up to this resource version. */
  | { readonly type: 'bookmark'; readonly resourceVersion: string }
  | { readonly type: 'failure'; readonly failure: ApiFailure }
  /** Of a type that later servers may send. */
  | { readonly type: 'unknown' };

const TYPES: Readonly<Record<string, 'put' | 'gone'>> = { ADDED: 'put', MODIFIED: 'put', DELETED: 'gone' };

function bookmarkOf(object: unknown): WatchEvent | undefined {
  const { resourceVersion } = asObject(asObject(object)?.['metadata']) ?? {};
  return typeof resourceVersion === 'string' ? { type: 'bookmark', resourceVersion } : undefined;
}

/** Reads a line; undefined when it makes no sense, and then nothing after it can be believed to be complete. */
export function parseWatchEvent(line: string): WatchEvent | undefined {
  const event = asObject(parseJson(line));
  if (event === undefined || typeof event['type'] !== 'string') return undefined;
  if (event['type'] === 'BOOKMARK') return bookmarkOf(event['object']);
  if (event['type'] === 'ERROR') {
    const told = readStatus(event['object']);
    return { type: 'failure', failure: failureOfStatus(told.code ?? 500, told) };
  }
  const type = TYPES[event['type']];
  if (type === undefined) return { type: 'unknown' };
  const object = asKubeObject(event['object']);
  return object === undefined ? undefined : { type, object };
}
