// A world for elections: one virtual time, processes whose clocks differ and which can freeze, and an API server that is slow, away or lying.
import { err, ok, type Result } from '../../src/domain/result.ts';
import type { ApiFailure, ClusterApi } from '../../src/kubernetes/cluster-api.ts';
import { readLease, type LeaseRecord } from '../../src/kubernetes/lease.ts';
import { LeaderElection, type ElectionEvent } from '../../src/kubernetes/leader-election.ts';
import type { KubeObject } from '../../src/kubernetes/resource.ts';

type Answer = Result<KubeObject, ApiFailure>;

/** What happens to a call: until it is carried out, from then until the answer, and whether either is lost. */
export interface Weather {
  readonly thereMs: number;
  readonly backMs: number;
  readonly lost: 'no' | 'question' | 'answer';
}

export const FINE: Weather = { thereMs: 5, backMs: 5, lost: 'no' };

function failure(kind: ApiFailure['kind']): { ok: false; error: ApiFailure } {
  return err({ kind, status: undefined, message: kind, retryAfterMs: undefined });
}

/** Virtual milliseconds. */
export class World {
  now = 0;
  /** Called after everything that happens. */
  watch: () => void = () => undefined;
  readonly #timers: { at: number; order: number; run: () => void }[] = [];
  #order = 0;

  at(time: number, run: () => void): () => void {
    const timer = { at: Math.max(time, this.now), order: (this.#order += 1), run };
    this.#timers.push(timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index !== -1) this.#timers.splice(index, 1);
    };
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      this.watch();
      const next = this.#timers
        .filter(({ at }) => at <= end)
        .sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (next === undefined) break;
      this.#timers.splice(this.#timers.indexOf(next), 1);
      this.now = Math.max(this.now, next.at);
      next.run();
    }
    this.now = end;
  }
}

/** The one Lease of the world. */
export class LeaseStore {
  readonly world: World;
  object: KubeObject | undefined;
  /** Chosen anew for each call. */
  weather: (process: string) => Weather = () => FINE;
  writes = 0;
  #version = 0;

  constructor(world: World) {
    this.world = world;
  }

  get record(): LeaseRecord | undefined {
    return this.object === undefined ? undefined : readLease(this.object);
  }

  remove(): void {
    this.object = undefined;
  }

  read(): Answer {
    return this.object === undefined ? failure('not-found') : ok(this.object);
  }

  create(object: KubeObject): Answer {
    return this.object === undefined ? this.#store(object) : failure('already-exists');
  }

  replace(object: KubeObject): Answer {
    if (this.object === undefined) return failure('not-found');
    if (object.metadata.resourceVersion !== this.object.metadata.resourceVersion) return failure('conflict');
    return this.#store(object);
  }

  #store(object: KubeObject): Answer {
    this.#version += 1;
    this.writes += 1;
    this.object = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    return ok(this.object);
  }
}

export interface ProcessOptions {
  /** Of the monotonic clock: where it starts and how fast it runs. */
  readonly offset?: number;
  readonly rate?: number;
  /** How long the work takes to end after its signal. */
  readonly drainMs?: number;
  /** Of the wall clock. */
  readonly dateMs?: number;
  /** Called when it starts to lead; what it throws is the work's failure. */
  readonly onStarted?: () => void;
}

/** One process with a candidate in it. */
export class Candidate {
  readonly name: string;
  readonly election: LeaderElection;
  readonly events: ElectionEvent[] = [];
  /** Started, and not yet ended. */
  working = false;
  /** Between the signal and the end. */
  draining = false;
  frozenUntil = 0;
  stopped = 0;
  readonly #world: World;
  readonly #store: LeaseStore;
  readonly #options: ProcessOptions;

  constructor(store: LeaseStore, name: string, options: ProcessOptions = {}) {
    this.name = name;
    this.#store = store;
    this.#world = store.world;
    this.#options = options;
    this.election = new LeaderElection({
      api: this.#api(),
      namespace: 'system',
      name: 'leader',
      identity: name,
      now: () => this.#clock(),
      date: () => new Date(1_800_000_000_000 + (options.dateMs ?? 0) + this.#world.now),
      wait: (ms, signal) => this.#wait(ms, signal),
      onStarted: (signal) => this.#start(signal),
      onStopped: () => {
        this.stopped += 1;
      },
      log: (event) => this.events.push(event),
    });
  }

  get isFrozen(): boolean {
    return this.#world.now < this.frozenUntil;
  }

  #clock(): number {
    return (this.#options.offset ?? 0) + this.#world.now * (this.#options.rate ?? 1);
  }

  async #start(signal: AbortSignal): Promise<void> {
    this.working = true;
    try {
      this.#options.onStarted?.();
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          this.draining = true;
          this.#later(this.#options.drainMs ?? 0, resolve);
        });
      });
    } finally {
      this.working = false;
      this.draining = false;
    }
  }

  /** In so many milliseconds of the world, or when the process thaws. */
  #later(ms: number, run: () => void): () => void {
    let cancel = (): void => undefined;
    const attempt = (): void => {
      if (this.isFrozen) cancel = this.#world.at(this.frozenUntil, attempt);
      else run();
    };
    cancel = this.#world.at(this.#world.now + ms, attempt);
    return () => {
      cancel();
    };
  }

  #wait(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const finish = (): void => {
        cancel();
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const cancel = this.#later(ms / (this.#options.rate ?? 1), finish);
      signal?.addEventListener('abort', finish);
    });
  }

  #call(carryOut: () => Answer, timeoutMs: number): Promise<Answer> {
    const weather = this.#store.weather(this.name);
    return new Promise((resolve) => {
      let isDone = false;
      const finish = (answer: Answer): void => {
        if (!isDone) resolve(answer);
        isDone = true;
      };
      this.#later(timeoutMs, () => {
        finish(failure('unreachable'));
      });
      if (weather.lost === 'question') return;
      // Carried out by the server, however this process is.
      this.#world.at(this.#world.now + weather.thereMs, () => {
        const answer = carryOut();
        if (weather.lost === 'answer') return;
        this.#later(weather.backMs, () => {
          finish(answer);
        });
      });
    });
  }

  #api(): ClusterApi {
    const refuse = (): never => {
      throw new Error('not used by an election');
    };
    return {
      get: (_type, _name, options) => this.#call(() => this.#store.read(), options?.timeoutMs ?? 10_000),
      create: (_type, object, options) =>
        this.#call(() => this.#store.create(object), options?.timeoutMs ?? 10_000),
      replace: (_type, object, options) =>
        this.#call(() => this.#store.replace(object), options?.timeoutMs ?? 10_000),
      list: refuse,
      apply: refuse,
      patch: refuse,
      remove: refuse,
    };
  }
}
