// Pod opt-ins: which namespaces are opted in, and since when we know; before that a pod without our annotation is no alarm.
import type { Labels } from '../domain/label-selector.ts';
import { isOptedIn } from '../domain/rights.ts';

export interface OptedInNamespace {
  readonly labels: Labels;
  /** Milliseconds of Unix time. */
  readonly since: number;
}

export class OptInTimes {
  readonly #installNamespace: string;
  readonly #wall: () => number;
  #labels: ReadonlyMap<string, Labels> = new Map();
  /** One entry per opted-in namespace. */
  #optedIn: ReadonlyMap<string, OptedInNamespace> = new Map();

  constructor(options: { readonly installNamespace: string; readonly wall: () => number }) {
    this.#installNamespace = options.installNamespace;
    this.#wall = options.wall;
  }

  /** The namespaces that opted in, by name. */
  get all(): ReadonlyMap<string, OptedInNamespace> {
    return this.#optedIn;
  }

  has(namespace: string): boolean {
    return this.#optedIn.has(namespace);
  }

  /** Takes the labels of every namespace, as the declarations give them; costs nothing while they are the same object. */
  update(labels: ReadonlyMap<string, Labels>): void {
    if (labels === this.#labels) return;
    this.#labels = labels;
    const now = this.#wall();
    const optedIn = new Map<string, OptedInNamespace>();
    for (const [name, own] of labels) {
      if (!isOptedIn({ name, labels: own, isDeleting: false }, this.#installNamespace)) continue;
      optedIn.set(name, { labels: own, since: this.#optedIn.get(name)?.since ?? now });
    }
    this.#optedIn = optedIn;
  }
}
