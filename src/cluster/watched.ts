// Watched: how old what is known of one kind of object may be.
import type { Informer } from '../kubernetes/cluster-api.ts';

/** A kind of object that is kept in memory. */
export interface Watched {
  /** Plural, as in the API: `secrets`. */
  readonly resource: string;
  /** Since when nothing has been heard, monotonic milliseconds; undefined while the watch is healthy. */
  readonly staleSince: number | undefined;
}

/** Before the first list nothing is known at all: that counts from the beginning. */
export function watched(resource: string, informer: Informer<unknown>, openedAt: number): Watched {
  const staleSince = informer.staleSince ?? (informer.isSynced ? undefined : openedAt);
  return { resource, staleSince };
}
