// Object book: what an informer keeps, and what has changed in it.
import type { ObjectChange } from './cluster-api.ts';
import { keyOf, type KubeObject } from './resource.ts';

export interface ObjectBookOptions<T> {
  readonly keep: (object: KubeObject) => T | undefined;
  /** `keep` has thrown; what was kept of the object before stays, because a bug of ours is no news of the object. */
  readonly onKeepError: (key: string, error: unknown) => void;
}

/** Kept values by key. */
export class ObjectBook<T> {
  readonly items = new Map<string, T>();
  readonly #versions = new Map<string, string | undefined>();
  readonly #options: ObjectBookOptions<T>;

  constructor(options: ObjectBookOptions<T>) {
    this.#options = options;
  }

  /** Takes in a version of an object. undefined: nothing has changed. */
  put(object: KubeObject): ObjectChange<T> | undefined {
    const key = keyOf(object);
    const { resourceVersion } = object.metadata;
    const before = this.items.get(key);
    if (
      before !== undefined &&
      resourceVersion !== undefined &&
      this.#versions.get(key) === resourceVersion
    ) {
      return undefined;
    }
    const kept = this.#keep(key, object);
    if (!kept.ok) return undefined;
    if (kept.value === undefined) return this.drop(key);
    this.items.set(key, kept.value);
    this.#versions.set(key, resourceVersion);
    return { key, before, after: kept.value };
  }

  /** Takes one out. undefined: it was not there. */
  drop(key: string): ObjectChange<T> | undefined {
    const before = this.items.get(key);
    if (before === undefined) return undefined;
    this.items.delete(key);
    this.#versions.delete(key);
    return { key, before, after: undefined };
  }

  /** The keys that a complete list did not have. */
  missing(listed: ReadonlySet<string>): readonly string[] {
    return [...this.items.keys()].filter((key) => !listed.has(key));
  }

  #keep(key: string, object: KubeObject): { ok: true; value: T | undefined } | { ok: false } {
    try {
      return { ok: true, value: this.#options.keep(object) };
    } catch (error) {
      this.#options.onKeepError(key, error);
      return { ok: false };
    }
  }
}
