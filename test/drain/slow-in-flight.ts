// Slow in flight: the registry has gone silent and a pod waits for its verdict when the webhook is told to stop.
import type { DemoRegistry } from '../../src/demo/registry.ts';
import { PooledClient } from './pooled-client.ts';
import { faultOf, reviewOf } from './reviews.ts';
import { WebhookProcess } from './webhook-process.ts';
import type { WebhookOptions } from './webhook-process.ts';

/** Less, and the request was not slow: the test would have shown nothing. */
const SLOW_MS = 300;

export interface SlowResult {
  readonly ms: number;
  readonly fault: string | undefined;
  readonly endedAfterMs: number;
  readonly exitCode: number | null;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/**
 * Makes the registries silent, sends a pod, and stops the webhook around it.
 * @param sendAfterMs When the pod is sent, from SIGTERM on; negative: before it.
 */
export async function runSlowInFlight(
  options: WebhookOptions,
  setting: {
    readonly caPem: string;
    readonly registries: readonly DemoRegistry[];
    readonly image: (tag: string) => string;
    readonly sendAfterMs: number;
  },
): Promise<SlowResult> {
  const webhook = await WebhookProcess.start(options);
  const client = new PooledClient(setting.caPem, () => webhook);
  const { sendAfterMs } = setting;
  try {
    // The connection is there and the registry known to be well before anything goes wrong.
    const first = await client.post(reviewOf('warm-up', [setting.image('v1')]));
    const warm = faultOf(first, 'warm-up');
    if (warm !== undefined) throw new Error(`the webhook does not work: ${warm}`);
    for (const registry of setting.registries) registry.fault = 'silent';
    const sent = pause(Math.max(0, sendAfterMs)).then(() =>
      client.post(reviewOf('slow', [setting.image('v2')])),
    );
    sent.catch(() => undefined);
    await pause(Math.max(0, -sendAfterMs));
    const stoppedAt = performance.now();
    webhook.terminate();
    const { ms, fault } = await judge(sent);
    const { atMs, code } = await webhook.ended;
    return { ms, fault, endedAfterMs: atMs - stoppedAt, exitCode: code };
  } finally {
    for (const registry of setting.registries) registry.fault = 'none';
    client.close();
    webhook.kill();
  }
}

async function judge(
  sent: Promise<{ readonly status: number; readonly body: string; readonly ms: number }>,
): Promise<{ readonly ms: number; readonly fault: string | undefined }> {
  try {
    const reply = await sent;
    const fault = faultOf(reply, 'slow');
    const wasSlow = reply.ms >= SLOW_MS;
    return {
      ms: reply.ms,
      fault: fault ?? (wasSlow ? undefined : `answered in ${reply.ms.toFixed(0)} ms: not slow`),
    };
  } catch (error) {
    return { ms: NaN, fault: (error as Error).message };
  }
}
