// Stalled reader: nobody ever reads the webhook's standard output. Every pod is answered, and a stop is still a stop.
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import path from 'node:path';
import { PooledClient } from './pooled-client.ts';
import { faultOf, reviewOf } from './reviews.ts';
import { WebhookProcess } from './webhook-process.ts';
import type { WebhookOptions } from './webhook-process.ts';

const PODS = 2_000;
const AT_ONCE = 16;
/** Each takes three seconds: nobody has to wait for two thousand of them. */
const ENOUGH_FAILURES = 20;

export interface StalledResult {
  readonly answered: number;
  readonly failures: readonly string[];
  readonly slowestMs: number;
  readonly endedAfterMs: number;
  readonly exitCode: number | null;
}

/** A pipe that holds 64 KiB and is never read: both ends are open, so that writing to it blocks instead of failing. */
function openStalledPipe(folder: string): number {
  const file = path.join(folder, `stalled-${process.pid}-${Date.now()}`);
  execFileSync('mkfifo', [file]);
  return openSync(file, constants.O_RDWR);
}

/** Resolves with when it ended, or kills it after `limitMs` and says Infinity. */
async function endWithin(
  webhook: WebhookProcess,
  limitMs: number,
): Promise<{ ms: number; code: number | null }> {
  const at = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), limitMs);
  });
  webhook.terminate();
  const ended = await Promise.race([webhook.ended, late]);
  clearTimeout(timer);
  if (ended !== undefined) return { ms: ended.atMs - at, code: ended.code };
  webhook.kill();
  return { ms: Infinity, code: null };
}

/** @param limitMs How long the process may take to end: drain, grace and two seconds. */
export async function runStalledReader(
  options: WebhookOptions,
  setting: { readonly folder: string; readonly caPem: string; readonly images: readonly string[] },
  limitMs: number,
): Promise<StalledResult> {
  const stdout = openStalledPipe(setting.folder);
  const webhook = await WebhookProcess.start({ ...options, stdout });
  const client = new PooledClient(setting.caPem, () => webhook);
  const failures: string[] = [];
  let answered = 0;
  let slowestMs = 0;
  try {
    const callers = Array.from({ length: AT_ONCE }, async (_, caller) => {
      for (let pod = caller; pod < PODS && failures.length < ENOUGH_FAILURES; pod += AT_ONCE) {
        const uid = `stalled-${pod}`;
        try {
          const reply = await client.post(reviewOf(uid, setting.images));
          const fault = faultOf(reply, uid);
          if (fault !== undefined) throw new Error(fault);
          answered += 1;
          slowestMs = Math.max(slowestMs, reply.ms);
        } catch (error) {
          failures.push(`${uid}: ${(error as Error).message}`);
        }
      }
    });
    await Promise.all(callers);
    client.close();
    const { ms, code } = await endWithin(webhook, limitMs);
    return { answered, failures, slowestMs, endedAfterMs: ms, exitCode: code };
  } finally {
    client.close();
    webhook.kill();
    closeSync(stdout);
  }
}
