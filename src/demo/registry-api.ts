// The distribution pull API of one demo registry: a request in, a reply out. No sockets, no clock of its own.
import { failingReply, throttledReply } from './faults.ts';
import type { Fault } from './faults.ts';
import { MEDIA_TYPE } from './image.ts';
import type { Content } from './image.ts';
import { accepts } from './registry-accept.ts';
import { errorReply, jsonReply } from './registry-reply.ts';
import type { Reply } from './registry-reply.ts';
import { parseRoute } from './registry-route.ts';
import type { Route } from './registry-route.ts';
import type { RegistryStore } from './registry-store.ts';
import type { Caller, TokenIssuer } from './token-issuer.ts';

/** What of an HTTP request the API looks at. */
export interface ApiRequest {
  readonly method: string;
  /** Path and query as on the request line. */
  readonly target: string;
  readonly authorization: string | undefined;
  readonly accept: string | undefined;
}

export interface ApiAnswer {
  readonly reply: Reply;
  /** A username, or `anonymous`, `wrong password`, `invalid token`. Never a secret. */
  readonly shown: string;
}

export interface RegistryApiOptions {
  readonly store: RegistryStore;
  readonly issuer: TokenIssuer;
  /** Name of the token service, as in the challenge. */
  readonly service: string;
  /** Address of the token endpoint, https; asked for when it is needed, since the port is known late. */
  readonly realm: () => string;
  readonly retryAfterSeconds: number;
}

type ResourceRoute = Extract<Route, { readonly repository: string }>;

const NO_ACCOUNT = {
  anonymous: 'anonymous',
  'wrong-password': 'wrong password',
  'invalid-token': 'invalid token',
} as const;

function printCaller(caller: Caller): string {
  return 'username' in caller ? caller.username : NO_ACCOUNT[caller.kind];
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** The pull API. `answer` is pure but for the issuer's clock and what the store holds at the time. */
export class RegistryApi {
  readonly #options: RegistryApiOptions;

  constructor(options: RegistryApiOptions) {
    this.#options = options;
  }

  /** Answers one request under a fault. `silent` and `down` are the sockets' affair and read as `none` here. */
  answer(request: ApiRequest, fault: Fault): ApiAnswer {
    const caller = this.#options.issuer.identify(request.authorization);
    const reply = fault === 'failing' ? failingReply() : this.#reply(request, caller, fault);
    return { reply, shown: printCaller(caller) };
  }

  #reply(request: ApiRequest, caller: Caller, fault: Fault): Reply {
    if (!isRead(request.method)) {
      return errorReply(405, 'UNSUPPORTED', 'this registry can only be pulled from', { allow: 'GET, HEAD' });
    }
    const route = parseRoute(request.target);
    if (route.kind === 'invalid') return errorReply(route.status, route.code, route.message);
    if (route.kind === 'token') return this.#token(caller, route.query);
    if (route.kind === 'ping') return caller.kind === 'token' ? jsonReply(200, {}) : this.#challenge(caller);
    const refusal = this.#refusal(caller, route.repository);
    if (refusal !== undefined) return refusal;
    return fault === 'throttled'
      ? throttledReply(this.#options.retryAfterSeconds)
      : this.#resource(request, route);
  }

  #token(caller: Caller, query: URLSearchParams): Reply {
    const { issuer, service } = this.#options;
    const asked = query.get('service') ?? service;
    if (asked !== service) return errorReply(400, 'UNSUPPORTED', `tokens are issued for ${service} only`);
    if (caller.kind !== 'account') {
      const why = caller.kind === 'wrong-password' ? 'wrong username or password' : 'log in with a password';
      return errorReply(401, 'UNAUTHORIZED', why, { 'www-authenticate': `Basic realm="${service}"` });
    }
    const scopes = query.getAll('scope').flatMap((text) => text.split(' '));
    const { token, issuedAtMs, expiresInSeconds } = issuer.issue(caller.username, scopes);
    const issued = new Date(issuedAtMs).toISOString();
    // Clients read one of two names for the same thing (distribution token specification).
    const document = { token, access_token: token, expires_in: expiresInSeconds, issued_at: issued };
    return jsonReply(200, document, { 'cache-control': 'no-store' });
  }

  /** Why this caller may not read the repository, or undefined when it may. */
  #refusal(caller: Caller, repository: string): Reply | undefined {
    const scope = `repository:${repository}:pull`;
    if (caller.kind !== 'token') return this.#challenge(caller, scope);
    const grants = caller.grants.filter((grant) => grant.repository === repository);
    if (grants.some((grant) => grant.actions.includes('pull'))) return undefined;
    // A token that was asked for with this scope and came without it: asking again would not help.
    if (grants.length > 0) return errorReply(403, 'DENIED', `${caller.username} may not pull ${repository}`);
    return this.#challenge(caller, scope, 'insufficient_scope');
  }

  /** 401 with the way to a token; `error` as RFC 6750 section 3.1 names it. */
  #challenge(caller: Caller, scope?: string, error?: string): Reply {
    const problem = error ?? (caller.kind === 'invalid-token' ? 'invalid_token' : undefined);
    const parameters = [
      `realm="${this.#options.realm()}"`,
      `service="${this.#options.service}"`,
      ...(scope === undefined ? [] : [`scope="${scope}"`]),
      ...(problem === undefined ? [] : [`error="${problem}"`]),
    ];
    return errorReply(401, 'UNAUTHORIZED', 'a token is needed', {
      'www-authenticate': `Bearer ${parameters.join(',')}`,
    });
  }

  #resource(request: ApiRequest, route: ResourceRoute): Reply {
    const { store } = this.#options;
    const { repository } = route;
    if (!store.knows(repository)) return errorReply(404, 'NAME_UNKNOWN', `no repository ${repository} here`);
    if (route.kind === 'tags') return jsonReply(200, { name: repository, tags: store.tags(repository) });
    const { kind, reference } = route;
    if (kind === 'blob') return this.#content(store.blob(repository, reference), 'BLOB_UNKNOWN', reference);
    return this.#manifest(store.manifest(repository, reference), reference, request.accept);
  }

  #manifest(content: Content | undefined, reference: string, accept: string | undefined): Reply {
    if (content !== undefined && !accepts(accept, content.mediaType)) {
      // What GHCR answers a client that does not name the type; nothing is converted for it.
      const type = content.mediaType === MEDIA_TYPE.index ? 'OCI indexes' : 'OCI manifests';
      return errorReply(404, 'MANIFEST_UNKNOWN', `the Accept header has no room for ${type}`);
    }
    return this.#content(content, 'MANIFEST_UNKNOWN', reference);
  }

  #content(
    content: Content | undefined,
    code: 'MANIFEST_UNKNOWN' | 'BLOB_UNKNOWN',
    reference: string,
  ): Reply {
    if (content === undefined) return errorReply(404, code, `${reference} is not here`);
    // A blob is served as bytes: its media type is the manifest's knowledge, not the blob store's.
    const type = code === 'BLOB_UNKNOWN' ? 'application/octet-stream' : content.mediaType;
    const headers = {
      'content-type': type,
      'docker-content-digest': content.digest,
      etag: `"${content.digest}"`,
    };
    return { status: 200, headers, body: content.bytes };
  }
}
