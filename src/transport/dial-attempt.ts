// Dial attempt: TCP and TLS to one address, directly or through the proxy. Has no time-out of its own: the dial has it.
import { connect as connectTcp, isIP, Socket } from 'node:net';
import { connect as connectTls, type PeerCertificate, type SecureContext, type TLSSocket } from 'node:tls';
import type { Result } from '../domain/result.ts';
import { err, ok } from '../domain/result.ts';
import { refusalOfAddress } from './guard.ts';
import { printOrigin, type ExchangeFailure, type Origin } from './message.ts';
import type { Proxy } from './proxy.ts';
import { printSocketFailure } from './socket-failure.ts';
import { printCertificateFailure } from './tls-failure.ts';

/** How far an attempt has come, for the sentence when time runs out. */
export type DialStage = 'tcp' | 'proxy' | 'tls';

export interface AttemptTarget {
  readonly origin: Origin;
  /** The address to connect to: the registry's, or the proxy's. */
  readonly address: string;
  readonly port: number;
  readonly proxy: Proxy | undefined;
  readonly context: SecureContext;
}

/** One attempt; `done` is called exactly once, unless it was abandoned. */
export class DialAttempt {
  stage: DialStage = 'tcp';
  /** The failure is about the certificate or the guard: it says more than another address's refused connection. */
  telling = false;
  readonly #target: AttemptTarget;
  readonly #done: (result: Result<TLSSocket, ExchangeFailure>) => void;
  readonly #tcp: Socket;
  #tls: TLSSocket | undefined;
  #over = false;

  constructor(target: AttemptTarget, done: (result: Result<TLSSocket, ExchangeFailure>) => void) {
    this.#target = target;
    this.#done = done;
    const refusal = this.#refusal(target.address);
    if (refusal !== undefined) {
      // Not even a SYN: a closed port and an open one must not be told apart for the registry.
      this.#tcp = new Socket();
      queueMicrotask(() => {
        this.#refuse(refusal);
      });
      return;
    }
    this.#tcp = connectTcp({ host: target.address, port: target.port, noDelay: true, keepAlive: true });
    this.#tcp.on('error', (error) => {
      this.#fail(`${printSocketFailure(error)} (${this.#where()})`);
    });
    this.#tcp.once('close', () => {
      if (this.stage === 'tcp') this.#fail(`connection closed (${this.#where()})`);
    });
    this.#tcp.once('connect', () => {
      void this.#connected();
    });
  }

  /** The attempt is no longer wanted; its sockets are closed and `done` is not called. */
  abandon(): void {
    this.#over = true;
    this.#tls?.destroy();
    this.#tcp.destroy();
  }

  #where(): string {
    const { address, port, proxy } = this.#target;
    const host = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    return proxy ? `proxy ${host}` : host;
  }

  #fail(detail: string, kind: 'connect' | 'guard' = 'connect'): void {
    if (this.#over) return;
    this.abandon();
    this.#done(err({ kind, detail }));
  }

  /** Why the origin must not be reached at this address. Through a proxy only a literal address can be judged. */
  #refusal(address: string): string | undefined {
    const { origin, proxy } = this.#target;
    if (origin.guard === undefined) return undefined;
    if (proxy === undefined) return refusalOfAddress(origin.guard, address);
    return isIP(origin.hostname) === 0 ? undefined : refusalOfAddress(origin.guard, origin.hostname);
  }

  #refuse(refusal: string): void {
    this.telling = true;
    this.#fail(`not contacted: ${refusal}`, 'guard');
  }

  async #connected(): Promise<void> {
    const { origin, proxy } = this.#target;
    // Judged again on the peer that really answered, before a byte is sent.
    const refusal = this.#refusal(this.#tcp.remoteAddress ?? '');
    if (refusal !== undefined) {
      this.#refuse(refusal);
      return;
    }
    if (proxy) {
      this.stage = 'proxy';
      const tunnel = await proxy.connect(this.#tcp, printOrigin(origin).slice('https://'.length));
      if (!tunnel.ok) this.#fail(`${tunnel.error} (${this.#where()})`);
    }
    if (!this.#over) this.#startTls();
  }

  #startTls(): void {
    const { origin, context } = this.#target;
    this.stage = 'tls';
    const literal = isIP(origin.hostname) !== 0;
    // Server Name Indication must not carry an address (RFC 6066); the certificate is checked against `host` all the same.
    const tls = connectTls({
      socket: this.#tcp,
      host: origin.hostname,
      ...(literal ? {} : { servername: origin.hostname }),
      secureContext: context,
      ALPNProtocols: ['http/1.1'],
    });
    this.#tls = tls;
    let certificate: PeerCertificate | undefined;
    // Node destroys the socket when verification fails, and its certificate with it: for the sentence it is read just before.
    tls.prependListener('secure', () => {
      certificate = tls.getPeerCertificate();
    });
    tls.on('error', (error: NodeJS.ErrnoException) => {
      const words = printCertificateFailure(error, origin.hostname, certificate);
      this.telling = words !== undefined;
      this.#fail(words ?? `${printSocketFailure(error)} during the TLS handshake (${this.#where()})`);
    });
    tls.once('close', () => {
      this.#fail(`connection closed during the TLS handshake (${this.#where()})`);
    });
    tls.once('secureConnect', () => {
      if (this.#over) return;
      this.#over = true;
      this.#done(ok(tls));
    });
  }
}
