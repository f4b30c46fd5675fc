// Misbehaving registry: the distribution pull API over TLS with faults that are switched while it runs. For tests only:
// it keeps the credentials it was shown, so that a test can see which host got which.
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttps, type Server as HttpsServer } from 'node:https';
import { createServer as createNet, type Server as NetServer, type Socket } from 'node:net';
import type { TrustAnchor } from '../../src/domain/endpoint.ts';
import { TestCa, testCa, type KeyAndCertificate } from './tls.ts';

/** What it can do wrong. `none` is a registry that works. */
export const FAULTS = [
  'none',
  'refused', // nothing listens; open connections are cut
  'tlsNeverAnswers', // TCP is accepted, the handshake never answered; open connections are silent
  'silent', // requests are never answered
  'slowHeaders', // a byte of the answer's head every now and then
  'slowBody', // the head, then a byte of the body every now and then
  'reset', // the connection is reset when a request comes
  'staleSilent', // connections made before now are silent, newer ones work
  'staleReset', // … are reset at the next request
  'garbageHttp', // an answer that is not HTTP
  'tlsExpired',
  'tlsWrongName',
  'tlsUnknownCa',
  'loop401', // every request is answered 401, whatever it shows
  'forbidden', // 403
  'notFound', // 404 for every manifest
  'headRefused', // 405 on HEAD
  'throttled', // 429 with retryAfter
  'rateLimitUsedUp', // 200 with ratelimit-remaining: 0;w=21600
  'error500',
  'error503',
  'noDigest', // no Docker-Content-Digest
  'lyingDigest', // the digest of something else
  'endlessBody',
  'redirectLoop',
  'redirectPrivate', // every manifest, once logged in, to redirectTo: the metadata address at first
  'redirectPlain', // to http://
  'garbageJson', // errors and tokens are not JSON
  'garbageChallenge', // 401 with a WWW-Authenticate that makes no sense
  'realmPlain', // the token server is at http://
  'tokenSilent',
  'tokenError', // the token server answers 503
  'tokenDenied', // … 401
  'tokenThrottled', // … 429
  'tokenPostOnly', // … 404 to GET
  'tokenRefused', // tokens are issued, and never accepted
] as const;
export type Fault = (typeof FAULTS)[number];

export interface RecordedRequest {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly host: string;
  /** As it came; undefined when there was none. */
  readonly authorization: string | undefined;
  /** `user:password` of a Basic header, or of a token request's form. */
  readonly basic: string | undefined;
  /** The number of the connection, from 1: equal numbers are one connection. */
  readonly connection: number;
}

export interface RegistryOptions {
  /** The name in its certificate: `fra.registry.test`. */
  readonly name: string;
  /** Any address of 127.0.0.0/8. */
  readonly address?: string;
  /** 0 = any. */
  readonly port?: number;
  /** Default: `none` without a credential, `token` with one. */
  readonly auth?: 'none' | 'basic' | 'token';
  readonly credential?: { readonly username: string; readonly password: string };
  /** Repository → tag → the manifest's body. Digests are found by themselves. */
  readonly images?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Another host's token endpoint; its own `/token` when absent. */
  readonly realm?: string;
  /** What tokens are valid for, and what the token answer says. */
  readonly expiresIn?: number;
  readonly ca?: TestCa;
}

type Behaviour = (request: IncomingMessage, response: ServerResponse) => void;

interface Pair {
  readonly key: string;
  readonly cert: string;
}
type Certificates = Readonly<Record<'good' | 'tlsExpired' | 'tlsWrongName' | 'tlsUnknownCa', Pair>>;

const INDEX = 'application/vnd.oci.image.index.v1+json';
const WRONG_DIGEST = `sha256:${'0'.repeat(64)}`;

