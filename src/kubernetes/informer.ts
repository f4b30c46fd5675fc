// Informer: list, watch, and again whatever happens, until it is closed.
import { BackOff } from './back-off.ts';
import type {
  ApiFailure,
  ApiFailureKind,
  CallOptions,
  Informer,
  InformerOptions,
  ListScope,
  ObjectChange,
} from './cluster-api.ts';
import type { Result } from '../domain/result.ts';
import type { InformerEvent } from './informer-event.ts';
import { ObjectBook } from './object-book.ts';
import type { Recovery } from './recovery.ts';
import { keyOf, type KubeObject, type ResourceType } from './resource.ts';
import type { Slots } from './slots.ts';
import { openWatch, type StreamOpener, type WatchEnd } from './watch.ts';

/** What an informer needs of the API. */
export interface PageLister {
  listPages(
    type: ResourceType,
    scope: ListScope,
    options: CallOptions,
    onPage: (items: readonly KubeObject[]) => void,
  ): Promise<Result<string, ApiFailure>>;
}

/** What all informers of a source have in common. */
export interface InformerSetting {
  readonly api: PageLister;
  readonly connection: StreamOpener;
  readonly tell: (event: InformerEvent) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** [0, 1). */
  readonly random: () => number;
  readonly lists: Slots;
  readonly recovery: Recovery;
}

const LIST_MS = 60_000;
/** The API server ends a watch after 5 to 10 minutes, as it does for clients of the Go library: spread over its replicas again. */
const WATCH_SECONDS = 300;
/** A watch that ends sooner, without having told anything, counts as a failed one. */
const LIVED_MS = 5000;
/** The rights for a namespace come after its label: somebody waits for what we would see. */
const FORBIDDEN_MAX_MS = 5000;

/** One informer. */
export class KubernetesInformer<T> implements Informer<T> {
  readonly synced: Promise<void>;
  readonly #options: InformerOptions<T>;
  readonly #setting: InformerSetting;
  readonly #book: ObjectBook<T>;
  readonly #listeners = new Set<(change: ObjectChange<T>) => void>();
  readonly #backOff: BackOff;
  readonly #closing = new AbortController();
  readonly #what: string;
  #markSynced: () => void = () => undefined;
  #isSynced = false;
  #staleSince: number | undefined;
  #lastFailure: ApiFailureKind | undefined;
  /** Where the watch goes on; undefined: only a list can tell. */
  #version: string | undefined;

  constructor(options: InformerOptions<T>, setting: InformerSetting) {
    this.#options = options;
    this.#setting = setting;
    this.#backOff = new BackOff(setting.random);
    const { namespace } = options.scope;
    this.#what = namespace === undefined ? options.type.plural : `${options.type.plural} in ${namespace}`;
    this.#book = new ObjectBook({
      keep: options.keep,
      onKeepError: (key, error) => {
        setting.tell({ event: 'keep-threw', what: this.#what, key, error });
      },
    });
    this.synced = new Promise((resolve) => {
      this.#markSynced = resolve;
    });
    void this.#follow();
  }

  get items(): ReadonlyMap<string, T> {
    return this.#book.items;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  get staleSince(): number | undefined {
    return this.#staleSince;
  }

  onChange(listener: (change: ObjectChange<T>) => void): () => void {
    const own = (change: ObjectChange<T>): void => {
      listener(change);
    };
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  close(): void {
    this.#closing.abort();
    this.#listeners.clear();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      if (this.#version === undefined) await this.#list();
      else await this.#watch(this.#version);
    }
  }

