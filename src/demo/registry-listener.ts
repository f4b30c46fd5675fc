// The TCP side of a demo registry: accepts connections, hands them to TLS, and can fall silent or go away.
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** Where a listener listens. */
export interface ListenAddress {
  readonly address: string;
  /** 0 for a free one. */
  readonly port: number;
}

/** Far above what the demo opens; keeps a runaway client from using up file descriptors. */
const MAX_CONNECTIONS = 512;

/** Resolves when it listens, or was closed before it could: node then says neither `listening` nor `error`. */
function listen(server: Server, wanted: ListenAddress): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('close', () => resolve(wanted));
    server.listen({ host: wanted.address, port: wanted.port, exclusive: true }, () => {
      server.off('error', reject);
      const bound = server.address() as AddressInfo;
      resolve({ address: bound.address, port: bound.port });
    });
  });
}

/** Linux has all of 127.0.0.0/8; macOS and some containers have only 127.0.0.1. */
function isNoSuchAddress(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRNOTAVAIL';
}

/** A listening port whose connections are known one by one, so that each can be left hanging or be cut. */
export class RegistryListener {
  readonly #accept: (socket: Socket) => void;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  /** `accept` gets every connection; until somebody reads from it or writes to it, its peer hears nothing. */
  constructor(accept: (socket: Socket) => void) {
    this.#accept = accept;
  }

  get open(): number {
    return this.#sockets.size;
  }

  get listening(): boolean {
    return this.#server !== undefined;
  }

  /**
   * Listens, on 127.0.0.1 where the system lacks the wanted address, and says where. Rejects with the error of the
   * operating system when it cannot; says what was wanted when stopped meanwhile. One call at a time.
   */
  async start(where: ListenAddress): Promise<ListenAddress> {
    try {
      return await this.#listen(where);
    } catch (error) {
      if (!isNoSuchAddress(error)) throw error;
      return this.#listen({ ...where, address: '127.0.0.1' });
    }
  }

  /** Stops listening and cuts every connection; new ones are refused from the moment this returns. */
  stop(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }

  async #listen(where: ListenAddress): Promise<ListenAddress> {
    const server = createServer({ noDelay: true }, (socket) => this.#connected(server, socket));
    server.maxConnections = MAX_CONNECTIONS;
    this.#server = server;
    try {
      return await listen(server, where);
    } catch (error) {
      if (this.#server === server) this.#server = undefined;
      throw error;
    } finally {
      // Stopped while node was still looking the address up: not every version then gives up listening.
      if (this.#server !== server) server.close();
    }
  }

  #connected(server: Server, socket: Socket): void {
    // Accepted by the kernel before `stop`, told to us after it.
    if (server !== this.#server) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // A peer that goes away is not news here, and an unheard 'error' would end the process.
    socket.on('error', () => socket.destroy());
    this.#accept(socket);
  }
}
