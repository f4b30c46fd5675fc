// Lease keeper: the calls with which a lease is taken, renewed and given back; no judgement about time beyond the lease's own.
import { err, ok, type Result } from '../domain/result.ts';
import type { ApiFailure, ClusterApi } from './cluster-api.ts';
import {
  mayTake,
  microTime,
  observe,
  printLease,
  readLease,
  takenBy,
  type LeaseRecord,
  type Sighting,
} from './lease.ts';
import { LEASES, type KubeObject } from './resource.ts';

export interface LeaseKeeperOptions {
  readonly api: ClusterApi;
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  readonly leaseMs: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Wall clock: written for people, compared with nothing. */
  readonly date: () => Date;
}

/** A lease that is ours. */
export interface Held {
  readonly object: KubeObject;
  /** When the request that made or renewed it was sent: others cannot have seen it before. */
  readonly sentAt: number;
}

export type RenewFailure =
  { readonly kind: 'lost' } | { readonly kind: 'failed'; readonly failure: ApiFailure };

/** One lease, as one candidate sees it. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  #sighting: Sighting | undefined;
  #isMissing = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** Who leads, as far as was seen last; '' when nobody does. */
  get holder(): string {
    return this.#sighting?.record.holder ?? '';
  }

  /** Takes the lease if it is free or has run out. undefined: somebody else's. */
  async take(timeoutMs: number): Promise<Result<Held | undefined, ApiFailure>> {
    const { leaseMs, now, identity } = this.#options;
    const present = await this.#read(timeoutMs);
    if (!present.ok) return present;
    const isFree = this.#sighting === undefined || mayTake(this.#sighting, identity, { now: now(), leaseMs });
    if (!isFree) return ok(undefined);
    const held = await this.#write(present.value, leaseMs, timeoutMs);
    return !held.ok && isOvertaken(held.error) ? ok(undefined) : held;
  }

  /**
   * Takes the lease from whoever holds it, for `durationMs` from when that one must have stopped. Yields how long that is.
   */
  async seize(durationMs: number, timeoutMs: number): Promise<Result<number, ApiFailure>> {
    const { identity, leaseMs } = this.#options;
    const present = await this.#read(timeoutMs);
    if (!present.ok) return present;
    const before = present.value === undefined ? undefined : readLease(present.value);
    const isFree = before === undefined || before.holder === '' || before.holder === identity;
    const beliefMs = isFree ? 0 : Math.max(leaseMs, before.durationMs);
    // Others count from when it is written, we from when we know.
    const held = await this.#write(present.value, durationMs + beliefMs + timeoutMs, timeoutMs);
    return held.ok ? ok(beliefMs) : held;
  }

  /** Renews what is held. A conflict is looked into: somebody may only have labelled it. */
  async renew(held: Held, timeoutMs: number): Promise<Result<Held, RenewFailure>> {
    const renewed = await this.#write(held.object, this.#options.leaseMs, timeoutMs);
    if (renewed.ok) return renewed;
    if (!isOvertaken(renewed.error) && renewed.error.kind !== 'not-found') {
      return err({ kind: 'failed', failure: renewed.error });
    }
    const present = await this.#read(timeoutMs);
    if (!present.ok) return err({ kind: 'failed', failure: present.error });
    // Deleted: made again, unless somebody else is faster.
    if (present.value !== undefined && readLease(present.value).holder !== this.#options.identity) {
      return err({ kind: 'lost' });
    }
    const again = await this.#write(present.value, this.#options.leaseMs, timeoutMs);
    return again.ok ? again : err({ kind: 'failed', failure: again.error });
  }

  /** Gives it back, so that the next one need not wait. */
  async release({ object }: Held, timeoutMs: number): Promise<Result<undefined, ApiFailure>> {
    const record: LeaseRecord = {
      ...readLease(object),
      holder: '',
      durationMs: 1000,
      renewTime: this.#time(),
    };
    const lease = printLease(object, this.#options, record);
    const written = await this.#options.api.replace(LEASES, lease, { timeoutMs });
    return written.ok ? ok(undefined) : written;
  }

  async #read(timeoutMs: number): Promise<Result<KubeObject | undefined, ApiFailure>> {
    const { api, namespace, name, now } = this.#options;
    const found = await api.get(LEASES, { namespace, name }, { timeoutMs });
    if (!found.ok) {
      if (found.error.kind !== 'not-found') return found;
      this.#sightNothing();
      return ok(undefined);
    }
    this.#isMissing = false;
    this.#sighting = observe(this.#sighting, readLease(found.value), now());
    return found;
  }

  /** Deleted under its holder, who learns of it at the next renewal only: as if it had been renewed just before. */
  #sightNothing(): void {
    if (this.#sighting !== undefined && !this.#isMissing) {
      this.#sighting = { record: this.#sighting.record, seenAt: this.#options.now() };
    }
    this.#isMissing = true;
  }

  /** Writes ourselves as the holder: over exactly the object given, or as a new one where there was none. */
  async #write(
    present: KubeObject | undefined,
    durationMs: number,
    timeoutMs: number,
  ): Promise<Result<Held, ApiFailure>> {
    const { api, identity, now, namespace, name } = this.#options;
    const before = present === undefined ? undefined : readLease(present);
    const record = takenBy(identity, before, { durationMs, time: this.#time() });
    const lease = printLease(present, { namespace, name }, record);
    const sentAt = now();
    const written = await (present === undefined
      ? api.create(LEASES, lease, { timeoutMs })
      : api.replace(LEASES, lease, { timeoutMs }));
    if (!written.ok) return written;
    this.#sighting = observe(this.#sighting, readLease(written.value), now());
    return ok({ object: written.value, sentAt });
  }

  #time(): string {
    return microTime(this.#options.date());
  }
}

function isOvertaken({ kind }: ApiFailure): boolean {
  return kind === 'conflict' || kind === 'already-exists';
}
