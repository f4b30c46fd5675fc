// Conversation: one question's exchanges with one registry: requests, the token dance, redirects, all within one deadline.
import type { LRUCache } from 'lru-cache';
import type { Finding } from '../domain/outcome.ts';
import type { Result } from '../domain/result.ts';
import { err, ok } from '../domain/result.ts';
import { classOfAddress, type AddressClass } from './address-class.ts';
import { parseChallenges } from './challenge.ts';
import { classifyFailure, deniedAt, failingAt, type Answer, type Place } from './classify.ts';
import { decideStep, type Shown, type Step, type TokenChallenge } from './dance.ts';
import { parseErrorBody } from './error-text.ts';
import { travel, type Allowance, type Arrival, type Breakdown } from './journey.ts';
import type { ManifestQuestion } from './manifest-question.ts';
import { headerOf, placeOfUrl, printHost, printOrigin, type BodyCap, type Reply } from './message.ts';
import { withoutSecrets } from './redact.ts';
import type { TokenAsk, Tokens } from './token.ts';
import type { Transport } from './transport.ts';

/** What a registry asked for last time, so that the next question goes straight with its token. */
export interface Remembered {
  readonly challenge: TokenChallenge | 'basic';
  /** Of the registry when it asked: the guard for its token server. */
  readonly registryClass: AddressClass;
}

export interface ConversationTools {
  readonly transport: Transport;
  readonly tokens: Tokens;
  /** By endpoint and repository; bounded. */
  readonly challenges: LRUCache<string, Remembered>;
}

/** What is asked for, below the endpoint. */
export interface Inquiry {
  readonly method: 'GET' | 'HEAD';
  readonly path: string;
  readonly accept: string;
  readonly cap: BodyCap;
}

/** An answer of the registry or of whom it sent us to, with what is needed to judge it. */
export interface Heard {
  readonly reply: Reply;
  readonly answer: Answer;
}

/** Exchanges of one question in all: HEAD, token by GET and POST, HEAD, a renewed token, HEAD, GET for the words, one spare. */
const MAX_EXCHANGES = 8;

export class Conversation {
  readonly #tools: ConversationTools;
  readonly #question: ManifestQuestion;
  readonly #base: URL;
  readonly #key: string;
  readonly #questionAt = performance.now();
  readonly #deadlineAt: number;
  readonly #allowance: Allowance = { left: MAX_EXCHANGES };
  readonly #tried = { renewed: false, widened: false };
  #heard = false;
  #registryClass: AddressClass | undefined;
  #shown: Shown = { kind: 'nothing' };
  #authorization: string | undefined;
  #ask: TokenAsk | undefined;

  constructor(tools: ConversationTools, question: ManifestQuestion, budgetMs: number) {
    this.#tools = tools;
    this.#question = question;
    this.#base = new URL(printOrigin(question.endpoint));
    this.#key = `${question.endpoint.key} ${question.repository}`;
    this.#deadlineAt = this.#questionAt + budgetMs;
  }

  /** Asks, logging in as far as it takes. The answer may be any status; an error is what the lack of one means. */
  async ask(inquiry: Inquiry): Promise<Result<Heard, Finding>> {
    if (this.#shown.kind === 'nothing') await this.#recall();
    for (;;) {
      const arrival = await this.#travel(inquiry);
      if (!arrival.ok) return err(this.#breakdown(arrival.error));
      const heard = this.#hear(arrival.value);
      const step = this.#step(arrival.value);
      if (step.kind === 'stand') return ok(heard);
      if (step.kind === 'denied') return err(deniedAt(heard.answer.place, step.why));
      const ready = await this.#take(step);
      if (!ready.ok) return ready;
    }
  }

  async #travel(inquiry: Inquiry): Promise<Result<Arrival, Breakdown>> {
    const arrival = await travel(this.#tools.transport, {
      ...inquiry,
      url: new URL(inquiry.path, this.#base),
      authorization: this.#authorization,
      trust: this.#question.endpoint.trust,
      guard: undefined,
      guardAbroad: (address) => this.#classOf(address),
      questionAt: this.#questionAt,
      deadlineAt: this.#deadlineAt,
      allowance: this.#allowance,
    });
    if (arrival.ok) this.#registryClass = this.#classOf(arrival.value.homeAddress);
    // Whoever sends us abroad has answered.
    if (arrival.ok || arrival.error.abroad) this.#heard = true;
    return arrival;
  }

  /** The registry's own class. Through a proxy its address is not known; it then counts as public, the strictest. */
  #classOf(address: string | undefined): AddressClass {
    return address === undefined ? 'public' : classOfAddress(address);
  }

