// Cold: every pod names images that were never asked for, and the registries are well: three questions a pod, over real TLS.
import type { Figures } from './memory.ts';
import { measure } from './memory.ts';
import { median } from './median.ts';
import type { Place } from './place.ts';
import { DISTINCT_TAGS } from './registries.ts';
import { DISTINCT, podImages, reviewOf } from './reviews.ts';
import { addVerified, indexReviews, verifySample } from './verify.ts';
import type { Verified } from './verify.ts';

/** For the code to be compiled and the tokens to be fetched. */
const WARM_UP_S = 2;
const SAMPLE_EVERY = 50;

export interface ColdResult {
  readonly cold: Figures;
  readonly rssMb: number;
  readonly verified: Verified;
}

/** Each round has a webhook of its own, which knows nothing. */
export async function measureCold(
  place: Place,
  plan: { readonly rounds: number; readonly seconds: number },
  say: (line: string) => void,
): Promise<ColdResult> {
  const bodies = podImages(place.registries.upstreams, `c${DISTINCT}`).map((images, pod) =>
    reviewOf(`cold-${pod}`, images),
  );
  const rounds: Figures[] = [];
  let rss = 0;
  let verified: Verified = { looked: 0, misplaced: 0 };
  for (let round = 0; round < plan.rounds; round += 1) {
    const webhook = await place.startWebhook();
    const load = (seconds: number, firstNumber: number) => ({
      folder: place.folder(),
      bodies,
      seconds,
      firstNumber,
      sampleEvery: SAMPLE_EVERY,
    });
    const warmUp = await measure(webhook, load(WARM_UP_S, 0));
    const result = await measure(webhook, load(plan.seconds, warmUp.load.used));
    if (result.load.used >= DISTINCT_TAGS) throw new Error('the distinct images have run out: publish more');
    verified = addVerified(verified, verifySample(result.sample, indexReviews(bodies), 'unchanged'));
    rounds.push(result);
    rss = Math.max(rss, place.memoryMb(webhook));
    webhook.kill();
    say(
      `  cold   ${result.rps.toFixed(0).padStart(6)}/s  p50 ${result.p50Ms.toFixed(2)} ms  p99 ${result.p99Ms.toFixed(2)} ms  ${result.cpuUs.toFixed(1)} µs CPU`,
    );
  }
  const of = (pick: (figures: Figures) => number): number => median(rounds.map(pick));
  return {
    cold: {
      rps: of((one) => one.rps),
      p50Ms: of((one) => one.p50Ms),
      p99Ms: of((one) => one.p99Ms),
      cpuUs: of((one) => one.cpuUs),
    },
    rssMb: rss,
    verified,
  };
}
