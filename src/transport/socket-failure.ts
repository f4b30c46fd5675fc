// Socket failure: errors of sockets, TLS and undici in plain words.
import type { ExchangeFailure } from './message.ts';

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'connection timed out',
  EADDRNOTAVAIL: 'no local address to connect from',
  EMFILE: 'out of file descriptors',
  ERR_SSL_WRONG_VERSION_NUMBER: 'does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'does not speak TLS',
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: 'does not know this name (TLS alert)',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'no TLS version in common',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'no TLS version in common',
  UND_ERR_SOCKET: 'connection closed before the answer was complete',
  UND_ERR_HEADERS_OVERFLOW: 'answered with too many headers',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'answered with a body of the wrong length',
};

/** One phrase for an error. The code is a closed vocabulary; messages may hold addresses and are used only without one. */
export function printSocketFailure(error: NodeJS.ErrnoException): string {
  const code = error.code ?? '';
  if (WORDS[code] !== undefined) return WORDS[code];
  if (error.name === 'HTTPParserError') return 'does not speak HTTP/1.1';
  if (code.startsWith('ERR_SSL_'))
    return `TLS failed (${code.slice('ERR_SSL_'.length).toLowerCase().replaceAll('_', ' ')})`;
  return code === '' ? error.message : `${error.message} (${code})`;
}

/** Which class of failure an error on an established connection is. */
export function failureOfConnection(error: NodeJS.ErrnoException): ExchangeFailure {
  const code = error.code ?? '';
  // undici refuses a request of ours: a bug here, and no word about the registry.
  if (code.startsWith('UND_ERR_INVALID')) return { kind: 'void', detail: `internal error: ${error.message}` };
  const garbage = error.name === 'HTTPParserError' || code === 'UND_ERR_HEADERS_OVERFLOW';
  return { kind: garbage ? 'protocol' : 'broken', detail: printSocketFailure(error) };
}
