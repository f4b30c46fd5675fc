// Event sink: what the controller has to say about objects, as events.k8s.io/v1, aggregated, paced and bounded.
import type { ApiFailure, ClusterApi } from '../kubernetes/cluster-api.ts';
import { EVENTS } from '../kubernetes/resource.ts';
import { sha256Hex } from '../nodes/sha256.ts';
import { continueSeries, newEvent, seriesPatch } from './event-object.ts';
import type { EventReport, EventSeries } from './event-object.ts';
import type { ControllerMeter } from './status-meter.ts';
import type { ControllerClock } from './status-clock.ts';

export type { EventReport } from './event-object.ts';

/** Says things about objects. Never throws, never waits. */
export interface EventSink {
  report(event: EventReport): void;
}

export interface EventWriterOptions {
  readonly api: ClusterApi;
  readonly clock: ControllerClock;
  readonly meter: Pick<ControllerMeter, 'eventsDropped'>;
  /** Name of this process, e.g. the pod's. */
  readonly instance: string;
  readonly onFailure?: (failure: ApiFailure) => void;
}

/** The same thing said again within this time counts up one Event. */
const SERIES_MS = 10 * 60_000;
/** Between two writes of one Event. */
const WRITE_EVERY_MS = 10_000;
/** Events remembered; the oldest goes, and what it had not told yet is lost and counted. */
const MAX_SERIES = 2_000;
/** Over all: writes in a row, and one more per interval after that. */
const BURST = 50;
const PACE_MS = 200;
const RETRY_MS = 2_000;
/** Failed writes of one Event in a row after which it is given up. */
const MAX_TRIES = 5;

interface Entry {
  series: EventSeries;
  isMade: boolean;
  /** Occurrences that are written. */
  written: number;
  /** Not before this, monotonic milliseconds. */
  dueAt: number;
  lastAt: number;
  tries: number;
}

function keyOf({ regarding, type, reason }: EventReport): string {
  return [regarding.kind, regarding.namespace ?? '', regarding.name, regarding.uid, type, reason].join('\n');
}

/** The only writer of Events. Writes one at a time, from {@link start} on. */
export class EventWriter implements EventSink {
  readonly #options: EventWriterOptions;
  /** Oldest occurrence first. */
  readonly #entries = new Map<string, Entry>();
  #signal: AbortSignal | undefined;
  #isWriting = false;
  #cancel: () => void = () => {};
  #tokens = BURST;
  #tokensAt: number;

  constructor(options: EventWriterOptions) {
    this.#options = options;
    this.#tokensAt = options.clock.now();
  }

  /** Writes until the signal aborts. What was reported before is written too. */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#cancel(), { once: true });
    this.#schedule();
  }

  report(event: EventReport): void {
    const { clock } = this.#options;
    const [now, key] = [clock.now(), keyOf(event)];
    const known = this.#entries.get(key);
    this.#entries.delete(key);
    if (known !== undefined && now - known.lastAt < SERIES_MS) {
      known.series = continueSeries(known.series, clock.wall());
      known.lastAt = now;
      this.#entries.set(key, known);
    } else {
      if (known !== undefined) this.#drop(known);
      this.#makeRoom();
      const series = {
        event,
        name: this.#nameOf(event, key),
        firstAt: clock.wall(),
        lastAt: clock.wall(),
        count: 1,
      };
      this.#entries.set(key, { series, isMade: false, written: 0, dueAt: now, lastAt: now, tries: 0 });
    }
    this.#schedule();
  }

  /**
   * The same after a restart within the same ten minutes, so that what was said is not said again: the API server then answers
   * that the Event is there.
   */
  #nameOf({ regarding }: EventReport, key: string): string {
    const period = Math.floor(this.#options.clock.wall() / SERIES_MS);
    const hash = sha256Hex(`${key}\n${period}`).slice(0, 16);
    return `${regarding.name.slice(0, 230).replace(/[.-]+$/u, '')}.${hash}`;
  }

  #makeRoom(): void {
    const oldest = this.#entries.entries().next().value;
    if (this.#entries.size < MAX_SERIES || oldest === undefined) return;
    this.#entries.delete(oldest[0]);
    this.#drop(oldest[1]);
  }

  #drop({ series, written }: Entry): void {
    if (series.count > written) this.#options.meter.eventsDropped(series.count - written);
  }

  #schedule(): void {
    const { clock } = this.#options;
    if (this.#signal === undefined || this.#signal.aborted || this.#isWriting) return;
    this.#cancel();
    const next = this.#next();
    if (next === undefined) return;
    const wait = Math.max(0, next.dueAt - clock.now(), this.#untilToken());
    this.#cancel = clock.after(wait, () => void this.#write());
  }

  /** The entry that is due first among those with something to tell. Forgets what is over. */
  #next(): Entry | undefined {
    const now = this.#options.clock.now();
    let first: Entry | undefined;
    for (const [key, entry] of this.#entries) {
      if (entry.series.count > entry.written) {
        if (first === undefined || entry.dueAt < first.dueAt) first = entry;
      } else if (now - entry.lastAt >= SERIES_MS) this.#entries.delete(key);
    }
    return first;
  }

  #untilToken(): number {
    const now = this.#options.clock.now();
    const gained = Math.floor((now - this.#tokensAt) / PACE_MS);
    this.#tokens = Math.min(BURST, this.#tokens + gained);
    this.#tokensAt = this.#tokens === BURST ? now : this.#tokensAt + gained * PACE_MS;
    return this.#tokens > 0 ? 0 : this.#tokensAt + PACE_MS - now;
  }

  async #write(): Promise<void> {
    const entry = this.#next();
    if (entry === undefined || this.#isWriting || this.#signal?.aborted !== false) return;
    if (this.#untilToken() > 0 || entry.dueAt > this.#options.clock.now()) return this.#schedule();
    this.#isWriting = true;
    this.#tokens -= 1;
    const { series } = entry;
    const failure = await this.#send(entry);
    this.#settle(entry, series, failure);
    this.#isWriting = false;
    this.#schedule();
  }

  async #send({ series, isMade }: Entry): Promise<ApiFailure | undefined> {
    const { api, instance } = this.#options;
    const object = newEvent(series, instance);
    const { namespace, name } = object.metadata;
    const answer = isMade
      ? await api.patch(EVENTS, { namespace, name }, seriesPatch(series))
      : await api.create(EVENTS, object);
    return answer.ok ? undefined : answer.error;
  }

  #settle(entry: Entry, sent: EventSeries, failure: ApiFailure | undefined): void {
    const now = this.#options.clock.now();
    if (failure === undefined || (failure.kind === 'already-exists' && !entry.isMade)) {
      Object.assign(entry, { isMade: true, written: sent.count, dueAt: now + WRITE_EVERY_MS, tries: 0 });
      return;
    }
    this.#options.onFailure?.(failure);
    // It is kept by the API server for an hour only, or its namespace has gone.
    if (failure.kind === 'not-found' && entry.isMade) entry.isMade = false;
    entry.tries += 1;
    entry.dueAt = now + Math.max(RETRY_MS, failure.retryAfterMs ?? 0);
    if (entry.tries < MAX_TRIES && failure.kind !== 'invalid') return;
    this.#drop(entry);
    Object.assign(entry, { written: entry.series.count, tries: 0 });
  }
}
