// A stand-in for the API server: TLS, HTTP/2 and HTTP/1.1, answers as the test says; for what the real one cannot be made to do.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { vi } from 'vitest';
import { openConnection, type Connection, type ConnectionOptions } from '../../src/kubernetes/connection.ts';
import { testCa } from '../support/tls.ts';

export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** `1.1` or `2.0` */
  readonly httpVersion: string;
  /** SHA-256 of the client's certificate; '' without one. */
  readonly certificate: string;
}

export type Reply = Http2ServerResponse;
export type Answerer = (asked: Asked, reply: Reply) => void;

export interface ApiServerOptions {
  readonly onlyHttp1?: boolean;
  readonly port?: number;
}

/** What a test asks of its stand-in. */
export class ApiServer {
  answer: Answerer = (_asked, reply) => {
    sendStatus(reply, 404, 'NotFound', 'nothing here');
  };
  readonly asked: Asked[] = [];
  /** TCP connections, all that there ever were. */
  connections = 0;
  readonly sockets = new Set<Socket>();
  readonly folder = mkdtempSync(join(tmpdir(), 'kubernetes-test-'));
  readonly #close: () => Promise<void>;
  readonly port: number;
  readonly caPem: string;
  readonly #opened: Connection[] = [];

  private constructor(port: number, caPem: string, close: () => Promise<void>) {
    this.port = port;
    this.caPem = caPem;
    this.#close = close;
  }

  static async start(options: ApiServerOptions = {}): Promise<ApiServer> {
    const ca = await testCa();
    const { keyPem, certPem } = await ca.issue({ names: ['127.0.0.1', 'localhost'] });
    // Asks for a client certificate, and takes any.
    const tls = { key: keyPem, cert: certPem, requestCert: true, rejectUnauthorized: false };
    const server =
      options.onlyHttp1 === true
        ? createServer(tls)
        : createSecureServer({ ...tls, allowHTTP1: true, settings: { maxConcurrentStreams: 100 } });
    await new Promise<void>((resolve) => {
      server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    const self = new ApiServer(port, ca.pem, async () => {
      for (const socket of self.sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
    });
    server.on('connection', (socket: Socket) => {
      self.connections += 1;
      self.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => self.sockets.delete(socket));
    });
    server.on('sessionError', () => undefined);
    server.on('request', (request: Http2ServerRequest, reply: Http2ServerResponse) => {
      const chunks: Buffer[] = [];
      reply.on('error', () => undefined);
      request.on('error', () => undefined);
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const asked: Asked = {
          method: request.method,
          url: new URL(request.url, 'https://api'),
          headers: request.headers,
          body: Buffer.concat(chunks).toString('utf8'),
          httpVersion: request.httpVersion,
          certificate: certificateOf(request),
        };
        self.asked.push(asked);
        self.answer(asked, reply);
      });
    });
    return self;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** Cuts all that is connected, as a crash would. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** A kubeconfig file for this server; parts of its cluster and user may be overridden. */
  kubeconfig(over: { cluster?: object; user?: object; name?: string } = {}): string {
    const config = {
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'me' } }],
      clusters: [
        {
          name: 'test',
          cluster: {
            server: this.url,
            'certificate-authority-data': Buffer.from(this.caPem).toString('base64'),
            ...over.cluster,
          },
        },
      ],
      users: [{ name: 'me', user: over.user ?? { token: 'token-1' } }],
    };
    return this.file(over.name ?? 'kubeconfig', JSON.stringify(config));
  }

  async connect(options: ConnectionOptions = {}): Promise<Connection> {
    const opened = await openConnection({
      ...options,
      kubeconfig: options.kubeconfig ?? this.kubeconfig(),
    });
    if (!opened.ok) throw new Error(JSON.stringify(opened.error));
    this.#opened.push(opened.value);
    return opened.value;
  }

  async stop(): Promise<void> {
    for (const connection of this.#opened) connection.close();
    await this.#close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Until it holds; generous, because other test files run beside this one. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 30_000, interval: 5 });
}

function certificateOf(request: Http2ServerRequest): string {
  const socket = (request.stream?.session?.socket ?? request.socket) as TLSSocket;
  return socket.getPeerCertificate().fingerprint256 ?? '';
}

export function sendJson(reply: Reply, body: unknown, status = 200): void {
  reply.writeHead(status, { 'content-type': 'application/json' });
  reply.end(JSON.stringify(body));
}

export function sendStatus(
  reply: Reply,
  code: number,
  reason: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  reply.writeHead(code, { 'content-type': 'application/json', ...headers });
  reply.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message }));
}
