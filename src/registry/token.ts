// Token: Bearer tokens from token servers, fetched once however many ask, kept until shortly before they end.
import { LRUCache } from 'lru-cache';
import type { Credential } from '../domain/credential.ts';
import type { TrustAnchor } from '../domain/endpoint.ts';
import type { Finding } from '../domain/outcome.ts';
import type { Result } from '../domain/result.ts';
import { err, ok } from '../domain/result.ts';
import type { AddressClass } from '../transport/address-class.ts';
import { classifyFailure, classifyRefusal, deniedAt, failingAt, finding, type Place } from './classify.ts';
import type { TokenChallenge } from './dance.ts';
import { parseErrorBody } from './error-text.ts';
import { travel, type Allowance, type Journey } from '../transport/journey.ts';
import { headerOf, placeOfUrl, printHost, type Reply } from '../transport/message.ts';
import { withoutSecrets } from './redact.ts';
import { beforeDeadline } from '../transport/timer.ts';
import type { Transport } from '../transport/transport.ts';

/** Everything a token depends on, and what is needed to fetch it. */
export interface TokenAsk {
  readonly challenge: TokenChallenge;
  readonly credential: Credential | undefined;
  /** Of the credential; '' for anonymous. */
  readonly fingerprint: string;
  readonly trust: TrustAnchor | undefined;
  /** The registry's own origin: a token server at its host is the registry itself. */
  readonly registry: URL;
  /** The class of the registry's own address, for the guard. */
  readonly registryClass: AddressClass;
  /** The registry has answered this question already. */
  readonly heard: boolean;
  readonly questionAt: number;
  readonly deadlineAt: number;
  readonly allowance: Allowance;
}

/** A token; `cached`: it was not fetched just now, so it may be out of date in ways its expiry does not tell. */
export interface TokenGrant {
  readonly token: string;
  readonly cached: boolean;
}

const MAX_TOKENS = 5000;
const TOKEN_CAP = { success: 65_536, error: 8192 };
/** Distribution's token specification: at least 60 s, whatever the server says. */
const SHORTEST_LIFE_S = 60;
const LONGEST_LIFE_S = 86_400;
const BEFORE_EXPIRY_S = 5;
/** One fetch serves everybody who asks meanwhile, so it has a bound of its own. */
const FETCH_MS = 5000;
/** Servers that know only the OAuth2 form of the request answer the GET so. */
const USE_POST = new Set([404, 405, 501]);
const TOKEN_CHARACTERS = /^[\x21-\x7e]{1,32768}$/u;

interface Issued {
  readonly token: string;
  readonly lifeMs: number;
}

function parseToken(body: Buffer): Issued | undefined {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const { token, access_token: accessToken, expires_in: expiresIn } = json as Record<string, unknown>;
  const found = typeof token === 'string' && token !== '' ? token : accessToken;
  // What cannot stand in a header is no token; it must not reach the next request.
  if (typeof found !== 'string' || !TOKEN_CHARACTERS.test(found)) return undefined;
  const said = typeof expiresIn === 'number' && Number.isFinite(expiresIn) ? expiresIn : SHORTEST_LIFE_S;
  const life = Math.min(LONGEST_LIFE_S, Math.max(SHORTEST_LIFE_S, said)) - BEFORE_EXPIRY_S;
  return { token: found, lifeMs: life * 1000 };
}

export class Tokens {
  readonly #transport: Transport;
  readonly #known = new LRUCache<string, string>({ max: MAX_TOKENS });
  readonly #flights = new Map<string, Promise<Result<string, Finding>>>();

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** A token for this challenge, from memory or from the token server; or what its absence means for the question. */
  async get(ask: TokenAsk): Promise<Result<TokenGrant, Finding>> {
    const key = keyOf(ask);
    const known = this.#known.get(key);
    if (known !== undefined) return ok({ token: known, cached: true });
    if (!URL.canParse(ask.challenge.realm) || new URL(ask.challenge.realm).protocol !== 'https:') {
      const place: Place = { role: 'registry', host: printHost(placeOfUrl(ask.registry)), heard: true };
      return err(deniedAt(place, `wants a login at ${ask.challenge.realm}, which is not https`));
    }
    const flight = this.#flights.get(key) ?? this.#start(key, ask);
    const result = await beforeDeadline(flight, ask.deadlineAt, (): Result<string, Finding> => {
      return err(
        finding('slow', 'none', `token server ${new URL(ask.challenge.realm).host}: no token in time`),
      );
    });
    return result.ok ? ok({ token: result.value, cached: false }) : result;
  }

