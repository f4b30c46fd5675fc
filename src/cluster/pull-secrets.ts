// Pull secrets: pods' pull secrets read from the API server by name, mostly from memory, never waited for long.
import { isDerivedName } from '../domain/derived-secret.ts';
import type { SecretReading } from '../domain/pod-credentials.ts';
import type { ClusterReader } from '../kubernetes/cluster-api.ts';
import { SECRETS } from '../kubernetes/resource.ts';
import { isGood, learn, SecretMemory } from './secret-memory.ts';
import type { KnownSecret } from './secret-memory.ts';

export interface PullSecretsOptions {
  readonly api: Pick<ClusterReader, 'get'>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** How long a pod waits for its secrets; 200 ms. */
  readonly waitMs?: number;
}

/** How long a pod waits for its secrets: then it is judged without them. */
const WAIT_MS = 200;
/** A call goes on behind, so that the next pod knows. */
const CALL_MS = 5_000;
/** Calls under way; names are chosen by whoever creates pods. What is beyond is unread. */
const MAX_CALLS = 500;
/** Of those for one namespace: pods that name secrets at random must not leave the others' pods unread. */
const MAX_CALLS_OF_ONE = 32;
const SWEEP_MS = 60_000;

/** Reads pull secrets by name. Nothing here throws or rejects. */
export class PullSecrets {
  readonly #options: PullSecretsOptions;
  readonly #memory = new SecretMemory();
  readonly #calls = new Map<string, Promise<void>>();
  readonly #callsOf = new Map<string, number>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(options: PullSecretsOptions) {
    this.#options = options;
    this.#sweeper = setInterval(() => this.#memory.sweep(options.now()), SWEEP_MS);
    this.#sweeper.unref();
  }

  /**
   * What came of reading these secrets of a namespace, in the order of the names. Without a promise when all are known; else
   * within the time that a pod waits. A reading is the same object for as long as the secret's content is the same.
   * @param withinMs What is left of the pod's time, if that is less; 0 or less: what is known now, and asking goes on behind.
   */
  read(
    namespace: string,
    names: readonly string[],
    withinMs = Infinity,
  ): readonly SecretReading[] | Promise<readonly SecretReading[]> {
    const now = this.#options.now();
    const readings: SecretReading[] = [];
    let missing: string[] | undefined;
    for (const name of names) {
      const reading = isDerivedName(name) ? this.#derived(name) : this.#recall(namespace, name, now);
      if (reading === undefined) (missing ??= []).push(name);
      else readings.push(reading);
    }
    if (missing === undefined) return readings;
    const asked = Promise.all(missing.map((name) => this.#refresh(namespace, name)));
    const waitMs = Math.min(this.#options.waitMs ?? WAIT_MS, withinMs);
    return waitMs > 0 ? this.#wait(namespace, names, { asked, waitMs }) : this.#known(namespace, names);
  }

  close(): void {
    clearInterval(this.#sweeper);
  }

  /** Never read: its content is computed, so that a pod is judged by what it will have (src/domain/pod-credentials.ts). */
  #derived(name: string): SecretReading {
    const known = this.#memory.get(name);
    if (known !== undefined) return known.reading;
    const reading: SecretReading = { name, state: 'absent' };
    // No namespace in the key, so that it is no other secret's.
    this.#memory.set(name, {
      reading,
      content: undefined,
      confirmedAt: -Infinity,
      freshUntil: Infinity,
    });
    return reading;
  }

  /** What is known and still holds; asks again behind what has become stale. */
  #recall(namespace: string, name: string, now: number): SecretReading | undefined {
    const known = this.#memory.get(`${namespace}/${name}`);
    if (known === undefined) return undefined;
    if (now < known.freshUntil) return known.reading;
    if (!isGood(known, now)) return undefined;
    void this.#refresh(namespace, name);
    return known.reading;
  }

  async #wait(
    namespace: string,
    names: readonly string[],
    { asked, waitMs }: { readonly asked: Promise<unknown>; readonly waitMs: number },
  ): Promise<readonly SecretReading[]> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, waitMs);
    });
    await Promise.race([asked, deadline]);
    clearTimeout(timer);
    return this.#known(namespace, names);
  }

  #known(namespace: string, names: readonly string[]): readonly SecretReading[] {
    const now = this.#options.now();
    return names.map((name) => this.#now(namespace, name, now));
  }

  #now(namespace: string, name: string, now: number): SecretReading {
    if (isDerivedName(name)) return this.#derived(name);
    const known = this.#memory.get(`${namespace}/${name}`);
    const holds = known !== undefined && (now < known.freshUntil || isGood(known, now));
    return holds ? known.reading : { name, state: 'unread' };
  }

  /** One call per secret at a time. */
  #refresh(namespace: string, name: string): Promise<void> {
    const key = `${namespace}/${name}`;
    const running = this.#calls.get(key);
    if (running !== undefined) return running;
    const ofNamespace = this.#callsOf.get(namespace) ?? 0;
    if (this.#calls.size >= MAX_CALLS || ofNamespace >= MAX_CALLS_OF_ONE) return Promise.resolve();
    this.#callsOf.set(namespace, ofNamespace + 1);
    const call = this.#ask(namespace, name).finally(() => this.#ended(key, namespace));
    this.#calls.set(key, call);
    return call;
  }

  #ended(key: string, namespace: string): void {
    this.#calls.delete(key);
    const left = (this.#callsOf.get(namespace) ?? 1) - 1;
    if (left > 0) this.#callsOf.set(namespace, left);
    else this.#callsOf.delete(namespace);
  }

  async #ask(namespace: string, name: string): Promise<void> {
    const { api, now } = this.#options;
    const key = `${namespace}/${name}`;
    const answer = await api.get(SECRETS, { namespace, name }, { timeoutMs: CALL_MS });
    const before: KnownSecret | undefined = this.#memory.get(key);
    this.#memory.set(key, learn(name, before, answer, now()));
  }
}
