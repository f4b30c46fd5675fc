// Conversation: one question's exchanges with one registry: requests, logins, redirects, all within one deadline.
import type { Finding } from '../domain/outcome.ts';
import type { Result } from '../domain/result.ts';
import { err, ok } from '../domain/result.ts';
import { classOfAddress, type AddressClass } from '../transport/address-class.ts';
import { parseChallenges } from './challenge.ts';
import { classifyFailure, deniedAt, failingAt, type Answer, type Place } from './classify.ts';
import { parseErrorBody } from './error-text.ts';
import { travel, type Allowance, type Arrival, type Breakdown } from '../transport/journey.ts';
import { Login, type LoginTools } from './login.ts';
import type { ManifestQuestion } from '../domain/manifest-question.ts';
import {
  headerOf,
  placeOfUrl,
  printHost,
  printOrigin,
  type BodyCap,
  type Reply,
} from '../transport/message.ts';
import { withoutSecrets } from './redact.ts';
import type { Transport } from '../transport/transport.ts';

export interface ConversationTools extends LoginTools {
  readonly transport: Transport;
}

/** What is asked for, below the endpoint. */
export interface Inquiry {
  readonly method: 'GET' | 'HEAD';
  readonly path: string;
  readonly accept: string;
  readonly cap: BodyCap;
  /** Without what the login has come to. */
  readonly bare?: boolean;
}

/** An answer of the registry or of whom it sent us to, with what is needed to judge it. */
export interface Heard {
  readonly reply: Reply;
  readonly answer: Answer;
}

/** Exchanges of one question in all: HEAD, token by GET and POST, HEAD, a renewed token, HEAD, GET for the words, one spare. */
const MAX_EXCHANGES = 8;

export class Conversation {
  readonly #transport: Transport;
  readonly #question: ManifestQuestion;
  readonly #base: URL;
  readonly #questionAt = performance.now();
  readonly #deadlineAt: number;
  readonly #allowance: Allowance = { left: MAX_EXCHANGES };
  readonly #login: Login;
  #heard = false;
  /** Through a proxy the registry's address is not known; it then counts as public, the strictest. */
  #registryClass: AddressClass = 'public';

  constructor(tools: ConversationTools, asked: ManifestQuestion, budgetMs: number) {
    // An empty user and password are no way in: shown, they would only be a failed login.
    const question = asked.credential?.isEmpty() === true ? { ...asked, credential: undefined } : asked;
    this.#transport = tools.transport;
    this.#question = question;
    this.#base = new URL(printOrigin(question.endpoint));
    this.#deadlineAt = this.#questionAt + budgetMs;
    this.#login = new Login(tools, {
      question,
      registry: this.#base,
      questionAt: this.#questionAt,
      deadlineAt: this.#deadlineAt,
      allowance: this.#allowance,
    });
  }

  get showsPassword(): boolean {
    return this.#login.showsPassword;
  }

  /** Asks, logging in as far as it takes. The answer may be any status; an error is what the lack of one means. */
  async ask(inquiry: Inquiry): Promise<Result<Heard, Finding>> {
    const recalled = await this.#login.recall();
    if (!recalled.ok) return recalled;
    for (;;) {
      const arrival = await this.#travel(inquiry);
      if (!arrival.ok) return err(this.#breakdown(arrival.error));
      const heard = this.#hear(arrival.value);
      const { abroad, reply } = arrival.value;
      // Nobody but the registry itself may make us log in.
      if (abroad) return ok(heard);
      const step = this.#login.stepAfter(reply.status, parseChallenges(reply.headers['www-authenticate']));
      if (step.kind === 'stand') return ok(heard);
      if (step.kind === 'denied') return err(deniedAt(heard.answer.place, step.why));
      const ready = await this.#login.take(step, { heard: true, registryClass: this.#registryClass });
      if (!ready.ok) return ready;
    }
  }

  async #travel(inquiry: Inquiry): Promise<Result<Arrival, Breakdown>> {
    const arrival = await travel(this.#transport, {
      ...inquiry,
      url: new URL(inquiry.path, this.#base),
      authorization: inquiry.bare === true ? undefined : this.#login.authorization,
      trust: this.#question.endpoint.trust,
      guard: undefined,
      guardAbroad: classOfHome,
      questionAt: this.#questionAt,
      deadlineAt: this.#deadlineAt,
      allowance: this.#allowance,
    });
    if (arrival.ok) this.#registryClass = classOfHome(arrival.value.homeAddress);
    // Whoever sends us abroad has answered.
    if (arrival.ok || arrival.error.abroad) this.#heard = true;
    return arrival;
  }

  #place(url: URL, abroad: boolean): Place {
    const place = placeOfUrl(url);
    // Another port of the registry's own host is still the registry.
    const own = !abroad || place.hostname === this.#question.endpoint.hostname;
    return { role: own ? 'registry' : 'redirect', host: printHost(place), heard: this.#heard };
  }

  #hear({ url, abroad, reply }: Arrival): Heard {
    const { credential } = this.#question;
    const contentType = headerOf(reply.headers, 'content-type');
    const error = reply.status < 300 ? { code: '', text: '' } : parseErrorBody(reply.body, contentType);
    return {
      reply,
      answer: {
        place: this.#place(url, abroad),
        status: reply.status,
        headers: reply.headers,
        error: { code: error.code, text: withoutSecrets(error.text, credential, this.#login.authorization) },
        credentialShown: credential !== undefined,
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

function classOfHome(address: string | undefined): AddressClass {
  return address === undefined ? 'public' : classOfAddress(address);
}
