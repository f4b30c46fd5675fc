// Keyring: which credentials the kubelet would try for an image, and in which order (credentialprovider/keyring.go).
import type { Credential } from './credential.ts';
import type { ParsedPullSecret, PullSecretEntry } from './pull-secret.ts';
import { LEGACY_DOCKER_KEY, matchesKey, normaliseKey, parseKey } from './registry-key.ts';
import type { RegistryKey } from './registry-key.ts';

/** A credential that matches, and where it stands. */
export interface KeyringMatch {
  readonly credential: Credential;
  readonly secretName: string;
  /** As the kubelet keeps it: without scheme, and without a user name or password that stood in a URL. */
  readonly key: string;
}

interface Slot {
  readonly normalised: string;
  /** undefined: kept by the kubelet, but matching nothing. */
  readonly key: RegistryKey | undefined;
  /** In the order of the secrets. */
  readonly matches: KeyringMatch[];
}

/** Reverse order of the key text: longer paths of one host come first, `*` sorts behind letters and digits. */
export function compareKeys(first: string, second: string): number {
  if (first === second) return 0;
  return first < second ? 1 : -1;
}

/** isDefaultRegistryMatch: would Docker look for this name at Docker Hub? `localhost/x` counts too. */
function isDockerHub(repositoryName: string): boolean {
  const slash = repositoryName.indexOf('/');
  if (slash === -1) return repositoryName !== '';
  const first = repositoryName.slice(0, slash);
  if (first === 'docker.io' || first === 'index.docker.io') return true;
  return first !== '' && !/[.:]/.test(first);
}

/** All pull secrets of a pod as one keyring. Built once, looked up often; it never changes. */
export class Keyring {
  readonly #slots: readonly Slot[];
  readonly #legacy: readonly KeyringMatch[];

  /** @param secrets In the order of `spec.imagePullSecrets`. */
  constructor(secrets: readonly ParsedPullSecret[]) {
    const slots = new Map<string, Slot>();
    for (const secret of secrets) {
      for (const entry of secret.entries) Keyring.#insert(slots, secret.name, entry);
    }
    this.#slots = [...slots.values()].sort((a, b) => compareKeys(a.normalised, b.normalised));
    this.#legacy = slots.get(LEGACY_DOCKER_KEY)?.matches ?? [];
  }

  static #insert(slots: Map<string, Slot>, secretName: string, entry: PullSecretEntry): void {
    const normalised = normaliseKey(entry.key);
    if (normalised === undefined) return;
    const slot = slots.get(normalised) ?? { normalised, key: parseKey(normalised), matches: [] };
    slots.set(normalised, slot);
    slot.matches.push({ credential: entry.credential, secretName, key: normalised });
  }

  /**
   * Every credential that matches, in the order of the kubelet's tries, duplicates included. Docker Hub's old key counts
   * only when nothing else matches.
   * @param repositoryName `host/path`, without tag and digest.
   */
  lookup(repositoryName: string): readonly KeyringMatch[] {
    const image = parseKey(repositoryName);
    if (image !== undefined) {
      const found = this.#slots.flatMap(({ key, matches }) =>
        key !== undefined && matchesKey(key, image) ? matches : [],
      );
      if (found.length > 0) return found;
    }
    return this.#legacy.length > 0 && isDockerHub(repositoryName) ? this.#legacy : [];
  }
}
