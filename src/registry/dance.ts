// Dance: what to do about a 401. Pure: from the challenges and what was tried already to the next step.
import type { Challenge } from './challenge.ts';

/** A Bearer challenge that can be acted upon. */
export interface TokenChallenge {
  readonly realm: string;
  readonly service: string | undefined;
  /** Space-separated scopes; '' when the registry names none. */
  readonly scope: string;
}

/** How the request that was just answered had been authorised. */
export type Shown =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'basic' }
  /** `cached`: the token was not fetched for this question, so it may simply be out of date. */
  | { readonly kind: 'token'; readonly cached: boolean; readonly challenge: TokenChallenge };

export interface Dance {
  readonly status: number;
  readonly challenges: readonly Challenge[];
  readonly shown: Shown;
  readonly hasCredential: boolean;
  /** What this question has already spent its one extra try on. */
  readonly tried: { readonly renewed: boolean; readonly widened: boolean };
}

export type Step =
  /** The answer stands as it is. */
  | { readonly kind: 'stand' }
  | {
      readonly kind: 'token';
      readonly challenge: TokenChallenge;
      readonly because: 'asked' | 'renewed' | 'widened';
    }
  | { readonly kind: 'basic' }
  /** No way on; `why` is for people. */
  | { readonly kind: 'denied'; readonly why: string };

/** `narrow`: the token that was shown does not reach far enough. */
type AskedToken = TokenChallenge & { readonly narrow: boolean };

function tokenChallenge(challenges: readonly Challenge[]): AskedToken | undefined {
  for (const { scheme, parameters } of challenges) {
    const realm = parameters['realm'] ?? '';
    if (scheme !== 'bearer' || realm === '') continue;
    return {
      realm,
      service: parameters['service'],
      scope: parameters['scope'] ?? '',
      narrow: parameters['error'] === 'insufficient_scope',
    };
  }
  return undefined;
}

function afterNothing(dance: Dance): Step {
  const bearer = tokenChallenge(dance.challenges);
  // Bearer is preferred where both are offered: the password then goes to one place only.
  if (bearer) return { kind: 'token', challenge: bearer, because: 'asked' };
  if (!dance.challenges.some(({ scheme }) => scheme === 'basic')) {
    return { kind: 'denied', why: 'asks for a login in a way we do not understand' };
  }
  if (dance.hasCredential) return { kind: 'basic' };
  return { kind: 'denied', why: 'asks for a login, and there is no credential for it' };
}

type ShownToken = Shown & { readonly kind: 'token' };

/** Another scope than ours is asked for, in so many words, and we have not gone along with that yet. */
function isWidening(bearer: AskedToken | undefined, shown: ShownToken, dance: Dance): bearer is AskedToken {
  if (bearer === undefined || !bearer.narrow || dance.tried.widened) return false;
  return bearer.scope !== '' && bearer.scope !== shown.challenge.scope;
}

function afterToken(dance: Dance, shown: ShownToken): Step {
  const bearer = tokenChallenge(dance.challenges);
  if (shown.cached && !dance.tried.renewed) {
    const challenge = bearer ? { ...bearer, scope: bearer.scope || shown.challenge.scope } : shown.challenge;
    return { kind: 'token', challenge, because: 'renewed' };
  }
  if (isWidening(bearer, shown, dance)) return { kind: 'token', challenge: bearer, because: 'widened' };
  const basicOnly = !bearer && dance.challenges.some(({ scheme }) => scheme === 'basic');
  return basicOnly && dance.hasCredential ? { kind: 'basic' } : { kind: 'stand' };
}

/**
 * The next step after an answer. ECR Public answers an expired token with 400 and no challenge, so that is read like a 401
 * when the token was an old one.
 */
export function decideStep(dance: Dance): Step {
  const { shown, status } = dance;
  const stale = status === 400 && shown.kind === 'token' && shown.cached && dance.challenges.length === 0;
  if (status !== 401 && !stale) return { kind: 'stand' };
  if (shown.kind === 'nothing') return afterNothing(dance);
  if (shown.kind === 'token') return afterToken(dance, shown);
  const bearer = tokenChallenge(dance.challenges);
  // A remembered Basic challenge may be out of date: the registry has moved to tokens since.
  return bearer ? { kind: 'token', challenge: bearer, because: 'asked' } : { kind: 'stand' };
}
