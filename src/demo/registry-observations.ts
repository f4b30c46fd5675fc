// What one demo registry has seen: its requests and connections, for the walk-through and for tests.

/** One request. Nothing in it is secret: the query is left off, and of a credential only its username is told. */
export interface SeenRequest {
  /** When it arrived, milliseconds since 1970. */
  readonly atMs: number;
  readonly method: string;
  /** Without the query; at most 300 characters. */
  readonly path: string;
  /** The status answered; undefined when the request was left without an answer. */
  readonly status: number | undefined;
  /** The username shown, or `anonymous`, `wrong password`, `invalid token`. */
  readonly shown: string;
}

/** Connections since the start or the last `clear`; `open` is the present number. */
export interface SeenConnections {
  /** TCP connections accepted. */
  readonly accepted: number;
  /** Those of them whose TLS handshake finished. */
  readonly secured: number;
  readonly open: number;
}

/** A walk-through makes a few dozen requests; a demo left running must not grow. */
const MAX_REQUESTS = 1000;
const MAX_PATH = 300;

/** Keeps the latest 1,000 requests. */
export class RegistryObservations {
  #requests: SeenRequest[] = [];
  #accepted = 0;
  #secured = 0;

  get requests(): readonly SeenRequest[] {
    return [...this.#requests];
  }

  connections(open: number): SeenConnections {
    return { accepted: this.#accepted, secured: this.#secured, open };
  }

  sawRequest(request: Omit<SeenRequest, 'path'> & { readonly target: string }): void {
    const { target, ...rest } = request;
    const path = target.split('?', 1).join('').slice(0, MAX_PATH);
    this.#requests.push({ ...rest, path });
    if (this.#requests.length > MAX_REQUESTS) this.#requests.shift();
  }

  sawConnection(): void {
    this.#accepted += 1;
  }

  sawHandshake(): void {
    this.#secured += 1;
  }

  /** Forgets, so that a step of the walk-through sees its own doing only. */
  clear(): void {
    this.#requests = [];
    this.#accepted = 0;
    this.#secured = 0;
  }
}
