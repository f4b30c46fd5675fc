// Derived book: the derived secrets as they stand in the namespaces now, for whoever tries their credentials.
import type { MirrorSet } from '../domain/mirror-set.ts';
import type { FoundSecret } from '../domain/secret-plan.ts';
import type { CredentialFact } from '../domain/set-status-facts.ts';

/** A derived pull secret that is up to date, and a mirror set that wants it. */
export interface DerivedSubject {
  readonly set: MirrorSet;
  readonly namespace: string;
  readonly secret: Pick<FoundSecret, 'name' | 'uid' | 'entries'>;
}

interface Page {
  readonly secrets: ReadonlyMap<string, FoundSecret>;
  readonly print: string;
}

/** By namespace; tells when a secret has come, changed or gone. */
export class DerivedBook {
  readonly #pages = new Map<string, Page>();
  readonly #listeners = new Set<() => void>();

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Replaces what is known of a namespace. */
  set(namespace: string, found: readonly FoundSecret[]): void {
    const ours = found.filter(({ isOurs }) => isOurs);
    const print = ours.map(({ name, uid, dataHash }) => `${name} ${uid} ${dataHash}`).join('\n');
    if ((this.#pages.get(namespace)?.print ?? '') === print) return;
    const secrets = new Map(ours.map((secret) => [secret.name, secret]));
    if (ours.length === 0) this.#pages.delete(namespace);
    else this.#pages.set(namespace, { secrets, print });
    for (const listener of this.#listeners) listener();
  }

  clear(): void {
    for (const namespace of this.#pages.keys()) this.set(namespace, []);
  }

  /** The secrets behind the facts, where they are ready and their set is still in force. */
  subjects(facts: readonly CredentialFact[], sets: readonly MirrorSet[]): readonly DerivedSubject[] {
    const byName = new Map(sets.map((set) => [set.name, set]));
    return facts.flatMap(({ set: setName, namespace, secret: name, state }) => {
      const [set, secret] = [byName.get(setName), this.#pages.get(namespace)?.secrets.get(name)];
      return state !== 'ready' || set === undefined || secret === undefined
        ? []
        : [{ set, namespace, secret }];
    });
  }
}
