// Recorder: a TLS server that has nothing, under whatever names it has certificates for, and writes down in order what it was asked.
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureContext } from 'node:tls';
import type { CertificateAndKey } from '../../../src/certificates/issue.ts';

/** One request. */
export interface Recorded {
  readonly method: string;
  /** With its query; the host as the client says it, with its port unless that is 443. */
  readonly url: string;
  /** As it was shown; undefined: none was. */
  readonly authorization: string | undefined;
}

export interface RecorderOptions {
  /** Where it listens. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  /** For every name that has none of its own, and for addresses. */
  readonly certificate: CertificateAndKey;
}

export class Recorder {
  readonly #servers: readonly Server[];
  readonly #own = new Map<string, CertificateAndKey>();
  #asking: ReadonlySet<string> = new Set();
  #recorded: Recorded[] = [];

  private constructor({ addresses, certificate }: RecorderOptions) {
    this.#servers = addresses.map(() => {
      return createServer(
        {
          cert: certificate.certificatePem,
          key: certificate.keyPem,
          SNICallback: (name, done) => {
            const { certificatePem: cert, keyPem: key } = this.#own.get(name) ?? certificate;
            done(null, createSecureContext({ cert, key }));
          },
        },
        (request, response) => this.#answer(request, response),
      );
    });
  }

  /** Throws when an address is taken. */
  static async start(options: RecorderOptions): Promise<Recorder> {
    const recorder = new Recorder(options);
    try {
      await Promise.all(
        options.addresses.map(({ host, port }, index) => listen(recorder.#servers[index], host, port)),
      );
    } catch (error) {
      await recorder.close();
      throw error;
    }
    return recorder;
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map(async (server) => {
        server.closeAllConnections();
        if (server.listening) await new Promise((resolve) => server.close(resolve));
      }),
    );
  }

  /** From now on these hosts ask for a Basic credential, and no other does. */
  askForLogin(hosts: Iterable<string>): void {
    this.#asking = new Set(hosts);
  }

  /** From now on these names have certificates of their own, and no other has. */
  useCertificates(own: Readonly<Record<string, CertificateAndKey>>): void {
    this.#own.clear();
    for (const [name, certificate] of Object.entries(own)) this.#own.set(name, certificate);
  }

  /** What it was asked since the last time, oldest first. */
  take(): readonly Recorded[] {
    const recorded = this.#recorded;
    this.#recorded = [];
    return recorded;
  }

  #answer({ method = '', headers, url = '' }: IncomingMessage, response: ServerResponse): void {
    const { host = '', authorization } = headers;
    this.#recorded.push({ method, url: `https://${host}${url}`, authorization });
    // A connection a request, so that none is cut off while it is used again.
    response.setHeader('Connection', 'close').setHeader('Content-Type', 'application/json');
    if (this.#asking.has(host) && authorization === undefined) {
      response
        .setHeader('WWW-Authenticate', `Basic realm="${host}"`)
        .writeHead(401)
        .end(refusal('UNAUTHORIZED'));
    } else if (/\/v2\/?$/.test(url)) response.writeHead(200).end('{}');
    else response.writeHead(404).end(refusal('MANIFEST_UNKNOWN'));
  }
}

function refusal(code: string): string {
  return JSON.stringify({ errors: [{ code, message: 'nothing is here' }] });
}

function listen(server: Server | undefined, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server?.once('error', reject);
    server?.listen({ host, port, ipv6Only: host.includes(':') }, resolve);
  });
}
