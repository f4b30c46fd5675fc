// DemoRegistry: a small real registry in this process. Pull API and token service over TLS, with faults to switch on.
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import { isIPv4 } from 'node:net';
import type { Socket } from 'node:net';
import type { Fault } from './faults.ts';
import type { DemoImage } from './image.ts';
import { RegistryApi } from './registry-api.ts';
import { RegistryListener } from './registry-listener.ts';
import type { ListenAddress } from './registry-listener.ts';
import { RegistryObservations } from './registry-observations.ts';
import type { SeenConnections, SeenRequest } from './registry-observations.ts';
import { writeReply } from './registry-reply.ts';
import { RegistryStore } from './registry-store.ts';
import { TokenIssuer } from './token-issuer.ts';
import type { Account } from './token-issuer.ts';

export interface DemoRegistryOptions {
  /** What it calls itself: the `service` of its challenges. Letters, digits, dots and dashes. */
  readonly name: string;
  /** A loopback address, 127.0.0.0/8. Where the system has only 127.0.0.1, that is used instead. */
  readonly address: string;
  /** 0, the default, for a free one. */
  readonly port?: number;
  /** The certificate has to name `address`, and 127.0.0.1 for systems that have no other. */
  readonly tls: { readonly certificatePem: string; readonly keyPem: string };
  /** The one account it knows. */
  readonly account: Account;
  /** Repositories the account may pull; every one when absent. */
  readonly repositories?: readonly string[];
  /** Life of a token; 300 when absent. */
  readonly tokenSeconds?: number;
  /** What a throttled answer asks for; 60 when absent. */
  readonly retryAfterSeconds?: number;
  /** The clock, milliseconds since 1970; the system's when absent. */
  readonly now?: () => number;
}

const NAME = /^[a-zA-Z0-9.-]+$/;

function isLoopback(address: string): boolean {
  return isIPv4(address) && address.startsWith('127.');
}

/** A running registry. `fault` switches what goes wrong; `publish` and `remove` change what it holds. */
export class DemoRegistry {
  readonly #now: () => number;
  readonly #store = new RegistryStore();
  readonly #observations = new RegistryObservations();
  readonly #listener = new RegistryListener((socket) => this.#connected(socket));
  readonly #https: Server;
  readonly #api: RegistryApi;
  /** Connections on which somebody waits for an answer that the silence swallowed. */
  readonly #unanswered = new Set<Socket>();
  #where: ListenAddress = { address: '', port: 0 };
  #fault: Fault = 'none';
  #settled: Promise<unknown> = Promise.resolve();
  #stopped = false;

  private constructor(options: DemoRegistryOptions) {
    this.#now = options.now ?? Date.now;
    this.#api = this.#createApi(options);
    const { certificatePem, keyPem } = options.tls;
    // Idle connections are kept for good: a silent registry must not give itself away by closing one.
    this.#https = createServer(
      { cert: certificatePem, key: keyPem, keepAliveTimeout: 0 },
      (request, response) => this.#requested(request, response),
    );
    this.#https.on('secureConnection', () => this.#observations.sawHandshake());
  }

  /** Starts one; resolves when it listens. Throws when the address is not loopback or the port is taken. */
  static async start(options: DemoRegistryOptions): Promise<DemoRegistry> {
    if (!isLoopback(options.address)) throw new Error(`not a loopback address: ${options.address}`);
    if (!NAME.test(options.name)) throw new Error(`not a registry name: ${options.name}`);
    const registry = new DemoRegistry(options);
    registry.#where = await registry.#listener.start({ address: options.address, port: options.port ?? 0 });
    return registry;
  }

  /** `address:port`, as it stands in an image reference. */
  get hostPort(): string {
    return `${this.#where.address}:${this.#where.port}`;
  }

  /** Where it listens, or would when it is not down. */
  get where(): ListenAddress {
    return this.#where;
  }

  get fault(): Fault {
    return this.#fault;
  }

  /**
   * Switches the fault; it holds for the next connection and request. Only a registry coming back from `down` needs a
   * moment to listen again: `settled` waits for that. Falling silent lets a handshake that has begun come to its end;
   * the request after it hangs. Connections that were left without an answer are cut on healing.
   */
  set fault(fault: Fault) {
    const before = this.#fault;
    if (fault === before || this.#stopped) return;
    this.#fault = fault;
    if (before === 'silent') this.#cutUnanswered();
    if (fault === 'down') this.#listener.stop();
    if (before === 'down') this.#listenAgain();
  }

  /** Resolves when the registry listens, or does not, as its fault says; rejects when it lost its port while down. */
  async settled(): Promise<void> {
    await this.#settled;
  }

  /** Puts an image under a tag, or moves the tag to it. The build that the tag leaves stays to be had by digest. */
  publish(repository: string, tag: string, image: DemoImage): void {
    this.#store.publish(repository, tag, image);
  }

  /** Takes away an image (by tag and digest), or without a tag the whole repository. False when there was none. */
  remove(repository: string, tag?: string): boolean {
    return this.#store.remove(repository, tag);
  }

  /** The latest 1,000 requests, oldest first. */
  get requests(): readonly SeenRequest[] {
    return this.#observations.requests;
  }

  get connections(): SeenConnections {
    return this.#observations.connections(this.#listener.open);
  }

  /** Forgets the requests and connections seen so far. */
  clearObservations(): void {
    this.#observations.clear();
  }

  /** Stops for good: nothing listens and every connection is cut when this resolves. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#settled.catch(() => undefined);
    this.#listener.stop();
    this.#https.close();
  }

  #createApi(options: DemoRegistryOptions): RegistryApi {
    const { name: service, account, repositories, tokenSeconds = 300, retryAfterSeconds = 60 } = options;
    return new RegistryApi({
      store: this.#store,
      issuer: new TokenIssuer({ service, account, repositories, tokenSeconds, now: this.#now }),
      service,
      realm: () => `https://${this.hostPort}/token`,
      retryAfterSeconds,
    });
  }

  /** One start at a time, and only if still wanted by then: a person may switch faster than a port opens. */
  #listenAgain(): void {
    const before = this.#settled.catch(() => undefined);
    this.#settled = before.then(() =>
      this.#fault === 'down' || this.#listener.listening ? undefined : this.#listener.start(this.#where),
    );
    // Told by `settled`; without a listener of its own the rejection would end the process.
    this.#settled.catch(() => undefined);
  }

  #connected(socket: Socket): void {
    this.#observations.sawConnection();
    if (this.#fault === 'silent') {
      this.#leaveUnanswered(socket);
      // Read and thrown away, so that a client that hangs up is noticed. It is never written to.
      socket.resume();
      return;
    }
    this.#https.emit('connection', socket);
  }

  #requested(request: IncomingMessage, response: ServerResponse): void {
    const { method = 'GET', url: target = '/', headers, socket } = request;
    // A body is never wanted; unread it would block the next request of the connection.
    request.resume();
    const { authorization, accept } = headers;
    const answer = this.#api.answer({ method, target, authorization, accept }, this.#fault);
    const silent = this.#fault === 'silent';
    const status = silent ? undefined : answer.reply.status;
    this.#observations.sawRequest({ atMs: this.#now(), method, target, status, shown: answer.shown });
    if (silent) this.#leaveUnanswered(socket);
    else writeReply(response, answer.reply);
  }

  #leaveUnanswered(socket: Socket): void {
    this.#unanswered.add(socket);
    socket.on('close', () => this.#unanswered.delete(socket));
  }

  #cutUnanswered(): void {
    for (const socket of this.#unanswered) socket.destroy();
  }
}
