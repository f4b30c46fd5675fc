// The faults a demo registry can be given at run time, and what each looks like from outside.
import { errorReply } from './registry-reply.ts';
import type { Reply } from './registry-reply.ts';

/**
 * Every fault, with what a client sees of it, to stand behind the registry's name. Silent: no byte, on new connections or
 * old. Throttled: with Retry-After, to every manifest and blob request; `/v2/` and logging in go on working.
 */
export const FAULTS = {
  none: 'answers as a registry should',
  silent: 'accepts connections and never answers',
  throttled: 'answers 429',
  failing: 'answers 503 to every request',
  down: 'refuses connections',
} as const;

export type Fault = keyof typeof FAULTS;

/** The faults that a registry can be broken with. */
export const BREAKING: readonly string[] = Object.keys(FAULTS).filter((name) => name !== 'none');

/** Is this fault noticed by health probes, which only ask for `/v2/`? */
export function isSeenByProbes(fault: Fault): boolean {
  return fault === 'silent' || fault === 'failing' || fault === 'down';
}

/** The fault with this name, or undefined: for names typed by a person. */
export function parseFault(text: string): Fault | undefined {
  return Object.hasOwn(FAULTS, text) ? (text as Fault) : undefined;
}

/** What a registry with its backend gone answers to everything, log-in included. */
export function failingReply(): Reply {
  return errorReply(503, 'UNAVAILABLE', 'the storage behind this registry does not answer');
}

/** What a registry answers a client that has used up its pulls. Logging in goes on working, as it does at Docker Hub. */
export function throttledReply(retryAfterSeconds: number): Reply {
  return errorReply(429, 'TOOMANYREQUESTS', 'this account has used up its pulls for now', {
    'retry-after': String(retryAfterSeconds),
  });
}
