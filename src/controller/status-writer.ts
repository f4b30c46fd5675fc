// Status writer: keeps the status of every RegistryMirrorSet as the facts are, at a pace that the API server does not notice.
import { makeSetStatus, readFormerStatus } from '../domain/set-status.ts';
import type { SetStatus } from '../domain/set-status.ts';
import type { SetFacts } from '../domain/set-status-facts.ts';
import type { ApiFailure, ClusterApi, Informer, InformerSource } from '../kubernetes/cluster-api.ts';
import { apiVersionOf, MIRROR_SETS } from '../kubernetes/resource.ts';
import type { ControllerClock } from './status-clock.ts';
import type { ControllerMeter } from './status-meter.ts';
import { gatherFacts, openRound } from './status-facts.ts';
import type { Round, StatusSources } from './status-facts.ts';
import { printCanonical, readSetObject } from './status-object.ts';
import type { SetObject } from './status-object.ts';

export interface StatusWriterOptions {
  readonly api: ClusterApi;
  readonly informers: InformerSource;
  readonly sources: StatusSources;
  readonly clock: ControllerClock;
  readonly installNamespace: string;
  /** Told at each round. */
  readonly meter: Pick<ControllerMeter, 'podsOnMirrors' | 'podsUnseen'>;
  readonly onFailure?: (set: string, failure: ApiFailure) => void;
}

/** Changes that come together are judged together. */
const GATHER_MS = 1_000;
/** Between two rounds in which nobody has told of a change: some facts come of age by themselves. */
const ROUND_MS = 15_000;
/** Between two writes of one set. */
const WRITE_EVERY_MS = 3_000;
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 15_000;
/** After a start what stands there is left for this long while the facts are still coming in. */
const WARM_UP_MS = 30_000;

/** What we know of one set beside what the informer keeps. */
interface Track {
  readonly uid: string;
  /** As it was written last by us. */
  written: SetStatus | undefined;
  /** The whole status that the API server had after that write: others' conditions stand beside ours. */
  result: string;
  /** Monotonic milliseconds. */
  nextAt: number;
  failures: number;
  isWriting: boolean;
}

function isSettling({ endpoints, credentials }: SetFacts): boolean {
  return (
    endpoints.some(({ health }) => health === 'unknown') ||
    credentials.some(({ state }) => state === 'pending')
  );
}

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #tracks = new Map<string, Track>();
  #objects: Informer<SetObject> | undefined;
  #signal: AbortSignal | undefined;
  #cancel: () => void = () => {};
  #roundAt = Infinity;
  #startedAt = 0;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** Writes until the signal aborts. To be called by the leader alone. */
  start(signal: AbortSignal): void {
    const { informers, clock, meter } = this.#options;
    const objects = informers.watch({ type: MIRROR_SETS, scope: {}, keep: readSetObject });
    this.#objects = objects;
    this.#signal = signal;
    this.#startedAt = clock.now();
    this.#tracks.clear();
    objects.onChange(() => this.wake());
    const stop = (): void => {
      objects.close();
      this.#cancel();
      this.#roundAt = Infinity;
      // The next leader counts from now on; what we last saw would stand beside it.
      meter.podsOnMirrors(new Map());
      meter.podsUnseen(0);
    };
    signal.addEventListener('abort', stop, { once: true });
    this.wake();
  }

  /** Something may have changed: a round is held soon. Cheap, and may be called at any time. */
  wake(): void {
    this.#planRound(GATHER_MS);
  }

  #planRound(ms: number): void {
    const { clock } = this.#options;
    const at = clock.now() + ms;
    if (this.#signal?.aborted !== false || at >= this.#roundAt) return;
    this.#cancel();
    this.#roundAt = at;
    this.#cancel = clock.after(ms, () => this.#holdRound());
  }

  #holdRound(): void {
    const { sources, clock, meter } = this.#options;
    this.#roundAt = Infinity;
    this.#planRound(ROUND_MS);
    if (this.#objects?.isSynced !== true) return;
    const round = openRound(sources);
    const { bySet, everywhere } = round.census;
    meter.podsOnMirrors(new Map([...bySet].map(([name, { podsOnMirrors }]) => [name, podsOnMirrors])));
    meter.podsUnseen(everywhere.admission.unseen);
    for (const name of this.#tracks.keys()) if (!this.#objects.items.has(name)) this.#tracks.delete(name);
    const now = clock.now();
    for (const object of this.#objects.items.values()) this.#judge(object, round, now);
  }

  #judge(object: SetObject, round: Round, now: number): void {
    const { sources, clock, installNamespace } = this.#options;
    const facts = gatherFacts({ object, round, sources, clock, installNamespace });
    if (facts === undefined) return this.#planRound(RETRY_MS);
    const track = this.#trackOf(object);
    const before = readFormerStatus(track.written ?? object.status);
    if (now - this.#startedAt < WARM_UP_MS && before.conditions.size > 0 && this.#isWarmingUp(facts)) {
      return this.#planRound(RETRY_MS);
    }
    const status = makeSetStatus(facts, before, clock.wall());
    if (track.isWriting || this.#isWritten(track, object, status)) return;
    if (track.nextAt > now) this.#planRound(track.nextAt - now);
    else void this.#write(object, track, status);
  }

  #isWarmingUp(facts: SetFacts): boolean {
    return !this.#options.sources.isSettled() || isSettling(facts);
  }

  #trackOf({ name, uid }: SetObject): Track {
    const known = this.#tracks.get(name);
    if (known?.uid === uid) return known;
    const track: Track = {
      uid,
      written: undefined,
      result: '',
      nextAt: 0,
      failures: 0,
      isWriting: false,
    };
    this.#tracks.set(name, track);
    return track;
  }

  /** Nothing of ours has changed, nor has anybody changed what stands there. */
  #isWritten(track: Track, object: SetObject, status: SetStatus): boolean {
    const [present, wanted] = [printCanonical(object.status), printCanonical(status)];
    if (present === wanted) return true;
    return printCanonical(track.written) === wanted && present === track.result;
  }

  async #write(object: SetObject, track: Track, status: SetStatus): Promise<void> {
    const { api, clock, onFailure } = this.#options;
    track.isWriting = true;
    track.nextAt = clock.now() + WRITE_EVERY_MS;
    const { name, resourceVersion } = object;
    const identity = { apiVersion: apiVersionOf(MIRROR_SETS), kind: MIRROR_SETS.kind };
    // The version: never a status on a set that has been changed, or made anew, since it was judged. (A UID would not do: the API
    // server does not compare it when a status is applied. Tried on 1.35.)
    const applied = { ...identity, metadata: { name, resourceVersion }, status };
    const answer = await api.apply(MIRROR_SETS, applied, { subresource: 'status' });
    track.isWriting = false;
    if (answer.ok) {
      track.written = status;
      track.result = printCanonical(answer.value['status']);
      track.failures = 0;
    } else {
      track.failures += 1;
      const backOff = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** track.failures);
      track.nextAt = clock.now() + Math.max(backOff, answer.error.retryAfterMs ?? 0);
      // Gone since: there is nothing to write about.
      if (answer.error.kind !== 'not-found') onFailure?.(name, answer.error);
    }
    this.#planRound(Math.max(GATHER_MS, track.nextAt - clock.now()));
  }
}
