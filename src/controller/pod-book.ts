// Pod book: the pods that matter to us, by namespace, each trimmed to a record; every other pod of the cluster leaves no trace.
import { namesDerivedSecret, readPodRecord } from '../domain/pod-record.ts';
import type { PodRecord } from '../domain/pod-record.ts';
import type { Informer, InformerSource, ObjectChange } from '../kubernetes/cluster-api.ts';
import { PODS } from '../kubernetes/resource.ts';
import type { KubeObject } from '../kubernetes/resource.ts';

export type PodChange = ObjectChange<PodRecord>;

export interface PodBookOptions {
  readonly informers: InformerSource;
  /** Asked at each version of each pod of the cluster. */
  readonly isOptedIn: (namespace: string) => boolean;
}

/** Decisions are shared by pods that are alike: a bound on the memory of that, no rule. */
const MAX_SHARED = 4_096;

/** One watch on every pod of the cluster. Pods of namespaces that are not opted in are kept only if they name a secret of ours. */
export class PodBook {
  /** Resolves once every pod has been looked at. */
  readonly synced: Promise<void>;
  readonly #informer: Informer<PodRecord>;
  /** Namespace → key of the informer → pod. */
  readonly #byNamespace = new Map<string, Map<string, PodRecord>>();
  readonly #shared = new Map<string, PodRecord['decisions']>();
  readonly #listeners = new Set<(namespace: string) => void>();

  /** Opt-ins must be known by now: a pod that is not kept is not looked at again before it changes. */
  constructor({ informers, isOptedIn }: PodBookOptions) {
    this.#informer = informers.watch({
      type: PODS,
      scope: {},
      keep: (pod) => (this.#matters(pod, isOptedIn) ? this.#read(pod) : undefined),
    });
    this.#informer.onChange((change) => this.#take(change));
    this.synced = this.#informer.synced;
  }

  get isSynced(): boolean {
    return this.#informer.isSynced;
  }

  /** Monotonic milliseconds since when nothing was heard of pods; undefined while all is well. */
  get staleSince(): number | undefined {
    return this.#informer.staleSince;
  }

  get isCurrent(): boolean {
    return this.isSynced && this.staleSince === undefined;
  }

  /** Every kept pod. */
  get all(): Iterable<PodRecord> {
    return this.#informer.items.values();
  }

  /** The kept pods of a namespace. */
  in(namespace: string): readonly PodRecord[] {
    return [...(this.#byNamespace.get(namespace)?.values() ?? [])];
  }

  /** Living pods that name this pull secret. Those on their way out still pull: their containers may restart. */
  usersOf(namespace: string, secretName: string): readonly { readonly images: readonly string[] }[] {
    return this.in(namespace).filter((pod) => pod.isLiving && pod.derivedSecrets.includes(secretName));
  }

  /** Told of every namespace whose kept pods have changed. */
  onChange(listener: (namespace: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Told of every change of a kept pod. */
  onPod(listener: (change: PodChange) => void): () => void {
    return this.#informer.onChange(listener);
  }

  close(): void {
    this.#listeners.clear();
    this.#informer.close();
  }

  #matters(pod: KubeObject, isOptedIn: (namespace: string) => boolean): boolean {
    return isOptedIn(pod.metadata.namespace ?? '') || namesDerivedSecret(pod);
  }

  #read(pod: KubeObject): PodRecord | undefined {
    const record = readPodRecord(pod);
    if (record?.decisions === undefined) return record;
    const key = JSON.stringify(record.decisions);
    const known = this.#shared.get(key);
    if (known !== undefined) return { ...record, decisions: known };
    if (this.#shared.size >= MAX_SHARED) this.#shared.clear();
    this.#shared.set(key, record.decisions);
    return record;
  }

  #take({ key, before, after }: PodChange): void {
    const namespace = (after ?? before)?.namespace;
    if (namespace === undefined) return;
    const pods = this.#byNamespace.get(namespace) ?? new Map<string, PodRecord>();
    if (after === undefined) pods.delete(key);
    else pods.set(key, after);
    if (pods.size === 0) this.#byNamespace.delete(namespace);
    else this.#byNamespace.set(namespace, pods);
    for (const listener of this.#listeners) listener(namespace);
  }
}
