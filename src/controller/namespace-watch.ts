// Namespace watch: one informer of pull secrets per namespace that we serve, opened a few at a time and closed on opt-out.
import { MAYBE_PULL_SECRETS } from '../domain/pull-secret.ts';
import type { Informer, InformerSource } from '../kubernetes/cluster-api.ts';
import { SECRETS } from '../kubernetes/resource.ts';
import { keepSecret } from './secret-record.ts';
import type { SecretRecord } from './secret-record.ts';
import type { Timers } from './status-clock.ts';

/** First lists per second: a thousand at once would stall the API server and us. */
const OPENS_PER_SECOND = 50;

/** A first list that takes longer than this has been refused, or the API server is away. */
const OVERDUE_MS = 30_000;

interface Watch {
  /** Monotonic milliseconds. */
  readonly since: number;
  informer: Informer<SecretRecord> | undefined;
  cancel: () => void;
}

export interface NamespaceWatchOptions {
  readonly informers: InformerSource;
  readonly timers: Timers;
  /** A namespace's secrets are all in for the first time, or have changed. */
  readonly onChange: (namespace: string) => void;
}

/** The secrets of the namespaces we serve; nothing but pull secrets is kept of them. */
export class NamespaceWatches {
  readonly #options: NamespaceWatchOptions;
  readonly #watches = new Map<string, Watch>();
  #nextOpenAt = 0;

  constructor(options: NamespaceWatchOptions) {
    this.#options = options;
  }

  /** Starts to watch, when its turn comes; nothing when it is watched already. */
  open(namespace: string): void {
    if (this.#watches.has(namespace)) return;
    const { timers } = this.#options;
    const now = timers.now();
    const at = Math.max(now, this.#nextOpenAt);
    this.#nextOpenAt = at + 1_000 / OPENS_PER_SECOND;
    const watch: Watch = { since: at, informer: undefined, cancel: () => {} };
    this.#watches.set(namespace, watch);
    if (at === now) this.#start(namespace, watch);
    else watch.cancel = timers.after(at - now, () => this.#start(namespace, watch));
  }

  /** The secrets of a namespace; undefined until all are in. */
  secretsOf(namespace: string): readonly SecretRecord[] | undefined {
    const informer = this.#watches.get(namespace)?.informer;
    return informer?.isSynced === true ? [...informer.items.values()] : undefined;
  }

  /** Milliseconds until a first list that is not in yet counts as refused; 0: it does. */
  overdueIn(namespace: string): number {
    const since = this.#watches.get(namespace)?.since ?? Infinity;
    return Math.max(0, since + OVERDUE_MS - this.#options.timers.now());
  }

  close(namespace: string): void {
    const watch = this.#watches.get(namespace);
    if (watch === undefined) return;
    this.#watches.delete(namespace);
    watch.cancel();
    watch.informer?.close();
  }

  closeAll(): void {
    for (const namespace of this.#watches.keys()) this.close(namespace);
  }

  #start(namespace: string, watch: Watch): void {
    const { informers, onChange } = this.#options;
    const informer = informers.watch({
      type: SECRETS,
      scope: { namespace, fieldSelector: MAYBE_PULL_SECRETS },
      keep: keepSecret,
    });
    watch.informer = informer;
    const tell = (): void => {
      if (this.#watches.get(namespace) === watch) onChange(namespace);
    };
    // Before the first list is complete a plan would take what has not arrived yet for gone.
    informer.onChange(() => {
      if (informer.isSynced) tell();
    });
    void informer.synced.then(tell);
  }
}
