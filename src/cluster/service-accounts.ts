// Service accounts: which of them let their pods name only the secrets that they list themselves.
import type { Informer, InformerSource } from '../kubernetes/cluster-api.ts';
import { SERVICE_ACCOUNTS } from '../kubernetes/resource.ts';
import type { KubeObject } from '../kubernetes/resource.ts';
import { watched } from './watched.ts';
import type { Watched } from './watched.ts';

const ENFORCE_ANNOTATION = 'kubernetes.io/enforce-mountable-secrets';

/** What Go's strconv.ParseBool takes for true, which the API server reads the annotation with (plugin/…/serviceaccount). */
const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);

function enforces({ metadata }: KubeObject): boolean {
  return TRUE.has(metadata.annotations?.[ENFORCE_ANNOTATION] ?? '');
}

/**
 * When nothing has been heard for so long, an account may have begun to enforce unseen, and our secret would have its pods
 * refused: then none is added. Less is a watch that starts again.
 */
const MAX_STALE_MS = 60_000;

/** Watches the metadata of all ServiceAccounts and keeps one bit of each. */
export class ServiceAccounts {
  readonly #informer: Informer<boolean>;
  readonly #openedAt: number;
  readonly #now: () => number;

  /** @param now Monotonic milliseconds. */
  constructor(informers: InformerSource, now: () => number) {
    this.#openedAt = now();
    this.#now = now;
    this.#informer = informers.watch({
      type: SERVICE_ACCOUNTS,
      scope: { metadataOnly: true },
      keep: enforces,
    });
  }

  get synced(): Promise<void> {
    return this.#informer.synced;
  }

  get watches(): readonly Watched[] {
    return [watched(SERVICE_ACCOUNTS.plural, this.#informer, this.#openedAt)];
  }

  /** True for one that is not known: with a secret that it does not list the API server would refuse the pod. */
  enforcesMountableSecrets(namespace: string, name: string): boolean {
    const { staleSince, items } = this.#informer;
    if (staleSince !== undefined && this.#now() - staleSince > MAX_STALE_MS) return true;
    return items.get(`${namespace}/${name}`) ?? true;
  }

  close(): void {
    this.#informer.close();
  }
}