/** The body of an OCI index with these platforms; `salt` makes another digest of the same platforms. */
export function indexManifest(
  platforms: readonly string[] = ['linux/amd64', 'linux/arm64'],
  salt = '',
): string {
  const manifests = platforms.map((platform) => {
    const [os, architecture] = platform.split('/');
    const digest = `sha256:${createHash('sha256')
      .update(platform + salt)
      .digest('hex')}`;
    return {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest,
      size: 500,
      platform: { os, architecture },
    };
  });
  return JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });
}

export function digestOfText(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(307, { location, 'content-length': '0' }).end();
}

export class MisbehavingRegistry {
  readonly name: string;
  readonly address: string;
  readonly caPem: string;
  readonly trust: TrustAnchor;
  /** Every request since the start or the last {@link forget}, to the registry and to its token server. */
  readonly requests: RecordedRequest[] = [];
  /** How many connections were made. */
  connections = 0;
  /** What a 429 says: seconds or a date. */
  retryAfter: string | undefined = '120';
  /** Where `redirectPrivate` sends. */
  redirectTo = 'https://169.254.169.254/latest/meta-data/';
  /** Repository → tag → body; may be changed while it runs. */
  readonly images: Map<string, Map<string, string>>;
  /** Tokens that are accepted now; clear it to make them all invalid. */
  readonly tokens = new Set<string>();
  /** The token endpoint of its challenges; its own `/token` when undefined. */
  realm: string | undefined;
  /** The words of every error, instead of the usual ones. */
  errorMessage: string | undefined;
  readonly #acceptedBy: MisbehavingRegistry[] = [];
  readonly #options: RegistryOptions;
  readonly #certificates: Certificates;
  readonly #sockets = new Map<Socket, number>();
  #https: HttpsServer | undefined;
  #net: NetServer | undefined;
  #port: number;
  #fault: Fault = 'none';
  #counter = 0;
  /** The number of the last connection made before the fault was switched. */
  #lastBefore = 0;
  #switching: Promise<void> = Promise.resolve();

  private constructor(options: RegistryOptions, ca: TestCa, certificates: Certificates) {
    this.#options = options;
    this.#certificates = certificates;
    this.name = options.name;
    this.realm = options.realm;
    this.address = options.address ?? '127.0.0.1';
    this.#port = options.port ?? 0;
    this.caPem = ca.pem;
    this.trust = ca.trust;
    this.images = new Map(
      Object.entries(options.images ?? {}).map(([repository, tags]) => [
        repository,
        new Map(Object.entries(tags)),
      ]),
    );
  }

  static async start(options: RegistryOptions): Promise<MisbehavingRegistry> {
    const ca = options.ca ?? (await testCa());
    const stranger = await TestCa.create('Nobody knows me CA');
    const names = [options.name, options.address ?? '127.0.0.1'];
    const [good, expired, wrong, unknown] = await Promise.all([
      ca.issue({ names }),
      ca.issueExpired(names),
      ca.issue({ names: ['other.registry.test'] }),
      stranger.issue({ names }),
    ]);
    const pair = ({ keyPem, certPem }: KeyAndCertificate): Pair => ({
      key: keyPem,
      cert: certPem,
    });
    const registry = new MisbehavingRegistry(options, ca, {
      good: pair(good),
      tlsExpired: pair(expired),
      tlsWrongName: pair(wrong),
      tlsUnknownCa: pair(unknown),
    });
    await registry.#listen();
    return registry;
  }

  get port(): number {
    return this.#port;
  }

  /** As it stands in an image reference: `fra.registry.test:34567`. */
  get hostPort(): string {
    return `${this.name}:${this.#port}`;
  }

  get fault(): Fault {
    return this.#fault;
  }

  /** Takes effect at once for what comes next; wait for {@link settled} where the listener itself changes (`refused`). */
  set fault(fault: Fault) {
    const before = this.#fault;
    this.#fault = fault;
    this.#lastBefore = this.#counter;
    this.#https?.setSecureContext(this.#certificate());
    if (fault === 'refused' && before !== 'refused')
      this.#switching = this.#switching.then(() => this.#hangUp());
    if (fault !== 'refused' && before === 'refused')
      this.#switching = this.#switching.then(() => this.#listen());
  }

