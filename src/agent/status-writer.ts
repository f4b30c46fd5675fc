// Status writer: puts the newest status into this node's NodeMirrorState: only when it differs, not too often, until it is taken.
import type { ApiClient } from './api-client.ts';
import type { ApiFailure } from './api-failure.ts';
import { BackOff, type BackOffBounds } from './back-off.ts';
import { statesPath } from './state-watch.ts';
import type { NodeStatus } from './status.ts';
import { wait } from './wait.ts';

export interface StatusWriterParts {
  readonly client: Pick<ApiClient, 'call'>;
  readonly namespace: string;
  readonly node: string;
  /** Between two writes at least. */
  readonly pauseMs: number;
  readonly retry: BackOffBounds;
  readonly random: () => number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onFailure: (failure: ApiFailure) => void;
}

export class StatusWriter {
  readonly #parts: StatusWriterParts;
  readonly #backOff: BackOff;
  /** Pauses are over: what is left to say is said now or never. */
  readonly #hurry = new AbortController();
  #isStopped = false;
  /** Counts objects: what was written to an earlier one is not in this one. */
  #epoch = 0;
  #wanted: NodeStatus | undefined;
  /** What is in the object as far as we know, as JSON. */
  #written: string | undefined;
  #writing: Promise<void> | undefined;

  constructor(parts: StatusWriterParts) {
    this.#parts = parts;
    this.#backOff = new BackOff(parts.retry, parts.random);
  }

  /** This is so now. A status that was not written yet is forgotten for it. */
  set(status: NodeStatus): void {
    this.#wanted = status;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /** The object has gone, or it is another one: nothing of us is in it. */
  forget(): void {
    this.#epoch += 1;
    this.#wanted = undefined;
    this.#written = undefined;
  }

  /** Resolves when the newest status is written, or it cannot be, or after `graceMs`. Nothing is written after it. */
  async stop(graceMs: number): Promise<void> {
    this.#hurry.abort();
    const grace = new AbortController();
    await Promise.race([this.#writing, wait(graceMs, grace.signal)]);
    grace.abort();
    this.#isStopped = true;
  }

  /** Writes until there is nothing new. The pause comes after a write, so that the first news is told at once. */
  async #write(): Promise<void> {
    for (let status = this.#news(); status !== undefined; status = this.#news()) {
      const epoch = this.#epoch;
      const answer = await this.#patch(status);
      if (epoch !== this.#epoch) continue;
      if (answer.ok) {
        this.#backOff.reset();
        this.#written = JSON.stringify(status);
        await wait(this.#parts.pauseMs, this.#hurry.signal);
      } else if (answer.error.kind === 'not-found') {
        // The watch will tell; a new object is told everything anew.
        this.forget();
      } else {
        this.#parts.onFailure(answer.error);
        if (this.#hurry.signal.aborted) return;
        await wait(this.#backOff.next(), this.#hurry.signal);
      }
    }
  }

  #news(): NodeStatus | undefined {
    if (this.#isStopped || this.#wanted === undefined) return undefined;
    return JSON.stringify(this.#wanted) === this.#written ? undefined : this.#wanted;
  }

  #patch(status: NodeStatus): ReturnType<ApiClient['call']> {
    const { client, namespace, node, now } = this.#parts;
    return client.call({
      method: 'PATCH',
      path: `${statesPath(namespace)}/${encodeURIComponent(node)}/status`,
      patch: { status: { ...status, updatedAt: new Date(now()).toISOString() } },
    });
  }
}
