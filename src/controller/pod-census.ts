// Pod census: counts the pod book against the mirror sets in force; what a pod's decisions come to is worked out once.
import type { MirrorSet } from '../domain/mirror-set.ts';
import { indexMirrorSets } from '../domain/plan.ts';
import type { MirrorIndex } from '../domain/plan.ts';
import { takeCensus } from '../domain/pod-record-census.ts';
import type { Census } from '../domain/pod-record-census.ts';
import { reroutesOf } from '../domain/pod-record-mirrors.ts';
import type { PodRecord } from '../domain/pod-record.ts';
import { setsFor } from '../domain/set-selection.ts';
import type { PodBook } from './pod-book.ts';
import type { OptInTimes } from './pod-opt-ins.ts';

type Decisions = NonNullable<PodRecord['decisions']>;

/** The sets of some namespaces, with what pods' decisions come to under them. */
interface View {
  readonly index: MirrorIndex;
  readonly names: WeakMap<Decisions, ReadonlySet<string>>;
}

const NO_NAMES: ReadonlySet<string> = new Set();

export class PodCensus {
  readonly #book: PodBook;
  readonly #optIns: OptInTimes;
  readonly #wall: () => number;
  #sets: readonly MirrorSet[] = [];
  /** By the names of the sets that are for a namespace; emptied when the sets change. */
  readonly #views = new Map<string, View>();
  /** A census asks for one namespace's pods in a row. */
  #last: { readonly selected: readonly MirrorSet[]; readonly view: View } | undefined;

  constructor(book: PodBook, optIns: OptInTimes, wall: () => number) {
    this.#book = book;
    this.#optIns = optIns;
    this.#wall = wall;
  }

  /** The sets in force; the same array as before costs nothing. */
  update(sets: readonly MirrorSet[]): void {
    if (sets === this.#sets) return;
    this.#sets = sets;
    this.#views.clear();
    this.#last = undefined;
  }

  /**
   * Counts all pods anew.
   * @param boundSince Since when a namespace is known to be opted in from what an earlier leader has left there.
   */
  take(boundSince: (namespace: string) => number | undefined = () => undefined): Census {
    const namespaces = [...this.#optIns.all].map(([name, { labels, since }]) => ({
      name,
      labels,
      optedInAt: Math.min(since, boundSince(name) ?? Infinity),
      pods: this.#book.in(name),
    }));
    return takeCensus(namespaces, this.#sets, (pod, sets) => this.#mirrorsOf(pod, sets), this.#wall());
  }

  /** The sets that are for a namespace, as plans want them; undefined when it is not opted in. */
  indexFor(namespace: string): MirrorIndex | undefined {
    const optIn = this.#optIns.all.get(namespace);
    return optIn === undefined ? undefined : this.#view(setsFor(this.#sets, optIn.labels)).index;
  }

  #mirrorsOf({ decisions }: PodRecord, selected: readonly MirrorSet[]): ReadonlySet<string> {
    if (decisions === undefined) return NO_NAMES;
    const { index, names } = this.#view(selected);
    const known = names.get(decisions);
    if (known !== undefined) return known;
    const found = new Set(reroutesOf(decisions, index).map(({ set }) => set.name));
    names.set(decisions, found);
    return found;
  }

  #view(selected: readonly MirrorSet[]): View {
    if (this.#last?.selected === selected) return this.#last.view;
    const key = selected.map((set) => set.name).join(' ');
    const view = this.#views.get(key) ?? { index: indexMirrorSets(selected), names: new WeakMap() };
    this.#views.set(key, view);
    this.#last = { selected, view };
    return view;
  }
}