  /** A token that was refused is forgotten, unless a newer one has taken its place. */
  forget(ask: TokenAsk, token: string): void {
    const key = keyOf(ask);
    if (this.#known.get(key) === token) this.#known.delete(key);
  }

  #start(key: string, ask: TokenAsk): Promise<Result<string, Finding>> {
    const flight = this.#fetch(ask).then((issued) => {
      this.#flights.delete(key);
      if (!issued.ok) return issued;
      this.#known.set(key, issued.value.token, { ttl: issued.value.lifeMs });
      return ok(issued.value.token);
    });
    this.#flights.set(key, flight);
    return flight;
  }

  async #fetch(ask: TokenAsk): Promise<Result<Issued, Finding>> {
    const realm = new URL(ask.challenge.realm);
    realm.username = '';
    realm.password = '';
    realm.hash = '';
    const first = await this.#travel(ask, getJourney(ask, realm));
    if (!first.ok || !USE_POST.has(first.value.status) || ask.credential === undefined)
      return issuedBy(ask, first);
    return issuedBy(ask, await this.#travel(ask, postJourney(ask, realm, ask.credential)));
  }

  async #travel(
    ask: TokenAsk,
    what: Pick<Journey, 'method' | 'url' | 'authorization' | 'form'>,
  ): Promise<Result<Reply, Finding>> {
    const arrival = await travel(this.#transport, {
      ...what,
      accept: 'application/json',
      cap: TOKEN_CAP,
      trust: ask.trust,
      guard: what.url.origin === ask.registry.origin ? undefined : ask.registryClass,
      guardAbroad: () => ask.registryClass,
      questionAt: ask.questionAt,
      deadlineAt: performance.now() + FETCH_MS,
      allowance: ask.allowance,
    });
    if (arrival.ok) return ok(arrival.value.reply);
    const { failure, url } = arrival.error;
    const place = placeOf(ask, url);
    if (failure.kind === 'refused') return err(deniedAt(place, failure.detail));
    if (failure.kind === 'lost') return err(failingAt(place, failure.detail));
    return err(classifyFailure({ kind: failure.kind, detail: failure.detail }, place));
  }
}

/** Tokens are shared only where every part that decides what they grant is equal. */
function keyOf({ challenge, fingerprint, trust }: TokenAsk): string {
  return JSON.stringify([
    challenge.realm,
    challenge.service ?? null,
    challenge.scope,
    fingerprint,
    trust?.sha256 ?? '',
  ]);
}

function placeOf(ask: TokenAsk, url: URL): Place {
  const place = placeOfUrl(url);
  const own = place.hostname === placeOfUrl(ask.registry).hostname;
  return { role: own ? 'registry' : 'token-server', host: printHost(place), heard: ask.heard };
}

function getJourney(ask: TokenAsk, realm: URL): Pick<Journey, 'method' | 'url' | 'authorization'> {
  const url = new URL(realm);
  const { service, scope } = ask.challenge;
  if (service !== undefined) url.searchParams.append('service', service);
  for (const each of scope.split(' ').filter((part) => part !== '')) url.searchParams.append('scope', each);
  if (ask.credential) url.searchParams.append('account', ask.credential.username);
  return { method: 'GET', url, authorization: ask.credential && `Basic ${ask.credential.basic()}` };
}

function postJourney(
  ask: TokenAsk,
  url: URL,
  credential: Credential,
): Pick<Journey, 'method' | 'url' | 'authorization' | 'form'> & { form: URLSearchParams } {
  const { service, scope } = ask.challenge;
  const form = new URLSearchParams({ grant_type: 'password', client_id: 'registry-failover' });
  if (service !== undefined) form.set('service', service);
  form.set('scope', scope);
  form.set('username', credential.username);
  form.set('password', credential.password());
  return { method: 'POST', url, authorization: undefined, form };
}

function issuedBy(ask: TokenAsk, result: Result<Reply, Finding>): Result<Issued, Finding> {
  if (!result.ok) return result;
  const reply = result.value;
  const place = placeOf(ask, new URL(ask.challenge.realm));
  if (reply.status >= 200 && reply.status < 300) {
    if (reply.cut) return err(failingAt(place, 'answered with more than a token can be'));
    const issued = parseToken(reply.body);
    return issued ? ok(issued) : err(failingAt(place, 'answered with something that holds no token'));
  }
  const error = parseErrorBody(reply.body, headerOf(reply.headers, 'content-type'));
  return err(
    classifyRefusal({
      place,
      status: reply.status,
      headers: reply.headers,
      error: { ...error, text: withoutSecrets(error.text, ask.credential, undefined) },
      credentialShown: ask.credential !== undefined,
      nowMs: Date.now(),
    }),
  );
}
