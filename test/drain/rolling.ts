// Rolling update: load over a Service while one webhook after the other is stopped and replaced. Not one request may fail.
import { PooledClient } from './pooled-client.ts';
import type { Target } from './pooled-client.ts';
import { faultOf, reviewOf } from './reviews.ts';
import { Service } from './service.ts';
import { WebhookProcess } from './webhook-process.ts';
import type { WebhookOptions } from './webhook-process.ts';

const CONNECTIONS = 16;
/** Before the first stop, and after the last one: load on a Service that is at rest. */
const REST_MS = 1_500;
/**
 * Every other caller pauses up to so long between two requests: idle connections are where a closing server is met. The
 * others do not, so that the server always has requests before it that it has not read yet.
 */
const THINK_MS = 12;
/** A signal has surely been seen by then, and every answer has to ask its caller to come back on another connection. */
const HEARD_MS = 500;
/** A process that has nothing in flight ends within the drain and this. */
export const END_SLACK_MS = 2_000;

export interface LoadCount {
  answered: number;
  readonly failures: string[];
  slowestMs: number;
  /** Answers of a webhook that had been told to stop, without `Connection: close`. */
  clinging: number;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Sixteen callers, one after the other each, until told to stop. */
class Load {
  readonly count: LoadCount = { answered: 0, failures: [], slowestMs: 0, clinging: 0 };
  /** When each webhook was told to stop, performance.now(). */
  readonly stopped = new Map<Target, number>();
  readonly #client: PooledClient;
  readonly #images: readonly string[];
  readonly #callers: Promise<void>[];
  #stopped = false;

  constructor(client: PooledClient, images: readonly string[]) {
    this.#client = client;
    this.#images = images;
    this.#callers = Array.from({ length: CONNECTIONS }, (_, caller) => this.#call(caller));
  }

  async #call(caller: number): Promise<void> {
    for (let round = 0; !this.#stopped; round += 1) {
      await this.#callOnce(`${caller}-${round}`);
      if (caller % 2 === 0) await pause(Math.random() * THINK_MS);
    }
  }

  async #callOnce(uid: string): Promise<void> {
    const sentAt = performance.now();
    try {
      const reply = await this.#client.post(reviewOf(uid, this.#images));
      const fault = faultOf(reply, uid);
      if (fault !== undefined) throw new Error(fault);
      this.count.answered += 1;
      const stoppedAt = this.stopped.get(reply.target) ?? Infinity;
      if (sentAt > stoppedAt + HEARD_MS && !reply.wasLast) this.count.clinging += 1;
      this.count.slowestMs = Math.max(this.count.slowestMs, reply.ms);
    } catch (error) {
      this.count.failures.push(`${uid}: ${(error as Error).message}`);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }
}

export interface RollingResult extends LoadCount {
  readonly seconds: number;
  readonly dials: number;
  /** From SIGTERM to the end of each process, milliseconds. */
  readonly endedAfterMs: readonly number[];
  readonly exitCodes: readonly (number | null)[];
}

/** Two webhooks under load; each is replaced by a new one. */
export async function runRollingUpdate(
  options: WebhookOptions,
  caPem: string,
  images: readonly string[],
): Promise<RollingResult> {
  const started = performance.now();
  const service = new Service();
  const all: WebhookProcess[] = [];
  const startOne = async (): Promise<WebhookProcess> => {
    const webhook = await WebhookProcess.start(options);
    all.push(webhook);
    service.add(webhook);
    return webhook;
  };
  const client = new PooledClient(caPem, () => service.choose());
  try {
    const old = [await startOne(), await startOne()];
    const load = new Load(client, images);
    await pause(REST_MS);
    const endings: Promise<number>[] = [];
    for (const webhook of old) {
      load.stopped.set(webhook, performance.now());
      endings.push(endOf(webhook));
      await startOne();
      // The next one goes when its predecessor's replacement is in the Service, as a Deployment's rollout does.
      await pause(REST_MS);
    }
    const endedAfterMs = await Promise.all(endings);
    await pause(REST_MS);
    await load.stop();
    const exitCodes = (await Promise.all(old.map((webhook) => webhook.ended))).map(({ code }) => code);
    const seconds = (performance.now() - started) / 1000;
    return { ...load.count, seconds, dials: client.dials, endedAfterMs, exitCodes };
  } finally {
    service.close();
    client.close();
    for (const webhook of all) webhook.kill();
  }
}

async function endOf(webhook: WebhookProcess): Promise<number> {
  const at = performance.now();
  webhook.terminate();
  const { atMs } = await webhook.ended;
  return atMs - at;
}
