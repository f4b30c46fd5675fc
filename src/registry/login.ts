// Login: what one question shows a registry: nothing, Basic or a token; where it came from and how it is renewed.
import type { LRUCache } from 'lru-cache';
import type { Finding, Outcome } from '../domain/outcome.ts';
import type { Result } from '../domain/result.ts';
import { err, ok } from '../domain/result.ts';
import type { AddressClass } from '../transport/address-class.ts';
import type { Challenge } from './challenge.ts';
import { decideStep, type Shown, type Step, type TokenChallenge } from './dance.ts';
import type { Allowance } from '../transport/journey.ts';
import type { ManifestQuestion } from '../domain/manifest-question.ts';
import type { TokenAsk, Tokens } from './token.ts';

/** What a registry asked for last time, so that the next question goes straight with its token. */
export interface Remembered {
  readonly challenge: TokenChallenge | 'basic';
  /** Of the registry when it asked: the guard for its token server. */
  readonly registryClass: AddressClass;
}

export interface LoginTools {
  readonly tokens: Tokens;
  /** By endpoint and repository; bounded. */
  readonly challenges: LRUCache<string, Remembered>;
}

/** What a login needs to know of the question it is part of. */
export interface LoginBounds {
  readonly question: ManifestQuestion;
  readonly registry: URL;
  readonly questionAt: number;
  readonly deadlineAt: number;
  readonly allowance: Allowance;
}

/** How the registry stands to us at this moment. */
export interface Standing {
  /** It has answered this question already. */
  readonly heard: boolean;
  readonly registryClass: AddressClass;
}

/** What a token server that lives may say to a login. */
const REFUSALS: ReadonlySet<Outcome> = new Set(['denied', 'throttled']);

export class Login {
  /** The Authorization header to show; undefined for none. */
  authorization: string | undefined;
  readonly #tools: LoginTools;
  readonly #bounds: LoginBounds;
  readonly #key: string;
  readonly #tried = { renewed: false, widened: false };
  #shown: Shown = { kind: 'nothing' };
  #ask: TokenAsk | undefined;
  #recalled = false;

  constructor(tools: LoginTools, bounds: LoginBounds) {
    this.#tools = tools;
    this.#bounds = bounds;
    this.#key = `${bounds.question.endpoint.key} ${bounds.question.repository}`;
  }

  /**
   * Goes the way that was asked for last time; once per question. When that way has ended (its token server is gone) the
   * registry is asked afresh. A refusal stands: trying it twice would be two failed logins; but the next question asks afresh.
   */
  async recall(): Promise<Result<void, Finding>> {
    const known = this.#recalled ? undefined : this.#tools.challenges.get(this.#key);
    this.#recalled = true;
    if (known === undefined) return ok(undefined);
    if (known.challenge === 'basic') {
      this.#showBasic();
      return ok(undefined);
    }
    const ready = await this.#fetch(known.challenge, { heard: false, registryClass: known.registryClass });
    if (ready.ok) return ready;
    this.#tools.challenges.delete(this.#key);
    return REFUSALS.has(ready.error.outcome) ? ready : ok(undefined);
  }

  /** What is shown is the password itself: each refusal of it is a failed login. */
  get showsPassword(): boolean {
    return this.#shown.kind === 'basic';
  }

  /** What to do about an answer of the registry itself. */
  stepAfter(status: number, challenges: readonly Challenge[]): Step {
    const hasCredential = this.#bounds.question.credential !== undefined;
    return decideStep({ status, challenges, shown: this.#shown, hasCredential, tried: this.#tried });
  }

  /** Prepares the next try. An error is what its impossibility means for the question. */
  async take(step: Step & { kind: 'token' | 'basic' }, standing: Standing): Promise<Result<void, Finding>> {
    const { registryClass } = standing;
    if (step.kind === 'basic') {
      this.#showBasic();
      this.#tools.challenges.set(this.#key, { challenge: 'basic', registryClass });
      return ok(undefined);
    }
    if (step.because === 'renewed') this.#tried.renewed = true;
    if (step.because === 'widened') this.#tried.widened = true;
    if (this.#ask && this.#shown.kind === 'token') this.#tools.tokens.forget(this.#ask, this.#token());
    const ready = await this.#fetch(step.challenge, standing);
    if (!ready.ok) return err(ready.error);
    this.#tools.challenges.set(this.#key, { challenge: step.challenge, registryClass });
    return ready;
  }

  #token(): string {
    return (this.authorization ?? '').slice('Bearer '.length);
  }

  #showBasic(): void {
    const { credential } = this.#bounds.question;
    if (credential === undefined) return;
    this.#shown = { kind: 'basic' };
    this.authorization = `Basic ${credential.basic()}`;
  }

  async #fetch(asked: TokenChallenge, standing: Standing): Promise<Result<void, Finding>> {
    const { question, ...bounds } = this.#bounds;
    const { endpoint, repository, credential, fingerprint } = question;
    const scope = asked.scope === '' ? `repository:${repository}:pull` : asked.scope;
    const challenge = { realm: asked.realm, service: asked.service, scope };
    this.#ask = { challenge, credential, fingerprint, trust: endpoint.trust, ...standing, ...bounds };
    const grant = await this.#tools.tokens.get(this.#ask);
    if (!grant.ok) return grant;
    this.#shown = { kind: 'token', cached: grant.value.cached, challenge };
    this.authorization = `Bearer ${grant.value.token}`;
    return ok(undefined);
  }
}