  async #list(): Promise<void> {
    const { api, lists } = this.#setting;
    const { type, scope } = this.#options;
    const { signal } = this.#closing;
    const listed = new Set<string>();
    const done = await lists.run(async () =>
      signal.aborted
        ? undefined
        : await api.listPages(type, scope, { timeoutMs: LIST_MS }, (page) => {
            for (const object of signal.aborted ? [] : page) {
              listed.add(keyOf(object));
              this.#announce(this.#book.put(object));
            }
          }),
    );
    if (done === undefined || signal.aborted) return;
    if (!done.ok) {
      await this.#pauseAfter(done.error);
      return;
    }
    for (const key of this.#book.missing(listed)) this.#announce(this.#book.drop(key));
    this.#version = done.value;
    this.#setting.tell({
      event: this.#isSynced ? 'relisted' : 'synced',
      what: this.#what,
      count: listed.size,
    });
    this.#isSynced = true;
    this.#markSynced();
  }

  async #watch(resourceVersion: string): Promise<void> {
    const began = this.#setting.now();
    const { end, heard } = await this.#watchToEnd(resourceVersion);
    if (this.#closing.signal.aborted) return;
    if (heard || this.#setting.now() - began >= LIVED_MS) this.#backOff.reset();
    else if (end.kind === 'over') {
      await this.#pause('server-error', 'the watch ended at once', 0);
      return;
    }
    if (end.kind === 'over') return;
    if (end.kind === 'unreadable') {
      this.#version = undefined;
      await this.#pause('server-error', end.message, 0);
      return;
    }
    await this.#pauseAfter(end.failure);
  }

  #watchToEnd(resourceVersion: string): Promise<{ end: WatchEnd; heard: boolean }> {
    const { type, scope } = this.#options;
    const { random, connection } = this.#setting;
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + random()));
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      let heard = false;
      const finish = (end: WatchEnd): void => {
        signal.removeEventListener('abort', stop);
        resolve({ end, heard });
      };
      const take = (change: ObjectChange<T> | undefined, version: string | undefined): void => {
        heard = true;
        this.#version = version ?? this.#version;
        this.#announce(change);
      };
      const cancel = openWatch(
        connection,
        { type, scope, resourceVersion, timeoutSeconds },
        {
          onOpen: () => {
            this.#heal();
          },
          onPut: (object) => {
            take(this.#book.put(object), object.metadata.resourceVersion);
          },
          onGone: (object) => {
            take(this.#book.drop(keyOf(object)), object.metadata.resourceVersion);
          },
          onBookmark: (version) => {
            take(undefined, version);
          },
          onEnd: finish,
        },
      );
      const stop = (): void => {
        cancel();
        finish({ kind: 'over' });
      };
      signal.addEventListener('abort', stop);
    });
  }

  #heal(): void {
    this.#setting.recovery.announce();
    if (this.#staleSince === undefined) return;
    const staleMs = this.#setting.now() - this.#staleSince;
    this.#staleSince = undefined;
    this.#setting.tell({ event: 'healed', what: this.#what, staleMs });
  }

  async #pauseAfter({ kind, message, retryAfterMs = 0 }: ApiFailure): Promise<void> {
    if (kind === 'expired') {
      // What was last heard is too old to go on from. Whatever was in the way before, the API server is there again.
      this.#version = undefined;
      if (this.#lastFailure !== 'expired') this.#backOff.reset();
    }
    this.#lastFailure = kind;
    await this.#pause(kind, message, retryAfterMs);
  }

  async #pause(kind: ApiFailureKind, message: string, atLeastMs: number): Promise<void> {
    const ms = Math.max(atLeastMs, this.#backOff.next(kind === 'forbidden' ? FORBIDDEN_MAX_MS : undefined));
    // Expired is no break: a list follows, and is told of.
    if (kind !== 'expired') this.#staleSince ??= this.#setting.now();
    this.#setting.tell({ event: 'broken', what: this.#what, kind, message, retryMs: ms });
    await this.#setting.recovery.pause(ms, kind === 'unreachable', this.#closing.signal);
  }

  #announce(change: ObjectChange<T> | undefined): void {
    if (change === undefined) return;
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        this.#setting.tell({ event: 'listener-threw', what: this.#what, key: change.key, error });
      }
    }
  }
}
