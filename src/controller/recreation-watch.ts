// Recreation watch: finds owners that will not have their pods' images changed: they delete rewritten pods and make them again.
import type { MirrorIndex } from '../domain/plan.ts';
import { reroutesOf } from '../domain/pod-record-mirrors.ts';
import type { PodRecord } from '../domain/pod-record.ts';
import { isForgotten, isHabit, NO_RECREATION, podDeleted, podMade } from '../domain/recreation.ts';
import type { RecreationState } from '../domain/recreation.ts';
import type { EventSink } from './event-sink.ts';
import type { PodBook, PodChange } from './pod-book.ts';
import { ownerReference } from './pod-events.ts';
import type { ControllerClock } from './status-clock.ts';
import type { ControllerMeter } from './status-meter.ts';

export interface RecreationWatchOptions {
  readonly book: PodBook;
  readonly indexFor: (namespace: string) => MirrorIndex | undefined;
  readonly sink: EventSink;
  readonly meter: Pick<ControllerMeter, 'recreated'>;
  readonly clock: Pick<ControllerClock, 'now' | 'wall'>;
}

/** Owners with young pods deleted lately; the oldest goes. */
const MAX_OWNERS = 1_000;

/** The pod that a change is the end of: marked for deletion, gone, or another one of its name stands there. */
function deletedBy({ before, after }: PodChange): PodRecord | undefined {
  if (before === undefined || before.isDeleting || !before.isLiving) return undefined;
  return after === undefined || after.uid !== before.uid || after.isDeleting ? before : undefined;
}

function madeBy({ before, after }: PodChange): PodRecord | undefined {
  if (after === undefined || after.isDeleting || before?.uid === after.uid) return undefined;
  return after;
}

export class RecreationWatch {
  readonly #options: RecreationWatchOptions;
  /** By the owner's UID, the last changed last. */
  readonly #states = new Map<string, RecreationState>();

  constructor(options: RecreationWatchOptions) {
    this.#options = options;
  }

  start(signal: AbortSignal): void {
    this.#states.clear();
    const stop = this.#options.book.onPod((change) => this.#take(change));
    signal.addEventListener('abort', stop, { once: true });
  }

  #take(change: PodChange): void {
    const [deleted, made] = [deletedBy(change), madeBy(change)];
    if (deleted !== undefined) this.#deleted(deleted);
    if (made !== undefined) this.#made(made);
  }

  #deleted(pod: PodRecord): void {
    const { clock } = this.#options;
    if (pod.owner === undefined || !this.#isRewritten(pod)) return;
    const { uid } = pod.owner;
    const state = this.#states.get(uid) ?? NO_RECREATION;
    this.#keep(uid, podDeleted(state, clock.wall() - pod.createdAt, clock.now()));
  }

  #made(pod: PodRecord): void {
    const { clock, meter, sink } = this.#options;
    const state = this.#states.get(pod.owner?.uid ?? '');
    const regarding = ownerReference(pod);
    if (state === undefined || regarding === undefined || !this.#isRewritten(pod)) return;
    const now = clock.now();
    const next = podMade(state, now);
    this.#keep(regarding.uid, next);
    if (next.rounds.at(-1) !== now || !isHabit(next, now)) return;
    meter.recreated();
    sink.report({
      regarding,
      type: 'Warning',
      reason: 'RewrittenPodsRecreated',
      note:
        'Pods of this owner are deleted within a minute and made again, over and over, since their images come from a mirror: ' +
        'their owner, or something that watches it, does not accept a changed image. Exclude it (its API group in the ' +
        'webhook\'s list of excluded owners, or the annotation registry-failover.io/skip: "true" on its pods).',
    });
  }

  #keep(uid: string, state: RecreationState): void {
    this.#states.delete(uid);
    if (isForgotten(state, this.#options.clock.now())) return;
    const oldest = this.#states.keys().next().value;
    if (this.#states.size >= MAX_OWNERS && oldest !== undefined) this.#states.delete(oldest);
    this.#states.set(uid, state);
  }

  #isRewritten({ decisions, namespace }: PodRecord): boolean {
    const index = decisions === undefined ? undefined : this.#options.indexFor(namespace);
    return decisions !== undefined && index !== undefined && reroutesOf(decisions, index).length > 0;
  }
}
