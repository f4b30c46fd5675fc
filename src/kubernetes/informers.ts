// Informers: makes informers that share a connection, and tells about all of them in one place.
import type { Informer, InformerOptions, InformerSource } from './cluster-api.ts';
import type { InformerEvent } from './informer-event.ts';
import { KubernetesInformer, type InformerSetting, type PageLister } from './informer.ts';
import { Recovery } from './recovery.ts';
import { Slots } from './slots.ts';
import type { StreamOpener } from './watch.ts';

export interface KubernetesInformersOptions {
  readonly api: PageLister;
  readonly connection: StreamOpener;
  /** What it throws is lost. */
  readonly log?: ((event: InformerEvent) => void) | undefined;
  /** Monotonic milliseconds; performance.now when absent. */
  readonly now?: (() => number) | undefined;
  /** [0, 1); Math.random when absent. */
  readonly random?: (() => number) | undefined;
}

/** Of the connection's four for calls: what a person or a lease waits for must not queue behind a thousand lists. */
const LISTS_AT_ONCE = 2;

/** Informers of an API server. */
export class KubernetesInformers implements InformerSource {
  readonly #setting: InformerSetting;

  constructor(options: KubernetesInformersOptions) {
    const { log, random = Math.random } = options;
    this.#setting = {
      api: options.api,
      connection: options.connection,
      now: options.now ?? (() => performance.now()),
      random,
      lists: new Slots(LISTS_AT_ONCE),
      recovery: new Recovery(random),
      tell: (event) => {
        try {
          log?.(event);
        } catch {
          // Telling of a trouble must not become one.
        }
      },
    };
  }

  watch<T>(options: InformerOptions<T>): Informer<T> {
    return new KubernetesInformer(options, this.#setting);
  }
}
