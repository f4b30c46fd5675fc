// Object text: JSON of the API server as objects; what has no name is no object. Pure.
import { asObject, parseJson } from '../domain/json.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { unreadable } from './api-failure.ts';
import type { ApiFailure } from './cluster-api.ts';
import type { ApiAnswer } from './exchange.ts';
import type { KubeObject } from './resource.ts';

export interface ObjectPage {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  /** The token of the next page; undefined: this was the last. */
  readonly next: string | undefined;
}

/** The value as an object of the API, which has a name; undefined when it is none. */
export function asKubeObject(value: unknown): KubeObject | undefined {
  const metadata = asObject(asObject(value)?.['metadata']);
  return typeof metadata?.['name'] === 'string' ? (value as KubeObject) : undefined;
}

/** The one object of an answer. */
export function readObject({ status, body }: ApiAnswer): Result<KubeObject, ApiFailure> {
  const object = asKubeObject(parseJson(body.toString('utf8')));
  return object ? ok(object) : err(unreadable('the API server’s answer is no object', status));
}

/** A page of a list. */
export function readPage({ status, body }: ApiAnswer): Result<ObjectPage, ApiFailure> {
  const list = asObject(parseJson(body.toString('utf8')));
  const { resourceVersion, continue: next } = asObject(list?.['metadata']) ?? {};
  // Go prints an empty list of some types as null.
  const items: unknown = list?.['items'] ?? [];
  if (typeof resourceVersion !== 'string' || !Array.isArray(items)) {
    return err(unreadable('the API server’s answer is no list', status));
  }
  return ok({
    items: items.flatMap((item) => asKubeObject(item) ?? []),
    resourceVersion,
    next: typeof next === 'string' && next !== '' ? next : undefined,
  });
}
