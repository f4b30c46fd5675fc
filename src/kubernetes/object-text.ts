// Object text: JSON of the API server as objects; what has no name is no object. Pure.
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

/** The value as a JSON object; undefined when it is anything else. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** Parses JSON; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The value as an object of the API, which has a name; undefined when it is none. */
export function asObject(value: unknown): KubeObject | undefined {
  const metadata = asRecord(asRecord(value)?.['metadata']);
  return typeof metadata?.['name'] === 'string' ? (value as KubeObject) : undefined;
}

/** The one object of an answer. */
export function readObject({ status, body }: ApiAnswer): Result<KubeObject, ApiFailure> {
  const object = asObject(parseJson(body.toString('utf8')));
  return object ? ok(object) : err(unreadable('the API server’s answer is no object', status));
}

/** A page of a list. */
export function readPage({ status, body }: ApiAnswer): Result<ObjectPage, ApiFailure> {
  const list = asRecord(parseJson(body.toString('utf8')));
  const { resourceVersion, continue: next } = asRecord(list?.['metadata']) ?? {};
  // Go prints an empty list of some types as null.
  const items: unknown = list?.['items'] ?? [];
  if (typeof resourceVersion !== 'string' || !Array.isArray(items)) {
    return err(unreadable('the API server’s answer is no list', status));
  }
  return ok({
    items: items.flatMap((item) => asObject(item) ?? []),
    resourceVersion,
    next: typeof next === 'string' && next !== '' ? next : undefined,
  });
}
