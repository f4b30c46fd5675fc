// Declared state: what admission needs of the declarations in force: sets by namespace, pull secrets by name.
import type { PullSecretObject } from '../domain/pull-secret.ts';
import { parsePullSecret } from '../domain/pull-secret.ts';
import type { Labels } from '../domain/label-selector.ts';
import type { MirrorSet } from '../domain/mirror-set.ts';
import type { SecretReading } from '../domain/pod-credentials.ts';
import { setsFor, setsForName } from '../domain/set-selection.ts';
import type { MirrorSource, PullSecretSource, RefusalSource, ServiceAccountSource } from './lookups.ts';

export interface DeclaredObjects {
  readonly sets: readonly MirrorSet[];
  readonly namespaceLabels: ReadonlyMap<string, Labels>;
  readonly secrets: readonly (PullSecretObject & { readonly namespace: string })[];
  /** Stands in for every pull secret that a pod names and the declarations do not hold (a laptop's docker login). */
  readonly standIn: PullSecretObject | undefined;
}

/** Names that are not declared and remembered all the same; whoever calls us chooses them. */
const MAX_UNDECLARED = 4096;

function readSecret(name: string, secret: PullSecretObject | undefined): SecretReading {
  // In the cluster it may well exist: what the files do not hold is unknown, not absent.
  if (secret === undefined) return { name, state: 'unread' };
  const parsed = parsePullSecret(secret);
  if (!parsed.ok) return { name, state: 'broken', problem: parsed.error };
  if (parsed.value === undefined) return { name, state: 'absent' };
  return { name, state: 'parsed', secret: { ...parsed.value, name } };
}

/** One immutable state; a change of the declarations makes a new one. */
class State implements MirrorSource, PullSecretSource {
  readonly #objects: DeclaredObjects;
  readonly #secrets: ReadonlyMap<string, PullSecretObject>;
  readonly #byNamespace = new Map<string, readonly MirrorSet[]>();
  /** Equal selections share one array, so that what is worked out from it is worked out once. */
  readonly #bySelection: Map<string, readonly MirrorSet[]>;
  readonly #readings = new Map<string, SecretReading>();

  /** @param before With the same sets, only namespaces have changed: what was worked out from a selection still holds. */
  constructor(objects: DeclaredObjects, before?: State) {
    this.#objects = objects;
    this.#secrets = new Map(objects.secrets.map((secret) => [`${secret.namespace}/${secret.name}`, secret]));
    const isAlike = before !== undefined && before.#objects.sets === objects.sets;
    this.#bySelection = isAlike ? before.#bySelection : new Map<string, readonly MirrorSet[]>();
  }

  forNamespace(namespace: string): readonly MirrorSet[] {
    const known = this.#byNamespace.get(namespace);
    if (known !== undefined) return known;
    const labels = this.#objects.namespaceLabels.get(namespace);
    const { sets } = this.#objects;
    const selected = labels === undefined ? setsForName(sets, namespace) : setsFor(sets, labels);
    const key = selected.map((set) => set.name).join('\n');
    const shared = this.#bySelection.get(key) ?? selected;
    this.#bySelection.set(key, shared);
    if (this.#byNamespace.size >= this.#objects.namespaceLabels.size + MAX_UNDECLARED)
      this.#byNamespace.clear();
    this.#byNamespace.set(namespace, shared);
    return shared;
  }

  read(namespace: string, names: readonly string[]): readonly SecretReading[] {
    const { standIn } = this.#objects;
    const wanted = names.length === 0 && standIn !== undefined ? [standIn.name] : names;
    return wanted.map((name) => this.#reading(namespace, name));
  }

  #reading(namespace: string, name: string): SecretReading {
    const key = `${namespace}/${name}`;
    const known = this.#readings.get(key);
    if (known !== undefined) return known;
    const reading = readSecret(name, this.#secrets.get(key) ?? this.#objects.standIn);
    if (this.#readings.size >= this.#secrets.size + MAX_UNDECLARED) this.#readings.clear();
    this.#readings.set(key, reading);
    return reading;
  }
}

/** Holds the state in force and swaps it whole. */
export class DeclaredState implements MirrorSource, PullSecretSource, ServiceAccountSource, RefusalSource {
  #state: State;

  constructor(objects: DeclaredObjects) {
    this.#state = new State(objects);
  }

  replace(objects: DeclaredObjects): void {
    this.#state = new State(objects, this.#state);
  }

  forNamespace(namespace: string): readonly MirrorSet[] {
    return this.#state.forNamespace(namespace);
  }

  read(namespace: string, names: readonly string[]): readonly SecretReading[] {
    return this.#state.read(namespace, names);
  }

  /** Nobody has tried what files declare. */
  refusedIn(): undefined {
    return undefined;
  }

  /** Files hold no ServiceAccounts. */
  enforcesMountableSecrets(): boolean {
    return false;
  }
}
