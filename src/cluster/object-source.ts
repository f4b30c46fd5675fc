// Cluster source: the declarations in the API server as they are now, from memory that outlives the API server's absence.
import type {
  ClusterObjects,
  ConfigMapObject,
  NamespaceObject,
  ObjectSource,
  SecretObject,
} from '../domain/cluster-objects.ts';
import type { DeclarationProblem } from '../domain/declared-refs.ts';
import { MAYBE_PULL_SECRETS } from '../domain/pull-secret.ts';
import type { Informer, InformerSource, ListScope } from '../kubernetes/cluster-api.ts';
import { CONFIG_MAPS, MIRROR_SETS, NAMESPACES, SECRETS } from '../kubernetes/resource.ts';
import { readConfigMap, readMirrorSet, readNamespace, readSecret } from './declared-object.ts';
import type { MirrorSetVersion, ParseMirrorSet, RefusedCredential } from './declared-object.ts';
import { HeldMirrorSets } from './held-mirror-sets.ts';
import { watched } from './watched.ts';
import type { Watched } from './watched.ts';

export interface ClusterSourceOptions {
  readonly informers: InformerSource;
  /** Where `secretRef` and `configMapRef` point to: Secrets and ConfigMaps of no other namespace are looked at. */
  readonly installNamespace: string;
  readonly parseMirrorSet: ParseMirrorSet;
  /** Monotonic milliseconds, of the informers' clock. */
  readonly now: () => number;
  /** Changes that come within this time are told together; 50 ms. */
  readonly debounceMs?: number;
  /** Told of what a listener has thrown; the others are called all the same. */
  readonly onFault?: (error: unknown) => void;
}

const DEBOUNCE_MS = 50;

type Part = keyof ClusterObjects;

/** An {@link ObjectSource} on the API server. What is not mentioned by a change stays the same object. */
export class ClusterSource implements ObjectSource {
  /** Resolves once all of it has been read; never, when closed before. */
  readonly synced: Promise<void>;
  readonly #options: ClusterSourceOptions;
  readonly #sets: Informer<MirrorSetVersion>;
  readonly #namespaces: Informer<NamespaceObject>;
  readonly #secrets: Informer<SecretObject>;
  readonly #configMaps: Informer<ConfigMapObject>;
  readonly #held = new HeldMirrorSets();
  readonly #listeners = new Set<() => void>();
  readonly #openedAt: number;
  #objects: ClusterObjects = { mirrorSets: [], secrets: [], configMaps: [], namespaces: [] };
  #problems: readonly DeclarationProblem[] = [];
  #refused: readonly RefusedCredential[] = [];
  readonly #changed = new Set<Part | 'refused'>();
  #timer: NodeJS.Timeout | undefined;
  #isSynced = false;
  #isClosed = false;

  constructor(options: ClusterSourceOptions) {
    this.#options = options;
    this.#openedAt = options.now();
    const { informers, installNamespace: namespace, parseMirrorSet } = options;
    const secretScope: ListScope = { namespace, fieldSelector: MAYBE_PULL_SECRETS };
    this.#sets = informers.watch({
      type: MIRROR_SETS,
      scope: {},
      keep: (object) => readMirrorSet(object, parseMirrorSet),
    });
    this.#namespaces = informers.watch({
      type: NAMESPACES,
      scope: { metadataOnly: true },
      keep: readNamespace,
    });
    this.#secrets = informers.watch({ type: SECRETS, scope: secretScope, keep: readSecret });
    this.#configMaps = informers.watch({ type: CONFIG_MAPS, scope: { namespace }, keep: readConfigMap });
    this.#listen();
    const all = [this.#sets, this.#namespaces, this.#secrets, this.#configMaps];
    this.synced = Promise.all(all.map((informer) => informer.synced)).then(() => this.#begin());
  }

  current(): ClusterObjects {
    return this.#objects;
  }

  problems(): readonly DeclarationProblem[] {
    return this.#problems;
  }

  /** Derived secrets that registries refuse, as the controller has found them; the same array while nothing changes. */
  refused(): readonly RefusedCredential[] {
    return this.#refused;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The oldest of {@link watches}. */
  get staleSince(): number | undefined {
    const times = this.watches.flatMap(({ staleSince }) => staleSince ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  get watches(): readonly Watched[] {
    return [
      watched(MIRROR_SETS.plural, this.#sets, this.#openedAt),
      watched(NAMESPACES.plural, this.#namespaces, this.#openedAt),
      watched(SECRETS.plural, this.#secrets, this.#openedAt),
      watched(CONFIG_MAPS.plural, this.#configMaps, this.#openedAt),
    ];
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
    for (const informer of [this.#sets, this.#namespaces, this.#secrets, this.#configMaps]) informer.close();
  }

  #listen(): void {
    this.#sets.onChange(({ key, after }) => {
      const change = this.#held.take(key, after);
      if (change.objects) this.#note('mirrorSets');
      if (change.refused) this.#note('refused');
    });
    this.#listenTo(this.#namespaces, 'namespaces');
    this.#listenTo(this.#secrets, 'secrets');
    this.#listenTo(this.#configMaps, 'configMaps');
  }

  #listenTo(informer: Informer<unknown>, part: Part): void {
    informer.onChange(({ before, after }) => {
      // A new version whose kept part says the same (an annotation, a lock of somebody's) changes nothing here.
      if (JSON.stringify(before) !== JSON.stringify(after)) this.#note(part);
    });
  }

  #note(part: Part | 'refused'): void {
    this.#changed.add(part);
    if (this.#isSynced && !this.#isClosed)
      this.#timer ??= setTimeout(() => this.#tell(), this.#options.debounceMs ?? DEBOUNCE_MS);
  }

  #begin(): void {
    this.#isSynced = true;
    if (!this.#isClosed) this.#tell();
  }

  #tell(): void {
    this.#timer = undefined;
    const parts = new Set(this.#changed);
    this.#changed.clear();
    if (parts.delete('refused')) this.#refused = this.#held.refused();
    if (parts.size > 0) this.#objects = this.#collect(parts);
    if (parts.has('mirrorSets')) this.#problems = this.#held.problems();
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        this.#options.onFault?.(error);
      }
    }
  }

  /** Parts that have not changed stay the same arrays: what follows from them need not be worked out again. */
  #collect(changed: ReadonlySet<Part | 'refused'>): ClusterObjects {
    const { mirrorSets, secrets, configMaps, namespaces } = this.#objects;
    return {
      mirrorSets: changed.has('mirrorSets') ? this.#held.objects() : mirrorSets,
      secrets: changed.has('secrets') ? [...this.#secrets.items.values()] : secrets,
      configMaps: changed.has('configMaps') ? [...this.#configMaps.items.values()] : configMaps,
      namespaces: changed.has('namespaces') ? [...this.#namespaces.items.values()] : namespaces,
    };
  }
}
