// Access: what we show the API server and how we know it, read again as tokens and certificates rotate.
import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { KubeConfig } from '@kubernetes/client-node';
import { err, ok, type Result } from '../domain/result.ts';
import { printable } from './api-failure.ts';

/** For a TLS socket. Holds a private key: never print it. */
export interface TlsMaterial {
  readonly ca: string | Buffer | undefined;
  readonly cert: string | Buffer | undefined;
  readonly key: string | Buffer | undefined;
  /** The name in the API server's certificate, where it is another than the address's. */
  readonly servername: string | undefined;
}

/** Holds a token: never print it. */
export interface Access {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
  /** The same for the same {@link tls}: two accesses with one key can share connections. */
  readonly tlsKey: string;
}

export interface AccessSource {
  readonly config: KubeConfig;
  /** Reads the kubeconfig itself again; undefined when it has become unusable. */
  readonly reload: () => KubeConfig | undefined;
}

/** How long one is used before the files are looked at again. The library itself looks at a token file once a minute. */
const FRESH_MS = 10_000;
/** A thousand refused watches must not start a thousand credential plugins. */
const RENEW_EVERY_MS = 1000;
/** A credential plugin that asks a person for something never ends. */
const READ_MS = 30_000;

type TlsValue = string | Buffer | undefined;

function hashOf(tls: TlsMaterial): string {
  const hash = createHash('sha256');
  for (const part of [tls.ca, tls.cert, tls.key, tls.servername]) {
    const bytes = Buffer.from(part ?? '');
    hash.update(`${part === undefined ? 'none' : bytes.length}:`).update(bytes);
  }
  return hash.digest('hex');
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  // A token file may end in a newline, which no header may hold.
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    headers[name.toLowerCase()] = String(value).trim();
  }
  if (typeof options.auth === 'string') {
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return headers;
}

async function readAccess(config: KubeConfig): Promise<Access> {
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const tls: TlsMaterial = {
    ca: options.ca as TlsValue,
    cert: options.cert as TlsValue,
    key: options.key as TlsValue,
    servername: (options as { servername?: string }).servername,
  };
  // Throws on half-written files and on a key of another certificate; every later use may take them as good.
  createSecureContext({ ca: tls.ca, cert: tls.cert, key: tls.key });
  return { headers: headersOf(options), tls, tlsKey: hashOf(tls) };
}

/** Nothing of a file or of a plugin's output is repeated; what a plugin says to the terminal is. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown reason';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error instanceof SyntaxError ? 'the credential plugin printed no JSON' : printable(error.message);
}

function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`the credential plugin took longer than ${ms / 1000} s`));
    }, ms);
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
    });
  });
}

/** Gives the access of the moment. */
export class AccessBook {
  readonly #source: AccessSource;
  readonly #now: () => number;
  #config: KubeConfig;
  #last: Access | undefined;
  #readAt = 0;
  #renewedAt = -Infinity;
  #reading: Promise<Result<Access, string>> | undefined;

  /** `now`: monotonic milliseconds. */
  constructor(source: AccessSource, now: () => number) {
    this.#source = source;
    this.#config = source.config;
    this.#now = now;
  }

  /** From memory, or read now. The error says why there is none; once there was one, the last is used on. */
  async current(): Promise<Result<Access, string>> {
    if (this.#last !== undefined && this.#now() - this.#readAt < FRESH_MS) return ok(this.#last);
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return await this.#reading;
  }

  /** The API server does not know this one: the next is read from the source, past every cache. */
  renew(refused: Access): void {
    const now = this.#now();
    if (refused !== this.#last || now - this.#renewedAt < RENEW_EVERY_MS) return;
    this.#renewedAt = now;
    this.#config = this.#source.reload() ?? this.#config;
    this.#readAt = -Infinity;
  }

  async #read(): Promise<Result<Access, string>> {
    try {
      const access = await within(READ_MS, readAccess(this.#config));
      this.#readAt = this.#now();
      // The same object while nothing has changed, so that it can be told which one was refused.
      if (this.#last === undefined || !isSame(access, this.#last)) this.#last = access;
      return ok(this.#last);
    } catch (error) {
      if (this.#last === undefined) {
        return err(`there is no credential for the API server: ${reasonOf(error)}`);
      }
      this.#readAt = this.#now();
      return ok(this.#last);
    }
  }
}

function isSame(a: Access, b: Access): boolean {
  return a.tlsKey === b.tlsKey && JSON.stringify(a.headers) === JSON.stringify(b.headers);
}
