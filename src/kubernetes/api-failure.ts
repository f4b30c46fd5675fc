// API failure: what a call's answer, or the want of one, counts as. Pure.
import type { ApiFailure, ApiFailureKind } from './cluster-api.ts';

const MESSAGE_MAX = 1024;

/** metav1.Status, the parts that are used. */
export interface ApiStatus {
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly code: number | undefined;
}

/** By HTTP status, as staging/src/k8s.io/apimachinery/pkg/api/errors uses them. */
const KINDS: Readonly<Record<number, ApiFailureKind>> = {
  400: 'invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  410: 'expired',
  422: 'invalid',
  429: 'throttled',
};

function kindOf(status: number, reason: string | undefined): ApiFailureKind {
  if (status === 409 && reason === 'AlreadyExists') return 'already-exists';
  // What is left is the request's fault, or a redirect, which is not followed.
  return KINDS[status] ?? (status >= 500 ? 'server-error' : 'refused');
}

/** The text on one line, cut, safe to show in a terminal and in a status. */
export function printable(text: string): string {
  return text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, MESSAGE_MAX);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Reads a Status object; of anything else nothing is known. */
export function readStatus(value: unknown): ApiStatus {
  if (typeof value !== 'object' || value === null) {
    return { reason: undefined, message: undefined, code: undefined };
  }
  const { reason, message, code } = value as Record<string, unknown>;
  return {
    reason: textOf(reason),
    message: textOf(message),
    code: typeof code === 'number' ? code : undefined,
  };
}

/** Retry-After in whole seconds, the only form the API server sends. */
export function parseRetryAfter(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}

/** A failure that the API server has told of. */
export function failureOfStatus(status: number, told: ApiStatus, retryAfterMs?: number): ApiFailure {
  return {
    kind: kindOf(status, told.reason),
    status,
    message: printable(told.message ?? `the API server answers ${status}`),
    retryAfterMs,
  };
}

/** A failure that an HTTP answer tells of. A body that is no Status (a proxy's page) is not repeated. */
export function failureOfAnswer(status: number, body: string, retryAfter: string | undefined): ApiFailure {
  let told: unknown;
  try {
    told = JSON.parse(body);
  } catch {
    // Not from the API server itself.
  }
  return failureOfStatus(status, readStatus(told), parseRetryAfter(retryAfter));
}

/** Nobody answered. */
export function unreachable(message: string): ApiFailure {
  return { kind: 'unreachable', status: undefined, message: printable(message), retryAfterMs: undefined };
}

/** What was not even asked. */
export function notAsked(kind: 'invalid' | 'unauthorized', message: string): ApiFailure {
  return { kind, status: undefined, message: printable(message), retryAfterMs: undefined };
}

/** An answer that says yes and makes no sense. */
export function unreadable(message: string, status: number): ApiFailure {
  return { kind: 'server-error', status, message: printable(message), retryAfterMs: undefined };
}
