// Pod events: says on a new pod and on its owner that an image comes from a mirror, or that none could be had.
import { podEventsOf } from '../domain/pod-event.ts';
import type { MirrorIndex } from '../domain/plan.ts';
import type { PodRecord } from '../domain/pod-record.ts';
import type { ObjectReference } from './event-object.ts';
import type { EventSink } from './event-sink.ts';
import type { PodBook } from './pod-book.ts';
import type { ControllerClock } from './status-clock.ts';

export interface PodEventsOptions {
  readonly book: PodBook;
  /** The sets in force in a namespace; undefined: it is not opted in, and nothing is said there. */
  readonly indexFor: (namespace: string) => MirrorIndex | undefined;
  readonly sink: EventSink;
  readonly clock: Pick<ControllerClock, 'wall'>;
}

/**
 * Older pods were spoken of by the leader before us. What it had no time for while it went is caught up; what is said twice within
 * ten minutes the API server knows already (event-sink.ts).
 */
const CATCH_UP_MS = 30_000;

/** The pod as an event's object. */
export function podReference({ namespace, name, uid }: PodRecord): ObjectReference {
  return { apiVersion: 'v1', kind: 'Pod', namespace, name, uid };
}

/** Its controller, e.g. the ReplicaSet. */
export function ownerReference({ owner, namespace }: PodRecord): ObjectReference | undefined {
  return owner === undefined ? undefined : { ...owner, namespace };
}

export class PodEvents {
  readonly #options: PodEventsOptions;

  constructor(options: PodEventsOptions) {
    this.#options = options;
  }

  /** Speaks until the signal aborts, once for each pod. */
  start(signal: AbortSignal): void {
    const { book, clock } = this.#options;
    const since = clock.wall() - CATCH_UP_MS;
    const tell = (pod: PodRecord): void => {
      if (pod.createdAt >= since && !pod.isDeleting) this.#tell(pod);
    };
    const stop = book.onPod(({ before, after }) => {
      if (after !== undefined && before?.uid !== after.uid) tell(after);
    });
    signal.addEventListener('abort', stop, { once: true });
    for (const pod of book.all) tell(pod);
  }

  #tell(pod: PodRecord): void {
    const { indexFor, sink } = this.#options;
    const index = pod.decisions === undefined ? undefined : indexFor(pod.namespace);
    if (pod.decisions === undefined || index === undefined) return;
    const owner = ownerReference(pod);
    for (const event of podEventsOf(pod.decisions, index)) {
      sink.report({ ...event, regarding: podReference(pod) });
      if (owner !== undefined) sink.report({ ...event, regarding: owner, related: podReference(pod) });
    }
  }
}
