// Demo registries for tests: certificates made once per file, a small pull client, and clean-up.
import { createHash } from 'node:crypto';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { Client } from 'undici';
import { issueCa, issueServing, validFor } from '../../src/certificates/issue.ts';
import type { CertificateAndKey } from '../../src/certificates/issue.ts';
import { MEDIA_TYPE } from '../../src/demo/image.ts';
import { DemoRegistry } from '../../src/demo/registry.ts';
import type { DemoRegistryOptions } from '../../src/demo/registry.ts';

/** Every manifest type a runtime sends. */
export const ALL_MANIFEST_TYPES = `${MEDIA_TYPE.index}, ${MEDIA_TYPE.manifest}`;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** The codes of an error document. */
export function errorCodes(answer: Answer): readonly string[] {
  const document = JSON.parse(answer.body.toString()) as { errors: { code: string }[] };
  return document.errors.map((error) => error.code);
}

/** One keep-alive connection to a registry. */
export class PullClient {
  readonly #client: Client;

  constructor(hostPort: string, ca: string) {
    this.#client = new Client(`https://${hostPort}`, { connect: { ca } });
  }

  async ask(
    method: 'GET' | 'HEAD' | 'POST',
    path: string,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const answer = await this.#client.request({ method, path, headers, reset: false, headersTimeout: 5000 });
    const flat = Object.entries(answer.headers).map(([name, value]) => [name, String(value)]);
    const { statusCode: status, body } = answer;
    return { status, headers: Object.fromEntries(flat), body: Buffer.from(await body.arrayBuffer()) };
  }

  /** An Authorization header for one scope, got the way a client does. */
  async token(login: string, scope: string): Promise<string> {
    const answer = await this.ask('GET', `/token?scope=${encodeURIComponent(scope)}`, {
      authorization: login,
    });
    return `Bearer ${(JSON.parse(answer.body.toString()) as { token: string }).token}`;
  }

  async close(): Promise<void> {
    await this.#client.destroy();
  }
}

/** Opens a TCP connection and starts TLS on it. The socket is returned at once; errors are left to its `close`. */
export function dialTls(registry: DemoRegistry, ca: string): TLSSocket {
  const { address: host, port } = registry.where;
  const socket = connect({ host, port, ca });
  socket.on('error', () => undefined);
  return socket;
}

/** Resolves when the socket is closed, with an error (a handshake cut short is one) or without. */
export async function closed(socket: TLSSocket): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
}

/** True when the socket has not emitted `event` within so many milliseconds. Silence can only be shown by waiting. */
export async function staysWithout(socket: TLSSocket, event: string, ms: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), ms);
    socket.once(event, () => {
      clearTimeout(timer);
      resolve(false);
    });
  });
}

/** Starts registries and clients, and stops what it started. */
export class DemoBench {
  readonly ca: string;
  readonly #serving: CertificateAndKey;
  readonly #stops: (() => Promise<void>)[] = [];

  private constructor(ca: string, serving: CertificateAndKey) {
    this.ca = ca;
    this.#serving = serving;
  }

  static async create(): Promise<DemoBench> {
    const validity = validFor(1, new Date());
    const ca = await issueCa({ name: 'demo test CA', validity });
    const names = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];
    return new DemoBench(ca.certificatePem, await issueServing(ca, { names, validity }));
  }

  async registry(options: Partial<DemoRegistryOptions> = {}): Promise<DemoRegistry> {
    const registry = await DemoRegistry.start({
      name: 'upstream.demo',
      address: '127.0.0.2',
      tls: this.#serving,
      account: { username: 'alice', password: () => 'wonder:land' },
      ...options,
    });
    this.#stops.push(() => registry.stop());
    return registry;
  }

  client(registry: DemoRegistry): PullClient {
    const client = new PullClient(registry.hostPort, this.ca);
    this.#stops.push(() => client.close());
    return client;
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0).toReversed()) await stop();
  }
}
