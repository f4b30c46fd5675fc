// State watch: keeps this node's NodeMirrorState in view: a list, then a watch for as long as it can be resumed.
import { err, ok, type Result } from '../domain/result.ts';
import type { ApiClient } from './api-client.ts';
import type { ApiFailure } from './api-failure.ts';
import { BackOff } from './back-off.ts';
import { OneWatch, type StateListener, type WatchEnd } from './one-watch.ts';
import { parseOwnStateList } from './own-state.ts';
import { wait } from './wait.ts';

export interface WatchTiming {
  /** The API server ends a watch after this, a little earlier or later, so that a thousand nodes are spread. */
  readonly watchMs: number;
  /** A watch that outlives its time by this has been forgotten by the other side. */
  readonly overtimeMs: number;
  readonly firstRetryMs: number;
  readonly maxRetryMs: number;
  /** A watch that lived as long was a good one: the next failure starts from the shortest wait. */
  readonly goodMs: number;
}

export interface StateWatchParts {
  readonly client: Pick<ApiClient, 'call' | 'stream'>;
  readonly namespace: string;
  readonly node: string;
  readonly listener: StateListener;
  readonly random: () => number;
  readonly timing?: Partial<WatchTiming> | undefined;
}

const TIMING: WatchTiming = {
  watchMs: 300_000,
  overtimeMs: 30_000,
  firstRetryMs: 500,
  maxRetryMs: 30_000,
  goodMs: 5000,
};
/** Where NodeMirrorStates of a namespace are. */
export function statesPath(namespace: string): string {
  return `/apis/registry-failover.io/v1alpha1/namespaces/${encodeURIComponent(namespace)}/nodemirrorstates`;
}

export class StateWatch {
  readonly #parts: StateWatchParts;
  readonly #timing: WatchTiming;
  readonly #backOff: BackOff;
  readonly #stopped = new AbortController();
  #done: Promise<void> | undefined;

  constructor(parts: StateWatchParts) {
    this.#parts = parts;
    this.#timing = { ...TIMING, ...parts.timing };
    const { firstRetryMs: firstMs, maxRetryMs: maxMs } = this.#timing;
    this.#backOff = new BackOff({ firstMs, maxMs }, parts.random);
  }

  start(): void {
    this.#done ??= this.#keep();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#done;
  }

  get #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  async #keep(): Promise<void> {
    let resumeFrom: string | undefined;
    while (!this.#isStopped) {
      const from = resumeFrom === undefined ? await this.#list() : ok(resumeFrom);
      if (this.#isStopped) return;
      const end = from.ok ? await this.#watch(from.value) : { resumeFrom: undefined, failure: from.error };
      resumeFrom = end.resumeFrom;
      if (end.failure !== undefined) await this.#lose(end.failure);
    }
  }

  async #lose(failure: ApiFailure): Promise<void> {
    if (this.#isStopped) return;
    this.#parts.listener.onLost(failure);
    await wait(this.#backOff.next(), this.#stopped.signal);
  }

  /** The resource version to watch from. */
  async #list(): Promise<Result<string, ApiFailure>> {
    const { client, node, listener } = this.#parts;
    const answer = await client.call({ method: 'GET', path: this.#pathWith({}) });
    if (!answer.ok) return answer;
    const list = parseOwnStateList(answer.value, node);
    if (list === undefined) return err({ kind: 'refused', message: 'the API server’s answer is no list' });
    if (!this.#isStopped) listener.onState(list.state);
    return ok(list.resourceVersion);
  }

  #watch(from: string): Promise<WatchEnd> {
    const { client, random } = this.#parts;
    const seconds = Math.max(1, Math.round((this.#timing.watchMs * (0.8 + random() * 0.4)) / 1000));
    const path = this.#pathWith({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: from,
      timeoutSeconds: String(seconds),
    });
    return new Promise((resolve) => {
      const watch = new OneWatch(this.#parts, from, (end) => {
        clearTimeout(overtime);
        this.#stopped.signal.removeEventListener('abort', stop);
        if (watch.livedMs() >= this.#timing.goodMs) this.#backOff.reset();
        cancel();
        resolve(this.#judge(end, watch.livedMs()));
      });
      const stop = (): void => {
        watch.end({ resumeFrom: undefined, failure: undefined });
      };
      const overtime = setTimeout(
        () => {
          watch.lose('the watch outlived its time');
        },
        seconds * 1000 + this.#timing.overtimeMs,
      );
      this.#stopped.signal.addEventListener('abort', stop);
      const cancel = client.stream(path, watch);
    });
  }

  /** A server that ends every watch at once, in good order, must not be asked in a circle without a pause. */
  #judge(end: WatchEnd, livedMs: number): WatchEnd {
    if (end.failure !== undefined || livedMs >= this.#timing.goodMs) return end;
    return { ...end, failure: { kind: 'unreachable', message: 'the API server ended the watch at once' } };
  }

  #pathWith(query: Readonly<Record<string, string>>): string {
    const { namespace, node } = this.#parts;
    const search = new URLSearchParams({ fieldSelector: `metadata.name=${node}`, ...query });
    return `${statesPath(namespace)}?${search.toString()}`;
  }
}
