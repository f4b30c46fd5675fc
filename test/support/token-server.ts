// Token server: issues the signed tokens that a real distribution registry accepts (its token authentication specification).
import { randomUUID, sign } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { testCa, type KeyAndCertificate } from './tls.ts';

export interface TokenUser {
  readonly username: string;
  readonly password: string;
  /** Repositories it may pull and push; `*` = all. */
  readonly repositories: readonly string[];
}

export interface TokenServerOptions {
  /** The name in its certificate. */
  readonly name: string;
  readonly address?: string;
  readonly issuer: string;
  readonly users: readonly TokenUser[];
  readonly expiresIn?: number;
}

export class TokenServer {
  readonly name: string;
  readonly address: string;
  /** Method and Basic user of every request. */
  readonly requests: { method: string; url: URL; username: string | undefined }[] = [];
  readonly #options: TokenServerOptions;
  readonly #server: Server;
  readonly #signer: KeyAndCertificate;

  private constructor(options: TokenServerOptions, serving: KeyAndCertificate, signer: KeyAndCertificate) {
    this.name = options.name;
    this.address = options.address ?? '127.0.0.1';
    this.#options = options;
    this.#signer = signer;
    this.#server = createServer({ key: serving.keyPem, cert: serving.certPem }, (request, response) => {
      const url = new URL(request.url ?? '/', 'https://token');
      const { status, body } = this.#answer(request.method ?? '', url, request.headers.authorization ?? '');
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  }

  static async start(options: TokenServerOptions): Promise<TokenServer> {
    const ca = await testCa();
    const serving = await ca.issue({ names: [options.name, options.address ?? '127.0.0.1'] });
    const server = new TokenServer(options, serving, await ca.issue({ names: ['token-signer'] }));
    await new Promise<void>((resolve) => {
      server.#server.listen(0, server.address, resolve);
    });
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get realm(): string {
    return `https://${this.name}:${this.port}/token`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** A token for a user, as the registry would be shown it. */
  issue(scope: string, username: string, service: string): string {
    return this.#sign(
      [scope],
      this.#options.users.find((user) => user.username === username),
      service,
    );
  }

  #answer(method: string, url: URL, authorization: string): { status: number; body: object } {
    const basic = Buffer.from(authorization.replace(/^Basic /u, ''), 'base64').toString();
    const [username = '', password = ''] = basic.split(/:(.*)/su);
    this.requests.push({ method, url, username: username === '' ? undefined : username });
    const user = this.#options.users.find((each) => each.username === username && each.password === password);
    if (username !== '' && user === undefined) {
      return { status: 401, body: { errors: [{ code: 'UNAUTHORIZED', message: 'wrong password' }] } };
    }
    const { searchParams } = url;
    const token = this.#sign(searchParams.getAll('scope'), user, searchParams.get('service') ?? '');
    return { status: 200, body: { token, expires_in: this.#options.expiresIn ?? 300 } };
  }

  #sign(scopes: readonly string[], user: TokenUser | undefined, service: string): string {
    const access = scopes.map((scope) => {
      const [type, name = '', actions = ''] = scope.split(':');
      const allowed =
        user?.repositories.some((repository) => repository === '*' || repository === name) === true;
      return { type, name, actions: allowed ? actions.split(',') : [] };
    });
    const now = Math.floor(Date.now() / 1000);
    const life = { iat: now, nbf: now - 10, exp: now + (this.#options.expiresIn ?? 300) };
    const who = { iss: this.#options.issuer, sub: user?.username ?? '', aud: service };
    const der = this.#signer.certPem.replace(/-----[^-]+-----|\s/gu, '');
    const head = encode({ typ: 'JWT', alg: 'ES256', x5c: [der] });
    const text = `${head}.${encode({ ...who, ...life, jti: randomUUID(), access })}`;
    const signature = sign('sha256', Buffer.from(text), {
      key: this.#signer.keyPem,
      dsaEncoding: 'ieee-p1363',
    });
    return `${text}.${signature.toString('base64url')}`;
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
