// Classify: from an answer, or from why there was none, to a Finding. Pure; the table is design.md section 3.
import type { Finding, Outcome } from '../domain/outcome.ts';
import { cleanRegistryText } from '../domain/registry-text.ts';
import type { RegistryError } from './error-text.ts';
import { headerOf, type ExchangeFailure, type ReplyHeaders } from '../transport/message.ts';
import { isUsedUp, parseRetryAfter } from './retry-after.ts';

/** Who answered, or failed to. */
export interface Place {
  /** `redirect` and `token-server` are hosts other than the registry's own. */
  readonly role: 'registry' | 'redirect' | 'token-server';
  /** `host[:port]`, for people. */
  readonly host: string;
  /** The registry itself has answered something for this question: it lives, whatever the other host does. */
  readonly heard: boolean;
}

/** An answer with all that its meaning depends on. */
export interface Answer {
  readonly place: Place;
  readonly status: number;
  readonly headers: ReplyHeaders;
  readonly error: RegistryError;
  /** A credential, or a token had for one, was shown. */
  readonly credentialShown: boolean;
  /** Wall time in milliseconds, for a Retry-After that is a date. */
  readonly nowMs: number;
}

const DENIED_CODES = new Set(['DENIED', 'UNAUTHORIZED']);
// OCIR turns a user with a wrong password into an anonymous one and says so in the error of the manifest request.
const TAKEN_FOR_ANONYMOUS = /anonymous users are only allowed read access/iu;

const WORD_BEFORE_HOST: Readonly<Record<Place['role'], string>> = {
  registry: '',
  redirect: 'redirect target ',
  'token-server': 'token server ',
};

/** The place in a person's words. */
function printPlace(place: Place): string {
  return `${WORD_BEFORE_HOST[place.role]}${place.host}`;
}

function answeredBy(place: Place): Finding['evidence'] {
  return place.role === 'registry' || place.heard ? 'answered' : 'none';
}

/** A finding with its detail cleaned. Every detail in this folder goes through here. */
export function finding(outcome: Outcome, evidence: Finding['evidence'], detail: string): Finding {
  return { outcome, evidence, detail: cleanRegistryText(detail) };
}

/** "The registry refused": alive, and not an outage. */
export function deniedAt(place: Place, why: string): Finding {
  return finding('denied', answeredBy(place), `${printPlace(place)} ${why}`);
}

/** An answer that is no use: the outage of a manifest. */
export function failingAt(place: Place, why: string): Finding {
  return finding('failing', 'manifest-failed', `${printPlace(place)} ${why}`);
}

function outcomeOfRefusal(answer: Answer): 'missing' | 'denied' | 'failing' | 'throttled' {
  const { status, place, error } = answer;
  if (status === 429) return 'throttled';
  if (status === 408 || status >= 500) return 'failing';
  if (status === 404 && place.role !== 'token-server')
    return DENIED_CODES.has(error.code) ? 'denied' : 'missing';
  return status < 400 ? 'failing' : 'denied';
}

function wordsOf(answer: Answer): string {
  const said = answer.error.text === '' ? '' : `: ${answer.error.text}`;
  const start = `${printPlace(answer.place)} answered ${answer.status}`;
  return answer.credentialShown && TAKEN_FOR_ANONYMOUS.test(said)
    ? `${start}, the credential was not accepted${said}`
    : `${start}${said}`;
}

/** What an answer that is not 2xx comes to. */
export function classifyRefusal(answer: Answer): Finding {
  const outcome = outcomeOfRefusal(answer);
  const evidence = outcome === 'failing' ? 'manifest-failed' : answeredBy(answer.place);
  const found = finding(outcome, evidence, wordsOf(answer));
  if (outcome !== 'throttled') return found;
  return { ...found, retryAfterMs: parseRetryAfter(headerOf(answer.headers, 'retry-after'), answer.nowMs) };
}

/** What a 2xx comes to: served, unless it was the last one allowed. `digest` is known to be right. */
export function classifySuccess(answer: Answer, digest: string | undefined): Finding {
  const known = digest === undefined ? {} : { digest };
  if (!isUsedUp(headerOf(answer.headers, 'ratelimit-remaining'))) {
    return { outcome: 'available', evidence: 'answered', ...known };
  }
  const retryAfterMs = parseRetryAfter(headerOf(answer.headers, 'retry-after'), answer.nowMs);
  const detail = `${printPlace(answer.place)} serves it, but its rate limit is used up`;
  return { ...finding('throttled', 'answered', detail), retryAfterMs, ...known };
}

const OWN_FAILURES: Readonly<Record<ExchangeFailure['kind'], readonly [Outcome, Finding['evidence']]>> = {
  connect: ['unreachable', 'connection-failed'],
  broken: ['unreachable', 'connection-failed'],
  protocol: ['failing', 'manifest-failed'],
  silent: ['slow', 'silent'],
  void: ['slow', 'none'],
  guard: ['denied', 'answered'],
};

/** What it comes to when there was no answer. Another host's death makes the manifest fail, not the endpoint unreachable. */
export function classifyFailure(failure: ExchangeFailure, place: Place): Finding {
  const detail = `${printPlace(place)}: ${failure.detail}`;
  const [outcome, evidence] = OWN_FAILURES[failure.kind];
  if (failure.kind === 'void') return { ...finding(outcome, evidence, detail), isVoid: true };
  if (place.role === 'registry') return finding(outcome, evidence, detail);
  if (outcome === 'unreachable') return finding('failing', 'manifest-failed', detail);
  if (outcome === 'slow') return finding('slow', 'none', detail);
  return finding(outcome, outcome === 'denied' ? answeredBy(place) : evidence, detail);
}
