// Handshake: does a source answer from this very node? One connection with verified TLS, and not a byte of HTTP.
import { isIP } from 'node:net';
import { connect, createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { parseEndpoint } from '../domain/endpoint.ts';
import type { WantedSource } from '../nodes/data/wanted.ts';

/** Why a source does not answer, in words; undefined: it answers. Never rejects. */
export type Handshake = (source: WantedSource) => Promise<string | undefined>;

/** The default authorities and the source's own. Throws on PEM that cannot be read. */
function trustOf(caPem: string): SecureContext {
  // Without a CA of its own Node's shared context is used: making one parses every default authority again.
  return createSecureContext(caPem === '' ? {} : { ca: [...getCACertificates('default'), caPem] });
}

function dial(
  host: string,
  port: number,
  secureContext: SecureContext,
  timeoutMs: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port,
      secureContext,
      // An address is no name to be told (RFC 6066, 3); the certificate is compared with it all the same.
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const finish = (whyNot: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(whyNot);
    };
    // One timer from the look-up of the name to the certificate: none of these steps can be cancelled by itself.
    const timer = setTimeout(() => {
      finish(`no answer within ${timeoutMs} ms`);
    }, timeoutMs);
    socket.on('error', (error) => {
      finish(error.message);
    });
    socket.once('secureConnect', () => {
      finish(undefined);
    });
  });
}

/** A handshake of at most `timeoutMs` in all. */
export function createHandshake(timeoutMs: number): Handshake {
  return async ({ endpoint: text, caPem }) => {
    const endpoint = parseEndpoint(text);
    if (!endpoint.ok) return endpoint.error.message;
    try {
      return await dial(endpoint.value.hostname, endpoint.value.port, trustOf(caPem), timeoutMs);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
}
