// Proxy: whether a registry is reached through a proxy, and the CONNECT that opens the way (RFC 9110 section 9.3.6).
import { BlockList, isIP, isIPv4, type Socket } from 'node:net';
import type { Problem } from '../domain/problem.ts';
import { err, ok, type Result } from '../domain/result.ts';

/** HTTPS_PROXY and NO_PROXY, read elsewhere. */
export interface ProxySettings {
  /** `http://[user:password@]host[:port]`. */
  readonly url: string;
  /** As in NO_PROXY: `*`, `host`, `host:port`, `.domain` (and below), addresses, CIDRs. */
  readonly noProxy: readonly string[];
}

const MAX_ANSWER_BYTES = 8192;

/** A proxy that can be used, and who is reached without it. */
export class Proxy {
  readonly hostname: string;
  readonly port: number;
  /** Never leaves this class but in the CONNECT to the proxy itself. */
  readonly #authorization: string | undefined;
  readonly #noProxy: readonly string[];

  private constructor(url: URL, noProxy: readonly string[]) {
    this.hostname = url.hostname.replace(/^\[|\]$/gu, '');
    this.port = url.port === '' ? 80 : Number(url.port);
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    this.#authorization = user === ':' ? undefined : `Basic ${Buffer.from(user).toString('base64')}`;
    this.#noProxy = noProxy.map((entry) => entry.trim().toLowerCase()).filter((entry) => entry !== '');
  }

  static parse(settings: ProxySettings): Result<Proxy, Problem> {
    const text = settings.url.includes('://') ? settings.url : `http://${settings.url}`;
    const problem = { path: '', code: 'InvalidProxy', fix: 'Write it as http://[user:password@]host:port' };
    // The text itself may hold a password: it is not repeated in the message.
    if (!URL.canParse(text)) return err({ ...problem, message: 'the proxy is not a URL' });
    const url = new URL(text);
    if (url.protocol !== 'http:')
      return err({ ...problem, message: `a proxy over ${url.protocol}// is not supported` });
    try {
      return ok(new Proxy(url, settings.noProxy));
    } catch {
      return err({ ...problem, message: "the proxy's user or password is not percent-encoded correctly" });
    }
  }

  /** Must this host be reached through the proxy? Loopback never is, as in Go's ProxyFromEnvironment. */
  serves(hostname: string, port: number): boolean {
    const host = hostname.toLowerCase();
    if (host === 'localhost' || host.endsWith('.localhost') || isLoopback(host)) return false;
    return !this.#noProxy.some((entry) => exempts(entry, host, port));
  }

  /** Asks for a tunnel on a socket that is connected to the proxy. Bounded by the caller's timer, which destroys the socket. */
  connect(socket: Socket, target: string): Promise<Result<void, string>> {
    const authorization =
      this.#authorization === undefined ? '' : `proxy-authorization: ${this.#authorization}\r\n`;
    socket.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n${authorization}\r\n`);
    return readConnectAnswer(socket);
  }
}

function readConnectAnswer(socket: Socket): Promise<Result<void, string>> {
  return new Promise((resolve) => {
    let text = '';
    const finish = (result: Result<void, string>): void => {
      socket.off('data', read).off('close', closed);
      socket.pause();
      resolve(result);
    };
    const closed = (): void => {
      finish(err('the proxy closed the connection'));
    };
    const read = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) {
        if (text.length > MAX_ANSWER_BYTES) finish(err('the proxy answered with something that is not HTTP'));
        return;
      }
      const status = /^HTTP\/1\.[01] (\d{3})/u.exec(text)?.[1] ?? 'garbage';
      finish(status === '200' ? ok(undefined) : err(`the proxy answered ${status}`));
    };
    socket.on('data', read).on('close', closed);
  });
}

function isLoopback(host: string): boolean {
  return isIP(host) !== 0 && (host === '::1' || (isIPv4(host) && host.startsWith('127.')));
}

function inCidr(entry: string, host: string): boolean {
  const [base = '', bits = ''] = entry.split('/');
  const family = isIP(base);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/u.test(bits)) return false;
  if (Number(bits) > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(base, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/** Does one NO_PROXY entry exempt the host? Entries are lower-case and trimmed. */
function exempts(entry: string, host: string, port: number): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return inCidr(entry, host);
  if (isIP(entry) !== 0) return entry === host;
  const [, name = '', wantedPort] = /^\[?(.*?)\]?(?::(\d+))?$/u.exec(entry) ?? [];
  if (wantedPort !== undefined && Number(wantedPort) !== port) return false;
  const domain = name.replace(/^\*?\./u, '');
  // `.corp` means what is below corp; `corp` means itself and what is below it.
  return host.endsWith(`.${domain}`) || (domain === name && host === domain);
}
