// Credential scene: the keeping of derived secrets on any API server, with declarations and pods that a test sets by hand.
import { DerivedSecrets } from '../../src/controller/derived-secrets.ts';
import type {
  CredentialLog,
  CredentialState,
  MirrorSetSource,
  PodUse,
} from '../../src/controller/derived-effects.ts';
import type { EventReport } from '../../src/controller/event-sink.ts';
import type { Timers } from '../../src/controller/status-clock.ts';
import type { MirrorSet } from '../../src/domain/mirror-set.ts';
import type { SecretUser } from '../../src/domain/pod-use.ts';
import type { ClusterApi, InformerSource } from '../../src/kubernetes/cluster-api.ts';

export const INSTALL = { namespace: 'registry-failover', fullname: 'registry-failover' };
export const OPTED_IN = { 'registry-failover.io/enabled': 'true' };

/** Declarations as a variable. */
export class Sets implements MirrorSetSource {
  synced: Promise<void> = Promise.resolve();
  #sets: readonly MirrorSet[] = [];
  readonly #listeners = new Set<() => void>();

  sets(): readonly MirrorSet[] {
    return this.#sets;
  }

  declare(...sets: readonly MirrorSet[]): void {
    this.#sets = sets;
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Living pods as a variable. */
export class Pods implements PodUse {
  synced: Promise<void> = Promise.resolve();
  isCurrent = true;
  readonly #users = new Map<string, readonly SecretUser[]>();
  readonly #listeners = new Set<(namespace: string) => void>();

  usersOf(namespace: string, secretName: string): readonly SecretUser[] {
    return this.#users.get(`${namespace}/${secretName}`) ?? [];
  }

  /** The images of the one pod that names the secret; none: it is gone. */
  use(namespace: string, secretName: string, ...images: readonly string[]): void {
    this.#users.set(`${namespace}/${secretName}`, images.length === 0 ? [] : [{ images }]);
    for (const listener of this.#listeners) listener(namespace);
  }

  onChange(listener: (namespace: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

export interface CredentialScene {
  readonly sets: Sets;
  readonly pods: Pods;
  readonly derived: DerivedSecrets;
  readonly events: EventReport[];
  /** `bound shop/registry-failover-webhook` and so on, failures too. */
  readonly deeds: string[];
  readonly thrown: unknown[];
  counts(): Readonly<Record<CredentialState, number>>;
  /** Starts to lead. */
  start(): void;
  /** Stops leading; resolves when nothing is under way. */
  stop(): Promise<void>;
}

export function makeCredentialScene(options: {
  readonly api: ClusterApi;
  readonly informers: InformerSource;
  readonly graceMs?: number;
  readonly timers?: Timers;
}): CredentialScene {
  const events: EventReport[] = [];
  const deeds: string[] = [];
  const thrown: unknown[] = [];
  const [sets, pods] = [new Sets(), new Pods()];
  let counts: Readonly<Record<CredentialState, number>> = { ready: 0, pending: 0, failed: 0 };
  const log: CredentialLog = {
    did: (deed, namespace, name) => deeds.push(`${deed} ${namespace}/${name}`),
    failed: (namespace, name, message) => deeds.push(`failed ${namespace}: ${name}: ${message}`),
    threw: (_, error) => thrown.push(error),
  };
  const derived = new DerivedSecrets({
    graceMs: 0,
    ...options,
    install: INSTALL,
    declarations: sets,
    pods,
    events: { report: (event) => events.push(event) },
    meter: { derivedSecrets: (now) => (counts = now), reconciled: () => {} },
    log,
  });
  let abort = new AbortController();
  let running: Promise<void> = Promise.resolve();
  return {
    sets,
    pods,
    derived,
    events,
    deeds,
    thrown,
    counts: () => counts,
    start: () => {
      abort = new AbortController();
      running = derived.start(abort.signal);
    },
    stop: () => {
      abort.abort();
      return running;
    },
  };
}