  #step({ abroad, reply }: Arrival): Step {
    // Nobody but the registry itself may make us log in.
    if (abroad) return { kind: 'stand' };
    return decideStep({
      status: reply.status,
      challenges: parseChallenges(reply.headers['www-authenticate']),
      shown: this.#shown,
      hasCredential: this.#question.credential !== undefined,
      tried: this.#tried,
    });
  }

  /** Prepares the next try. */
  async #take(step: Step & { kind: 'token' | 'basic' }): Promise<Result<void, Finding>> {
    const { credential } = this.#question;
    if (step.kind === 'basic') {
      this.#remember('basic');
      this.#shown = { kind: 'basic' };
      this.#authorization = credential && `Basic ${credential.basic()}`;
      return ok(undefined);
    }
    if (step.because === 'renewed') this.#tried.renewed = true;
    if (step.because === 'widened') this.#tried.widened = true;
    if (this.#ask && this.#authorization !== undefined) {
      this.#tools.tokens.forget(this.#ask, this.#authorization.slice('Bearer '.length));
    }
    const ready = await this.#logIn(step.challenge, this.#registryClass ?? 'public');
    if (ready.ok) this.#remember(step.challenge);
    return ready;
  }

  async #logIn(asked: TokenChallenge, registryClass: AddressClass): Promise<Result<void, Finding>> {
    const { endpoint, repository, credential, fingerprint } = this.#question;
    const scope = asked.scope === '' ? `repository:${repository}:pull` : asked.scope;
    const challenge = { realm: asked.realm, service: asked.service, scope };
    this.#ask = {
      challenge,
      credential,
      fingerprint,
      trust: endpoint.trust,
      registry: this.#base,
      registryClass,
      heard: this.#heard,
      questionAt: this.#questionAt,
      deadlineAt: this.#deadlineAt,
      allowance: this.#allowance,
    };
    const grant = await this.#tools.tokens.get(this.#ask);
    if (!grant.ok) return grant;
    this.#shown = { kind: 'token', cached: grant.value.cached, challenge };
    this.#authorization = `Bearer ${grant.value.token}`;
    return ok(undefined);
  }

  #remember(challenge: TokenChallenge | 'basic'): void {
    this.#tools.challenges.set(this.#key, { challenge, registryClass: this.#registryClass ?? 'public' });
  }

  /** Goes the way that was asked for last time. When that way has ended the registry is asked afresh. */
  async #recall(): Promise<void> {
    const known = this.#tools.challenges.get(this.#key);
    if (known === undefined) return;
    if (known.challenge === 'basic') {
      if (this.#question.credential) await this.#take({ kind: 'basic' });
      return;
    }
    this.#registryClass = known.registryClass;
    const ready = await this.#logIn(known.challenge, known.registryClass);
    if (!ready.ok) this.#tools.challenges.delete(this.#key);
  }

  #place(url: URL, abroad: boolean): Place {
    const place = placeOfUrl(url);
    // Another port of the registry's own host is still the registry.
    const own = !abroad || place.hostname === this.#question.endpoint.hostname;
    return { role: own ? 'registry' : 'redirect', host: printHost(place), heard: this.#heard };
  }

  #hear({ url, abroad, reply }: Arrival): Heard {
    const error =
      reply.status < 300
        ? { code: '', text: '' }
        : parseErrorBody(reply.body, headerOf(reply.headers, 'content-type'));
    const text = withoutSecrets(error.text, this.#question.credential, this.#authorization);
    return {
      reply,
      answer: {
        place: this.#place(url, abroad),
        status: reply.status,
        headers: reply.headers,
        error: { code: error.code, text },
        credentialShown: this.#question.credential !== undefined,
        nowMs: Date.now(),
      },
    };
  }

  #breakdown({ url, abroad, failure }: Breakdown): Finding {
    const place = this.#place(url, abroad);
    if (failure.kind === 'refused') return deniedAt(place, failure.detail);
    if (failure.kind === 'lost') return failingAt(place, failure.detail);
    return classifyFailure({ kind: failure.kind, detail: failure.detail }, place);
  }
}