  /** Until the listener is as the fault wants it. */
  settled(): Promise<void> {
    return this.#switching;
  }

  /** Tokens that this one issues are accepted by that one too. */
  issuedTo(registry: MisbehavingRegistry): void {
    this.#acceptedBy.push(registry);
  }

  /** Forgets the requests and connections counted so far. */
  forget(): void {
    this.requests.length = 0;
    this.connections = 0;
  }

  /** How many connections are open now. */
  get openConnections(): number {
    return this.#sockets.size;
  }

  /** Takes no new connections any more; open ones stay. Ended by switching from `refused` to another fault. */
  async stopListening(): Promise<void> {
    const net = this.#net;
    this.#net = undefined;
    net?.close();
    await Promise.resolve();
  }

  /** Cuts every open connection, as a restart would. */
  cutConnections(): void {
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  async stop(): Promise<void> {
    await this.#switching;
    await this.#hangUp();
  }

  #certificate(): Pair {
    const known = Object.hasOwn(this.#certificates, this.#fault);
    return this.#certificates[known ? (this.#fault as keyof Certificates) : 'good'];
  }

  async #listen(): Promise<void> {
    const https = createHttps({ ...this.#certificate(), keepAliveTimeout: 60_000 }, (request, response) => {
      this.#answer(request, response);
    });
    https.on('tlsClientError', () => undefined);
    const net = createNet((socket) => {
      this.connections += 1;
      this.#counter += 1;
      this.#sockets.set(socket, this.#counter);
      socket.on('error', () => undefined);
      socket.once('close', () => this.#sockets.delete(socket));
      if (this.#fault !== 'tlsNeverAnswers') https.emit('connection', socket);
    });
    await new Promise<void>((resolve, reject) => {
      net.once('error', reject);
      net.listen(this.#port, this.address, resolve);
    });
    const bound = net.address();
    if (typeof bound === 'object' && bound !== null) this.#port = bound.port;
    this.#https = https;
    this.#net = net;
  }

  async #hangUp(): Promise<void> {
    const net = this.#net;
    this.#net = undefined;
    this.cutConnections();
    if (net) await new Promise((resolve) => net.close(resolve));
  }

  /** The TCP connection below a request's TLS. */
  #rawSocket(request: IncomingMessage): Socket | undefined {
    return [...this.#sockets.keys()].find((socket) => socket.remotePort === request.socket.remotePort);
  }

  #record(request: IncomingMessage, form: string): void {
    const { authorization } = request.headers;
    const fields = new URLSearchParams(form);
    const posted = fields.has('password') ? `${fields.get('username')}:${fields.get('password')}` : undefined;
    const basic =
      authorization?.startsWith('Basic ') === true
        ? Buffer.from(authorization.slice(6), 'base64').toString()
        : posted;
    const raw = this.#rawSocket(request);
    this.requests.push({
      method: request.method ?? '',
      url: request.url ?? '',
      host: request.headers.host ?? '',
      authorization,
      basic,
      connection: (raw && this.#sockets.get(raw)) ?? 0,
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    let form = '';
    request.on('data', (chunk: Buffer) => {
      form += chunk.toString('utf8');
    });
    request.once('end', () => {
      this.#record(request, form);
      if (this.#misbehave(request, response)) return;
      const path = (request.url ?? '').split('?')[0] ?? '';
      if (path === '/token') this.#answerToken(request, response);
      else if (this.#admits(request, response)) this.#serve(request, response, path);
    });
  }

  /** Faults that have nothing to do with what was asked. True when it has been dealt with. */
  #misbehave(request: IncomingMessage, response: ServerResponse): boolean {
    const isToken = (request.url ?? '').startsWith('/token');
    if (this.#fault.startsWith('stale')) return this.#misbehaveStale(request);
    const act = this.#anywhere[this.#fault] ?? (isToken ? undefined : this.#outsideTokens[this.#fault]);
    act?.(request, response);
    return act !== undefined;
  }

  #misbehaveStale(request: IncomingMessage): boolean {
    const raw = this.#rawSocket(request);
    if (((raw && this.#sockets.get(raw)) ?? 0) > this.#lastBefore) return false;
    if (this.#fault === 'staleReset') raw?.resetAndDestroy();
    return true;
  }

  /** What a fault does to every request, those for tokens included. */
  readonly #anywhere: Partial<Record<Fault, Behaviour>> = {
    silent: () => undefined,
    tlsNeverAnswers: () => undefined,
    slowHeaders: (request, response) => {
      request.socket.write('HTTP/1.1 200 OK\r\nx-slow: ');
      this.#trickle(response, () => request.socket.write('.'));
    },
    reset: (request) => {
      this.#rawSocket(request)?.resetAndDestroy();
    },
    garbageHttp: (request) => {
      request.socket.end('SSH-2.0-nothing here speaks HTTP\r\n');
    },
    error500: (_, response) => this.#error(response, 500, 'UNKNOWN', 'unknown error'),
    error503: (_, response) => this.#error(response, 503, 'UNAVAILABLE', 'service unavailable'),
    garbageChallenge: (_, response) => {
      response.writeHead(401, { 'www-authenticate': '=,"\\,,Be@rer realm', 'content-length': '0' }).end();
    },
  };

  /** What a fault does to every request for anything but a token. */
  readonly #outsideTokens: Partial<Record<Fault, Behaviour>> = {
    slowBody: (request, response) => {
      response.writeHead(200, { 'content-length': '1000000' }).flushHeaders();
      if (request.method === 'HEAD') response.end();
      else this.#trickle(response, () => response.write('.'));
    },
    loop401: (_, response) => this.#challenge(response),
    forbidden: (_, response) =>
      this.#error(response, 403, 'DENIED', 'requested access to the resource is denied'),
    throttled: (_, response) => {
      if (this.retryAfter !== undefined) response.setHeader('retry-after', this.retryAfter);
      this.#error(response, 429, 'TOOMANYREQUESTS', 'You have reached your pull rate limit.');
    },
    redirectLoop: (request, response) => redirect(response, request.url ?? '/'),
    redirectPlain: (_, response) => redirect(response, `http://${this.hostPort}/`),
  };

  #trickle(response: ServerResponse, write: () => void): void {
    write();
    const timer = setInterval(write, 100);
    response.once('close', () => {
      clearInterval(timer);
    });
  }

  #challenge(response: ServerResponse): void {
    const scheme = this.#scheme;
    const own =
      this.#fault === 'realmPlain' ? `http://${this.hostPort}/token` : `https://${this.hostPort}/token`;
    const header =
      scheme === 'basic'
        ? 'Basic realm="test"'
        : `Bearer realm="${this.realm ?? own}",service="${this.name}"`;
    response.setHeader('www-authenticate', header);
    this.#error(response, 401, 'UNAUTHORIZED', 'authentication required');
  }

  #error(response: ServerResponse, status: number, code: string, message: string): void {
    const body =
      this.#fault === 'garbageJson'
        ? '{{{'
        : JSON.stringify({ errors: [{ code, message: this.errorMessage ?? message }] });
    response
      .writeHead(status, { 'content-type': 'application/json', 'content-length': String(body.length) })
      .end(body);
  }

  #isRight(basic: string | undefined): boolean {
    const { credential } = this.#options;
    return credential !== undefined && basic === `${credential.username}:${credential.password}`;
  }

  #answerToken(request: IncomingMessage, response: ServerResponse): void {
    if (this.#tokenFault(request, response)) return;
    if (!this.#isRight(this.requests.at(-1)?.basic)) {
      this.#error(response, 401, 'UNAUTHORIZED', 'incorrect username or password');
      return;
    }
    const token = randomBytes(12).toString('hex');
    for (const registry of [this, ...this.#acceptedBy]) registry.tokens.add(token);
    const key = request.method === 'POST' ? 'access_token' : 'token';
    const body = JSON.stringify({ [key]: token, expires_in: this.#options.expiresIn ?? 300 });
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(this.#fault === 'garbageJson' ? '{"tok' : body);
  }

  #tokenFault(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#fault === 'tokenSilent') return true;
    if (this.#fault === 'tokenError') this.#error(response, 503, 'UNAVAILABLE', 'no tokens today');
    else if (this.#fault === 'tokenDenied')
      this.#error(response, 401, 'UNAUTHORIZED', 'incorrect username or password');
    else if (this.#fault === 'tokenThrottled')
      this.#error(response, 429, 'TOOMANYREQUESTS', 'too many logins');
    else if (this.#fault === 'tokenPostOnly' && request.method === 'GET')
      this.#error(response, 404, 'NOT_FOUND', 'not here');
    else return false;
    return true;
  }

  get #scheme(): 'none' | 'basic' | 'token' {
    return this.#options.auth ?? (this.#options.credential ? 'token' : 'none');
  }

  #shows(request: IncomingMessage): boolean {
    if (this.#scheme === 'basic') return this.#isRight(this.requests.at(-1)?.basic);
    const token = (request.headers.authorization ?? '').replace(/^Bearer /u, '');
    return this.#fault !== 'tokenRefused' && this.tokens.has(token);
  }

  /** May this request be served? Otherwise it has been answered. */
  #admits(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#scheme === 'none' || this.#shows(request)) return true;
    this.#challenge(response);
    return false;
  }

  #find(repository: string, reference: string): string | undefined {
    const tags = this.images.get(repository) ?? new Map<string, string>();
    return tags.get(reference) ?? [...tags.values()].find((body) => digestOfText(body) === reference);
  }

  #serve(request: IncomingMessage, response: ServerResponse, path: string): void {
    if (path === '/v2/') {
      response.writeHead(200, { 'content-length': '2' }).end('{}');
      return;
    }
    if (this.#fault === 'headRefused' && request.method === 'HEAD') {
      response.writeHead(405, { 'content-length': '0' }).end();
      return;
    }
    const [, repository = '', reference = ''] = /^\/v2\/(.+)\/manifests\/([^/]+)$/u.exec(path) ?? [];
    if (this.#fault === 'redirectPrivate') {
      redirect(response, this.redirectTo);
      return;
    }
    const body = this.#find(repository, reference);
    if (body === undefined || this.#fault === 'notFound') {
      const code = this.images.has(repository) ? 'MANIFEST_UNKNOWN' : 'NAME_UNKNOWN';
      this.#error(response, 404, code, 'manifest unknown');
      return;
    }
    this.#serveManifest(request, response, body);
  }

  #serveManifest(request: IncomingMessage, response: ServerResponse, body: string): void {
    if (this.#fault === 'rateLimitUsedUp') response.setHeader('ratelimit-remaining', '0;w=21600');
    if (this.#fault === 'lyingDigest') response.setHeader('docker-content-digest', WRONG_DIGEST);
    else if (this.#fault !== 'noDigest' && this.#fault !== 'endlessBody') {
      response.setHeader('docker-content-digest', digestOfText(body));
    }
    const mediaType = (JSON.parse(body) as { mediaType?: string }).mediaType ?? INDEX;
    response.setHeader('content-type', mediaType);
    if (this.#fault === 'endlessBody' && request.method === 'GET') {
      this.#pour(response);
      return;
    }
    response.setHeader('content-length', String(Buffer.byteLength(body)));
    response.writeHead(200).end(request.method === 'HEAD' ? undefined : body);
  }

  /** A body without an end, as fast as it is read. */
  #pour(response: ServerResponse): void {
    const block = Buffer.alloc(65_536, ' ');
    const pour = (): void => {
      while (!response.destroyed && response.write(block));
    };
    response.on('drain', pour);
    pour();
  }
}
