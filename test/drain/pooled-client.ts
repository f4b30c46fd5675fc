// Pooled client: HTTP/1.1 over TLS as the API server's webhook client does it, and as strict as Go's http.Transport.
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';

/**
 * The rule of what is a failure is Go's (net/http transport.go, shouldRetryRequest): a POST is sent again only when it was
 * given a used connection and not a single byte of it had been written. A failed dial, an answer cut off, or a connection
 * closed after the first byte of the request is a failed request, for the API server and so for us.
 * A connection whose close was seen before it was taken is not used; one that was told `Connection: close` neither.
 */
export interface Target {
  readonly host: string;
  readonly port: number;
}

export interface Reply {
  readonly status: number;
  readonly body: string;
  readonly target: Target;
  /** The server asked for the connection to be closed. */
  readonly wasLast: boolean;
  readonly ms: number;
}

/** The API server waits this long for a webhook before it gives up (MutatingWebhookConfiguration timeoutSeconds: 3). */
const TIMEOUT_MS = 3_000;

interface Parsed {
  readonly status: number;
  readonly body: string;
  readonly wasLast: boolean;
}

/** One whole answer with a Content-Length at the beginning of `bytes`; undefined while it is not whole. */
function parseReply(bytes: Buffer): Parsed | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = bytes.subarray(0, end).toString('latin1');
  const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? NaN);
  if (Number.isNaN(length)) throw new Error(`an answer without a Content-Length: ${head}`);
  if (bytes.length < end + 4 + length) return undefined;
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0),
    body: bytes.subarray(end + 4, end + 4 + length).toString('utf8'),
    wasLast: /^connection: close$/im.test(head),
  };
}

class PooledConnection {
  readonly target: Target;
  readonly #socket: TLSSocket;
  #bytes: Buffer = Buffer.alloc(0);
  #waiting:
    { readonly resolve: (parsed: Parsed) => void; readonly reject: (error: Error) => void } | undefined;
  closed = false;

  private constructor(target: Target, socket: TLSSocket, onClose: (connection: PooledConnection) => void) {
    this.target = target;
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    for (const event of ['end', 'close', 'error'] as const) {
      socket.on(event, (error?: unknown) => {
        this.closed = true;
        const words = error instanceof Error ? error.message : event;
        this.#waiting?.reject(new Error(`connection lost after the request was written: ${words}`));
        this.#waiting = undefined;
        onClose(this);
        socket.destroy();
      });
    }
  }

  static dial(
    target: Target,
    caPem: string,
    onClose: (connection: PooledConnection) => void,
  ): Promise<PooledConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ ...target, ca: caPem, ALPNProtocols: ['http/1.1'] });
      const fail = (error: Error): void => reject(new Error(`dial of ${target.port}: ${error.message}`));
      socket.once('error', fail);
      socket.once('secureConnect', () => {
        socket.off('error', fail);
        socket.setNoDelay(true);
        resolve(new PooledConnection(target, socket, onClose));
      });
    });
  }

  #read(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    try {
      const parsed = parseReply(this.#bytes);
      if (parsed === undefined) return;
      this.#bytes = Buffer.alloc(0);
      this.#waiting?.resolve(parsed);
    } catch (error) {
      this.#waiting?.reject(error as Error);
    }
    this.#waiting = undefined;
  }

  ask(bytes: Buffer): Promise<Parsed> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(bytes);
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

function printRequest({ host, port }: Target, body: string): Buffer {
  const head =
    `POST /mutate?timeout=3s HTTP/1.1\r\nHost: ${host}:${port}\r\nUser-Agent: kube-apiserver-admission\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\nContent-Type: application/json\r\nAccept: application/json, */*\r\n\r\n`;
  return Buffer.from(head + body, 'utf8');
}

function within<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Idle connections, last used first, as Go keeps them; a new one goes where `choose` says at that moment. */
export class PooledClient {
  readonly #choose: () => Target;
  readonly #caPem: string;
  readonly #idle: PooledConnection[] = [];
  readonly #all = new Set<PooledConnection>();
  dials = 0;

  constructor(caPem: string, choose: () => Target) {
    this.#caPem = caPem;
    this.#choose = choose;
  }

  async #take(): Promise<PooledConnection> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    this.dials += 1;
    const connection = await PooledConnection.dial(this.#choose(), this.#caPem, (lost) => this.#forget(lost));
    this.#all.add(connection);
    return connection;
  }

  #forget(connection: PooledConnection): void {
    this.#all.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  /** Sends a review. Rejects when the API server would count the call as failed; see the rule above. */
  async post(body: string): Promise<Reply> {
    const started = performance.now();
    let taken: PooledConnection | undefined;
    try {
      taken = await within(this.#take());
      const parsed = await within(taken.ask(printRequest(taken.target, body)));
      if (parsed.wasLast || taken.closed) taken.close();
      else this.#idle.push(taken);
      return { ...parsed, target: taken.target, ms: performance.now() - started };
    } catch (error) {
      taken?.close();
      throw error;
    }
  }

  /** Open connections to a target. */
  openTo(target: Target): number {
    return [...this.#all].filter((one) => one.target === target).length;
  }

  close(): void {
    for (const connection of this.#all) connection.close();
  }
}
