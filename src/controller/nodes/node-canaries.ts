// Node canaries: proves on one node that the image a set declares can be pulled there, by a short-lived pod; one after the other.
import type { NodeProof } from '../../domain/node-rollout-facts.ts';
import type { ClusterApi } from '../../kubernetes/cluster-api.ts';
import { PODS } from '../../kubernetes/resource.ts';
import { aborted } from '../../kubernetes/wait.ts';
import { sha256Hex } from '../../nodes/sha256.ts';
import { CALL } from '../leader-call.ts';
import { CANARY_LABEL, judgePull, printCanaryPod } from './node-canary-pod.ts';
import type { ControllerClock } from '../status-clock.ts';

/** One image to be pulled. */
export interface CanaryImage {
  /** Name of the mirror set. */
  readonly set: string;
  readonly image: string;
  readonly secret: string | undefined;
}

export interface CanaryTask {
  readonly node: string;
  readonly revision: string;
  readonly images: readonly CanaryImage[];
}

export interface NodeCanariesOptions {
  readonly api: ClusterApi;
  readonly install: { readonly namespace: string; readonly fullname: string };
  readonly clock: ControllerClock;
  /** A proof has come out, or can be asked for from now on. */
  readonly onChange: () => void;
  readonly log: { failed(node: string, message: string): void; proved(node: string, image: string): void };
}

const PROOF_MS = 60_000;
const LOOK_MS = 1_000;
/** Before a proof that has failed is tried again; the rollout stands still meanwhile. */
const AGAIN_MS = 120_000;

interface Result {
  readonly proof: NodeProof;
  /** Monotonic milliseconds; a failed one is open again from then on. */
  readonly againAt: number;
}

function keyOf({ node, revision }: Pick<CanaryTask, 'node' | 'revision'>): string {
  return `${node} ${revision}`;
}

/** Of the names of its pods; what an earlier leader has left is known by it. */
function prefixOf({ fullname }: NodeCanariesOptions['install']): string {
  return `${fullname}-canary-`;
}

export class NodeCanaries {
  readonly #options: NodeCanariesOptions;
  readonly #results = new Map<string, Result>();
  /** In order; the first is under way. */
  #wanted: readonly CanaryTask[] = [];
  #running: Promise<void> | undefined;
  #signal: AbortSignal | undefined;

  constructor(options: NodeCanariesOptions) {
    this.#options = options;
  }

  /** Removes what an earlier leader has left, then works until the signal aborts. Resolves when nothing is under way any more. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#sweep();
    this.#signal = signal;
    this.#options.onChange();
    await aborted(signal);
    await this.#running;
    this.#results.clear();
  }

  /** How it stands with the proof of a revision on a node that needs one. */
  proofOf(node: string, revision: string): NodeProof {
    return this.#results.get(keyOf({ node, revision }))?.proof ?? { kind: 'Open' };
  }

  /** When a proof that has failed is due again; undefined: none is. One that is being tried again, or is about to be, tells by itself. */
  againInMs(now: number): number | undefined {
    const due = [...this.#results.values()].map(({ againAt }) => againAt).filter((at) => at > now);
    const first = Math.min(...due);
    return Number.isFinite(first) ? first - now : undefined;
  }

  /**
   * @param tasks Everything whose proof matters now. What is not named any more is given up and forgotten; what has failed is tried
   * again in time, and counts as failed until then.
   */
  want(tasks: readonly CanaryTask[]): void {
    const now = this.#options.clock.now();
    const keys = new Set(tasks.map(keyOf));
    for (const key of this.#results.keys()) if (!keys.has(key)) this.#results.delete(key);
    this.#wanted = tasks.filter((task) => (this.#results.get(keyOf(task))?.againAt ?? -Infinity) <= now);
    if (this.#wanted.length === 0 || this.#signal === undefined) return;
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
    });
  }

  async #work(): Promise<void> {
    for (let [task] = this.#wanted; task !== undefined; [task] = this.#wanted) {
      if (this.#signal?.aborted !== false) break;
      const proof = await this.#prove(task);
      const key = keyOf(task);
      this.#wanted = this.#wanted.filter((one) => keyOf(one) !== key);
      if (proof === undefined) continue;
      const againAt = proof.kind === 'Failed' ? this.#options.clock.now() + AGAIN_MS : Infinity;
      this.#results.set(key, { proof, againAt });
      this.#options.onChange();
    }
  }

  /** undefined: it was given up. */
  async #prove(task: CanaryTask): Promise<NodeProof | undefined> {
    const { log } = this.#options;
    for (const image of task.images) {
      const failure = await this.#pull(task, image);
      if (!this.#isWanted(task)) return undefined;
      if (failure !== undefined) {
        const message = `the canary ${image.image} of mirror set ${image.set} could not be pulled: ${failure}`;
        log.failed(task.node, message);
        return { kind: 'Failed', message };
      }
      log.proved(task.node, image.image);
    }
    return { kind: 'Proved' };
  }

  #isWanted(task: CanaryTask): boolean {
    return this.#signal?.aborted === false && this.#wanted.some((one) => keyOf(one) === keyOf(task));
  }

  /** Gives why it failed. */
  async #pull(task: CanaryTask, { set, image, secret }: CanaryImage): Promise<string | undefined> {
    const { api, install, clock } = this.#options;
    const { namespace } = install;
    const name = `${prefixOf(install)}${sha256Hex(`${keyOf(task)} ${set}`).slice(0, 8)}`;
    const pod = printCanaryPod({ namespace, name, node: task.node, image, secret });
    const made = await api.create(PODS, pod, CALL);
    if (!made.ok) {
      // One that was left: it goes, and the next try makes a new one.
      if (made.error.kind === 'already-exists') await this.#remove(name);
      return `no pod could be made for it (${made.error.message})`;
    }
    const until = clock.now() + PROOF_MS;
    const failure = await this.#watch(task, name, until);
    await this.#remove(name);
    return failure;
  }

  async #watch(task: CanaryTask, name: string, until: number): Promise<string | undefined> {
    const { api, install, clock } = this.#options;
    let last = '';
    while (this.#isWanted(task) && clock.now() < until) {
      await this.#sleep(LOOK_MS);
      const pod = await api.get(PODS, { namespace: install.namespace, name }, CALL);
      if (!pod.ok) {
        if (pod.error.kind === 'not-found') return 'somebody has deleted its pod';
        last = pod.error.message;
        continue;
      }
      const progress = judgePull(pod.value);
      if (progress.kind === 'pulled') return undefined;
      if (progress.kind === 'failed') return progress.message;
      if (progress.message !== '') last = progress.message;
    }
    return `not within ${PROOF_MS / 1000} s${last === '' ? '' : `: ${last}`}`;
  }

  /** Ends with the time or the signal. */
  #sleep(ms: number): Promise<void> {
    const signal = this.#signal;
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.#options.clock.after(ms, end);
      signal?.addEventListener('abort', end, { once: true });
    });
  }

  async #remove(name: string): Promise<void> {
    const { api, install, log } = this.#options;
    const removed = await api.remove(PODS, { namespace: install.namespace, name }, CALL);
    if (!removed.ok) log.failed(name, `the canary pod could not be removed: ${removed.error.message}`);
  }

  async #sweep(): Promise<void> {
    const { api, install } = this.#options;
    const scope = { namespace: install.namespace, labelSelector: `${CANARY_LABEL}=true` };
    const left = await api.list(PODS, scope, CALL);
    if (!left.ok) return;
    for (const { metadata } of left.value.items)
      if (metadata.name.startsWith(prefixOf(install))) await this.#remove(metadata.name);
  }
}
