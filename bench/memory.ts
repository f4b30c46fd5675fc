// Memory: alternating rounds of an empty route and of the webhook with everything known; medians of both.
import { get } from 'node:http';
import type { WebhookProcess } from '../test/drain/webhook-process.ts';
import { median } from './median.ts';
import { onCore } from './place.ts';
import type { Place } from './place.ts';
import { cpuMicros } from './process-stat.ts';
import { TAG } from './registries.ts';
import { podImages, reviewOf } from './reviews.ts';
import { addVerified, indexReviews, verifySample } from './verify.ts';
import type { Verified } from './verify.ts';
import { runWrk } from './wrk.ts';
import type { LoadResult } from './wrk.ts';

/** Below it something else than the server was the bottleneck, and the figures are about that. */
export const LEAST_UTILISATION = 0.9;
const TRIES = 6;
const WARM_UP_S = 3;
const SCRAPE_MS = 2_000;
const SAMPLE_EVERY = 500;

export interface Figures {
  readonly rps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Server CPU for one request, all threads, microseconds. */
  readonly cpuUs: number;
}

export interface Round extends Figures {
  /** Server CPU for a second of time. */
  readonly utilisation: number;
  readonly sample: readonly string[];
}

export interface MemoryResult {
  readonly empty: Figures;
  readonly memory: Figures;
  /** Of the webhook, the most seen after a round, megabytes; the working set where it can be counted. */
  readonly rssMb: number;
  readonly utilisation: { readonly empty: number; readonly memory: number };
  readonly verified: Verified;
  /** Rounds that had to be thrown away and were not replaced by a valid one. */
  readonly invalid: number;
}

interface Server {
  readonly pid: number;
  readonly port: number;
}

/** One load on one server, with what it cost. Throws when a request failed. */
export async function measure(
  server: Server,
  load: Omit<Parameters<typeof runWrk>[0], 'port' | 'host' | 'prefix'>,
): Promise<Round & { readonly load: LoadResult }> {
  const cpuBefore = cpuMicros(server.pid);
  const before = performance.now();
  const result = await runWrk({ ...load, port: server.port, host: '127.0.0.1', prefix: onCore('load') });
  const cpu = cpuMicros(server.pid) - cpuBefore;
  const us = (performance.now() - before) * 1_000;
  const failed = result.refused + result.timeouts + result.broken + result.denied;
  if (failed > 0) throw new Error(`${failed} requests failed: ${JSON.stringify({ ...result, sample: [] })}`);
  const { rps, p50Ms, p99Ms, sample } = result;
  return { rps, p50Ms, p99Ms, cpuUs: cpu / result.requests, utilisation: cpu / us, sample, load: result };
}

/** The round, tried again while it was not the server that set the pace. */
async function validRound(
  run: () => Promise<Round>,
  say: (line: string) => void,
  name: string,
): Promise<Round> {
  let best: Round | undefined;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const round = await run();
    const { rps, p50Ms, p99Ms, cpuUs, utilisation } = round;
    say(
      `  ${name.padEnd(6)} ${rps.toFixed(0).padStart(6)}/s  p50 ${p50Ms.toFixed(2)} ms  p99 ${p99Ms.toFixed(2)} ms  ${cpuUs.toFixed(1)} µs CPU  utilisation ${utilisation.toFixed(2)}`,
    );
    if (best === undefined || utilisation > best.utilisation) best = round;
    if (utilisation >= LEAST_UTILISATION) return round;
  }
  if (best === undefined) throw new Error('no round was run');
  return best;
}

function figuresOf(rounds: readonly Round[]): Figures {
  return {
    rps: median(rounds.map((round) => round.rps)),
    p50Ms: median(rounds.map((round) => round.p50Ms)),
    p99Ms: median(rounds.map((round) => round.p99Ms)),
    cpuUs: median(rounds.map((round) => round.cpuUs)),
  };
}

/** Reads /metrics as Prometheus does, as long as the webhook is measured. */
function scrape(webhook: WebhookProcess): () => void {
  const timer = setInterval(() => {
    const request = get(`http://${webhook.host}:${webhook.opsPort}/metrics`, (response) => response.resume());
    request.on('error', () => undefined);
  }, SCRAPE_MS);
  return () => clearInterval(timer);
}

export async function measureMemory(
  place: Place,
  plan: { readonly rounds: number; readonly seconds: number },
  say: (line: string) => void,
): Promise<MemoryResult> {
  const bodies = podImages(place.registries.upstreams, TAG).map((images, pod) =>
    reviewOf(`pod-${pod}`, images),
  );
  const sent = indexReviews(bodies);
  const empty = await place.startEmptyServer();
  const webhook = await place.startWebhook();
  const stopScraping = scrape(webhook);
  const load = (seconds: number, sampleEvery: number) => ({
    folder: place.folder(),
    bodies,
    seconds,
    sampleEvery,
  });
  for (const server of [empty, webhook]) await measure(server, load(WARM_UP_S, 0));
  const rounds = { empty: [] as Round[], memory: [] as Round[] };
  let verified: Verified = { looked: 0, misplaced: 0 };
  let rss = 0;
  for (let round = 0; round < plan.rounds; round += 1) {
    // Both answers are looked at alike, so that wrk costs the same in both.
    const run = (server: Server) => () => measure(server, load(plan.seconds, SAMPLE_EVERY));
    rounds.empty.push(await validRound(run(empty), say, 'empty'));
    const memory = await validRound(run(webhook), say, 'memory');
    rounds.memory.push(memory);
    verified = addVerified(verified, verifySample(memory.sample, sent, 'unchanged'));
    rss = Math.max(rss, place.memoryMb(webhook));
  }
  stopScraping();
  webhook.kill();
  const all = [...rounds.empty, ...rounds.memory];
  return {
    empty: figuresOf(rounds.empty),
    memory: figuresOf(rounds.memory),
    rssMb: rss,
    utilisation: {
      empty: median(rounds.empty.map((round) => round.utilisation)),
      memory: median(rounds.memory.map((round) => round.utilisation)),
    },
    verified,
    invalid: all.filter((round) => round.utilisation < LEAST_UTILISATION).length,
  };
}
