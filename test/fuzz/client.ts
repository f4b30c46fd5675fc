// Client: one request to a scene, into the server without a socket or over a real TLS connection that is kept alive.
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import type { Answer } from './checks.ts';
import type { Scene } from './scenes.ts';

export interface Message {
  /** Path and query. */
  readonly url: string;
  readonly body: string | Buffer;
  /** '' for none. */
  readonly contentType: string;
  /** Over TLS; otherwise handed to the server in memory. */
  readonly overSocket: boolean;
  /** Over TLS only: without a Content-Length. */
  readonly chunked?: boolean;
}

/** No answer in this time is a hang: the API server gives up after 10 s at most by default. */
const HANG_MS = 10_000;

const agent = new Agent({ keepAlive: true, rejectUnauthorized: true });
let trusted = '';

/** The CA that scenes' certificates are checked against. */
export function trust(caPem: string): void {
  trusted = caPem;
}

export function portOf(scene: Scene): number {
  return (scene.server.app.server.address() as AddressInfo).port;
}

async function inMemory(scene: Scene, message: Message): Promise<Answer> {
  const answer = await scene.server.app.inject({
    method: 'POST',
    url: message.url,
    headers: message.contentType === '' ? {} : { 'content-type': message.contentType },
    payload: message.body,
  });
  return { status: answer.statusCode, body: answer.body };
}

function overSocket(scene: Scene, message: Message): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...(message.contentType === '' ? {} : { 'content-type': message.contentType }),
      ...(message.chunked ? {} : { 'content-length': String(Buffer.byteLength(message.body)) }),
    };
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: portOf(scene),
        path: message.url,
        method: 'POST',
        headers,
        agent,
        ca: trusted,
      },
      (incoming) => {
        incoming.setEncoding('utf8');
        let body = '';
        incoming.on('data', (chunk: string) => {
          body += chunk;
        });
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body }));
        incoming.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(message.body);
  });
}

function within<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const hang = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${HANG_MS} ms`)), HANG_MS);
  });
  return Promise.race([answer, hang]).finally(() => clearTimeout(timer));
}

/** Sends a message. Rejects when no answer came. */
export function send(scene: Scene, message: Message): Promise<Answer> {
  return within(message.overSocket ? overSocket(scene, message) : inMemory(scene, message));
}

/** Writes bytes that need not be HTTP onto a new TLS connection; resolves with what came back until it was closed. */
export function sendBytes(scene: Scene, bytes: Buffer): Promise<string> {
  const answer = new Promise<string>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: portOf(scene), ca: trusted });
    socket.setEncoding('utf8');
    let text = '';
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
    socket.write(bytes);
    // A half-close: whatever is missing will not come.
    socket.end();
  });
  return within(answer);
}

/** Closes the connections that were kept. */
export function closeClient(): void {
  agent.destroy();
}
