// The token server of one demo registry: checks the one account it knows, issues signed bearer tokens, reads them back.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { asArray, asObject, asString, own } from '../domain/json.ts';

/** Who may pull. A `Credential` of the domain has this shape. */
export interface Account {
  readonly username: string;
  password(): string;
}

/** What a token allows on one repository; no actions means: asked for, and refused. (Distribution token spec, `access`.) */
export interface Grant {
  readonly repository: string;
  readonly actions: readonly string[];
}

/** Who is asking, judged by the Authorization header. */
export type Caller =
  | { readonly kind: 'anonymous' | 'wrong-password' | 'invalid-token' }
  | { readonly kind: 'account'; readonly username: string }
  | { readonly kind: 'token'; readonly username: string; readonly grants: readonly Grant[] };

/** A signed token and its life in seconds. */
export interface IssuedToken {
  readonly token: string;
  readonly issuedAtMs: number;
  readonly expiresInSeconds: number;
}

export interface TokenIssuerOptions {
  /** The `service` of the challenge: the audience of the tokens. */
  readonly service: string;
  readonly account: Account;
  /** Repositories the account may pull; every one when absent. */
  readonly repositories?: readonly string[] | undefined;
  readonly tokenSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A client asks for one or two scopes; a longer list would only make a token too long for a header. */
const MAX_SCOPES = 16;

/** The repository and the actions of one scope, or undefined. The name may hold colons of its own, so the last one counts. */
function parseScope(text: string): Grant | undefined {
  const match = /^repository:(.+):([^:]*)$/.exec(text);
  const [, repository, actions] = match ?? [];
  if (repository === undefined || actions === undefined) return undefined;
  return { repository, actions: actions.split(',') };
}

function grantsOf(claims: unknown): readonly Grant[] {
  return asArray(own(asObject(claims), 'access')).flatMap((entry) => {
    const repository = asString(own(asObject(entry), 'name'));
    const actions = asArray(own(asObject(entry), 'actions')).filter((action) => typeof action === 'string');
    return repository === undefined ? [] : [{ repository, actions }];
  });
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value), 'utf8').toString('base64url');
}

function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Tokens are JSON Web Tokens signed with HMAC (HS256) under a key of this process: no other registry's token is good here. */
export class TokenIssuer {
  readonly #options: TokenIssuerOptions;
  readonly #key = randomBytes(32);
  /** The account as a keyed hash, so that its password is held nowhere in this object. */
  readonly #login: Buffer;

  constructor(options: TokenIssuerOptions) {
    this.#options = options;
    this.#login = this.#mac(`${options.account.username}:${options.account.password()}`);
  }

  /** Judges an Authorization header: `Basic` with the account, `Bearer` with a token of ours, or neither. */
  identify(authorization: string | undefined): Caller {
    if (authorization === undefined) return { kind: 'anonymous' };
    const [, scheme = '', value = ''] = /^(\S+) +(\S+)$/.exec(authorization) ?? [];
    if (scheme.toLowerCase() === 'basic') return this.#identifyLogin(value);
    return scheme.toLowerCase() === 'bearer' ? this.#identifyToken(value) : { kind: 'anonymous' };
  }

  /** A token for `username` and these scopes, each cut down to what the account may do: pull, or nothing. */
  issue(username: string, scopes: readonly string[]): IssuedToken {
    const issuedAtMs = this.#options.now();
    const iat = Math.floor(issuedAtMs / 1000);
    const access = scopes.slice(0, MAX_SCOPES).flatMap((text) => {
      const scope = parseScope(text);
      return scope === undefined
        ? []
        : [{ type: 'repository', name: scope.repository, actions: this.#permitted(scope) }];
    });
    const { service, tokenSeconds } = this.#options;
    const claims = { iss: service, aud: service, sub: username, iat, exp: iat + tokenSeconds, access };
    const signed = `${encode({ typ: 'JWT', alg: 'HS256' })}.${encode(claims)}`;
    const token = `${signed}.${this.#mac(signed).toString('base64url')}`;
    return { token, issuedAtMs, expiresInSeconds: tokenSeconds };
  }

  #permitted({ repository, actions }: Grant): readonly string[] {
    const { repositories } = this.#options;
    const mayPull = repositories === undefined || repositories.includes(repository);
    return mayPull && actions.includes('pull') ? ['pull'] : [];
  }

  #identifyLogin(value: string): Caller {
    const login = Buffer.from(value, 'base64');
    if (!sameBytes(this.#mac(login), this.#login)) return { kind: 'wrong-password' };
    return { kind: 'account', username: this.#options.account.username };
  }

  #identifyToken(token: string): Caller {
    const invalid = { kind: 'invalid-token' } as const;
    const [, signed = '', payload = '', signature = ''] = /^([^.]+\.([^.]+))\.([^.]+)$/.exec(token) ?? [];
    if (!sameBytes(Buffer.from(signature, 'base64url'), this.#mac(signed))) return invalid;
    // Only what this object has signed gets here, so it parses.
    const claims = asObject(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
    const username = asString(own(claims, 'sub'));
    const expires = own(claims, 'exp');
    const live = typeof expires === 'number' && this.#options.now() < expires * 1000;
    return username === undefined || !live ? invalid : { kind: 'token', username, grants: grantsOf(claims) };
  }

  #mac(content: string | Buffer): Buffer {
    return createHmac('sha256', this.#key).update(content).digest();
  }
}
