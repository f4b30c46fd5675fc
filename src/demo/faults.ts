// The faults a demo registry can be given at run time, and what each looks like from outside.
import { errorReply } from './registry-reply.ts';
import type { Reply } from './registry-reply.ts';

/** Every fault, with one sentence for people on what a client sees. */
export const FAULTS = {
  none: 'answers as a registry should',
  silent: 'accepts connections and never says a word, on new ones or old',
  throttled: 'answers 429 with Retry-After to every manifest and blob request',
  failing: 'answers 503 to every request',
  down: 'refuses connections',
} as const;

export type Fault = keyof typeof FAULTS;

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
