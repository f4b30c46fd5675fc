// Refused credentials: by namespace, the derived pull secrets that mirrors refuse, as the status of mirror sets says.
import type { RefusedCredential } from './declared-object.ts';

type Endpoints = ReadonlySet<string>;

/** Looks up what the controller has found by trying. */
export class RefusedCredentials {
  readonly #read: () => readonly RefusedCredential[];
  #from: readonly RefusedCredential[] = [];
  #byNamespace: ReadonlyMap<string, ReadonlyMap<string, Endpoints>> = new Map();

  /** @param read The same array as long as nothing has changed. */
  constructor(read: () => readonly RefusedCredential[]) {
    this.#read = read;
  }

  /** Endpoints by the name of the secret; undefined: none is refused in this namespace. */
  refusedIn(namespace: string): ReadonlyMap<string, Endpoints> | undefined {
    const now = this.#read();
    if (now !== this.#from) {
      this.#from = now;
      this.#byNamespace = index(now);
    }
    return this.#byNamespace.get(namespace);
  }
}

function index(refused: readonly RefusedCredential[]): ReadonlyMap<string, ReadonlyMap<string, Endpoints>> {
  const byNamespace = new Map<string, Map<string, Set<string>>>();
  for (const { namespace, secret, endpoint } of refused) {
    const secrets = byNamespace.get(namespace) ?? new Map<string, Set<string>>();
    byNamespace.set(namespace, secrets);
    secrets.set(secret, (secrets.get(secret) ?? new Set()).add(endpoint));
  }
  return byNamespace;
}
