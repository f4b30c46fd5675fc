// API failure: what an answer of the API server, or the want of one, counts as. Pure.
import { asObject, asString } from '../domain/json.ts';

export type ApiFailureKind =
  /** Nobody answered, or not to the end. */
  | 'unreachable'
  /** 404: there is no such object. */
  | 'not-found'
  /** 410: what a watch wants to go on from is no longer known. */
  | 'expired'
  /** Any other answer that is no 2xx, or a 2xx that makes no sense. */
  | 'refused';

export interface ApiFailure {
  readonly kind: ApiFailureKind;
  /** One line, safe to show. */
  readonly message: string;
}

const MESSAGE_MAX = 512;

/** The text on one line, cut, safe to show. */
function printable(text: string): string {
  return text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, MESSAGE_MAX);
}

export function unreachable(message: string): ApiFailure {
  return { kind: 'unreachable', message: printable(message) };
}

const KINDS: Readonly<Record<number, ApiFailureKind>> = { 404: 'not-found', 410: 'expired' };

/** A failure by its HTTP status; a metav1.Status body tells why, any other body (a proxy's page) is not repeated. */
export function failureOf(status: number, body: unknown): ApiFailure {
  const told = asString(asObject(body)?.['message']);
  const message = told === undefined || told === '' ? 'no reason is given' : told;
  return {
    kind: KINDS[status] ?? 'refused',
    message: printable(`the API server answers ${status}: ${message}`),
  };
}

/** undefined: that is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
