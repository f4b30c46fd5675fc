// Dial: a TLS connection to the API server that speaks HTTP/2, or the finding that it does not. Always verified.
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { isIP } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { TlsMaterial } from './access.ts';
import { messageOf } from './exchange.ts';

export type Dialled =
  | { readonly kind: 'session'; readonly session: ClientHttp2Session; readonly maxStreams: number }
  | { readonly kind: 'http1' }
  | { readonly kind: 'failed'; readonly message: string };

/** Per stream and per connection: a burst of events must not wait for window updates. */
const STREAM_WINDOW = 1024 * 1024;
const SESSION_WINDOW = 16 * 1024 * 1024;
const KEEP_ALIVE_MS = 15_000;

/** What every TLS connection to the API server is made with, whatever dials it. */
export function tlsOptions(tls: TlsMaterial): {
  [Name in keyof TlsMaterial]?: NonNullable<TlsMaterial[Name]>;
} & { rejectUnauthorized: true } {
  return {
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    ...(tls.servername === undefined ? {} : { servername: tls.servername }),
    // Written out, so that no environment variable can turn it off.
    rejectUnauthorized: true,
  };
}

function openSocket(origin: URL, tls: TlsMaterial): TLSSocket {
  const host = origin.hostname.replaceAll(/^\[|\]$/g, '');
  const socket = connectTls({
    host,
    port: Number(origin.port === '' ? 443 : origin.port),
    ALPNProtocols: ['h2', 'http/1.1'],
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...tlsOptions(tls),
  });
  return socket.setKeepAlive(true, KEEP_ALIVE_MS).setNoDelay(true);
}

function openSession(origin: URL, socket: TLSSocket): ClientHttp2Session {
  return connectHttp2(origin, {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
    maxSessionMemory: 64,
  });
}

/** Dials once. Never rejects; done or given up within `ms`, the server's first settings included. */
export function dial(origin: URL, tls: TlsMaterial, ms: number): Promise<Dialled> {
  return new Promise((resolve) => {
    const socket = openSocket(origin, tls);
    let session: ClientHttp2Session | undefined;
    let isDone = false;
    const finish = (dialled: Dialled): void => {
      if (isDone) return; // later errors are the session's
      isDone = true;
      clearTimeout(timer);
      resolve(dialled);
      if (dialled.kind === 'session') return;
      session?.destroy();
      socket.destroy();
    };
    const fail = (error: unknown): void => {
      finish({ kind: 'failed', message: messageOf(error) });
    };
    const timer = setTimeout(() => {
      fail(new Error(`no TLS connection to ${origin.host} within ${ms} ms`));
    }, ms);
    socket.on('error', fail);
    socket.once('close', () => {
      fail(new Error(`${origin.host} closed the connection during the handshake`));
    });
    socket.once('secureConnect', () => {
      if (socket.alpnProtocol !== 'h2') {
        finish({ kind: 'http1' });
        return;
      }
      const opened = openSession(origin, socket);
      session = opened;
      opened.on('error', fail);
      opened.once('remoteSettings', (settings) => {
        opened.setLocalWindowSize(SESSION_WINDOW);
        finish({ kind: 'session', session: opened, maxStreams: settings.maxConcurrentStreams ?? Infinity });
      });
    });
  });
}
