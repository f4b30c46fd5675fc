// Outage: the upstreams go dead under a webhook that thought them well; then everything does. Run as a program of its own, so that
// the black hole by packet filter can have a network namespace to itself: node bench/outage.ts drop|silent SECONDS
import { execFileSync } from 'node:child_process';
import { PooledClient } from '../test/drain/pooled-client.ts';
import type { WebhookProcess } from '../test/drain/webhook-process.ts';
import { quantile } from './median.ts';
import { onCore, Place } from './place.ts';
import { MIRROR_ADDRESS, TAG, UPSTREAM_ADDRESS, distinctTag } from './registries.ts';
import { BENCH_IMAGES, podImages, reviewOf } from './reviews.ts';
import { indexReviews, verifySample } from './verify.ts';
import type { Verified } from './verify.ts';
import { runWrk } from './wrk.ts';

/** How the dead are dead: packets vanish, or connections are accepted and never answered. */
export type OutageKind = 'drop' | 'silent';

export interface OutageResult {
  /** The very first pod after the upstreams died; the slower of two webhooks, of which one starts into the outage. */
  readonly firstMs: number;
  /** The slowest of the nine that come together after it, each of a set whose upstream's death is news too. */
  readonly nextMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of all pods of the outage, those with everything dead included. */
  readonly denied: number;
  readonly timeouts: number;
  /** A thousand pods while upstreams and mirrors are dead. */
  readonly storm: {
    readonly pods: number;
    readonly seconds: number;
    readonly p50Ms: number;
    readonly p99Ms: number;
  };
  readonly rps: number;
  readonly rssMb: number;
  readonly verified: Verified;
}

const STORM_PODS = 1_000;
/** Stricter than the budget, which gives them 60. */
const STORM_S = 20;
const SAMPLE_EVERY = 200;
/** The API server's time-out for us. */
const WEBHOOK_TIMEOUT_MS = 3_000;

type Who = 'upstreams' | 'mirrors';

async function breakThem(place: Place, kind: OutageKind, who: Who): Promise<void> {
  if (kind === 'silent') return place.order({ who, fault: 'silent' });
  const address = who === 'upstreams' ? UPSTREAM_ADDRESS : MIRROR_ADDRESS;
  execFileSync('iptables', ['-I', 'INPUT', '-d', address, '-p', 'tcp', '-j', 'DROP']);
}

interface Pods {
  readonly latencies: readonly number[];
  readonly denied: number;
  readonly timeouts: number;
}

function isAllowed(body: string): boolean {
  return (JSON.parse(body) as { response?: { allowed?: boolean } }).response?.allowed === true;
}

/** Sends pods, each at its time (milliseconds from now), over as many connections as that takes. */
async function sendPods(
  client: PooledClient,
  pods: readonly { readonly body: string; readonly atMs: number }[],
): Promise<Pods> {
  const latencies: number[] = [];
  let denied = 0;
  let timeouts = 0;
  const sendOne = async (body: string): Promise<void> => {
    try {
      const reply = await client.post(body);
      latencies.push(reply.ms);
      if (reply.status !== 200 || !isAllowed(reply.body)) denied += 1;
      if (reply.ms >= WEBHOOK_TIMEOUT_MS) timeouts += 1;
    } catch {
      // No answer in three seconds, or a connection lost: the API server would have gone on without us.
      timeouts += 1;
    }
  };
  await Promise.all(
    pods.map(async ({ body, atMs }) => {
      await new Promise((resolve) => {
        setTimeout(resolve, atMs);
      });
      await sendOne(body);
    }),
  );
  return { latencies, denied, timeouts };
}

/** One pod for each set, three containers of that set, with a tag that nobody has asked for. */
function firstPods(
  place: Place,
  number: number,
): readonly { readonly body: string; readonly atMs: number }[] {
  return place.registries.upstreams.map((prefix, set) => {
    const images = BENCH_IMAGES.filter((image) => image.set === set);
    const texts = images.map(({ repository }) => `${prefix}/${repository}:${distinctTag(number)}`);
    return { body: reviewOf(`first-${set}`, texts), atMs: 0 };
  });
}

/** A client whose connections are there already, as the API server's are. */
async function connectedClient(place: Place, webhook: WebhookProcess, bodies: readonly string[]) {
  const client = new PooledClient(place.world.ca.pem, () => webhook);
  for (let round = 0; round < 3; round += 1) {
    await sendPods(
      client,
      bodies.map((body) => ({ body, atMs: 0 })),
    );
  }
  return client;
}

async function measure(place: Place, kind: OutageKind, seconds: number): Promise<OutageResult> {
  const bodies = podImages(place.registries.upstreams, TAG).map((images, pod) =>
    reviewOf(`pod-${pod}`, images),
  );
  const webhook = await place.startWebhook();
  const client = await connectedClient(place, webhook, bodies);
  await breakThem(place, kind, 'upstreams');
  const first = await meetOutage(client, firstPods(place, 0));
  // A webhook that starts into the outage knows nothing either.
  const newcomer = await place.startWebhook();
  const other = new PooledClient(place.world.ca.pem, () => newcomer);
  const firstOfNew = await meetOutage(other, firstPods(place, 1));
  const load = await runWrk({
    folder: place.folder(),
    host: '127.0.0.1',
    port: webhook.port,
    bodies,
    seconds,
    prefix: onCore('load'),
    sampleEvery: SAMPLE_EVERY,
  });
  const hosts = place.registries.mirrors;
  const verified = verifySample(load.sample, indexReviews(bodies), { hosts });
  await breakThem(place, kind, 'mirrors');
  const storm = await sendPods(client, stormPods(place, bodies));
  const all = [...first, ...firstOfNew, storm];
  const sum = (pick: (pods: Pods) => number): number => all.reduce((total, pods) => total + pick(pods), 0);
  const rss = Math.max(place.memoryMb(webhook), place.memoryMb(newcomer));
  client.close();
  other.close();
  return {
    firstMs: slowest(first[0], firstOfNew[0]),
    nextMs: slowest(first[1], firstOfNew[1]),
    p50Ms: load.p50Ms,
    p99Ms: load.p99Ms,
    denied: load.denied + load.refused + sum((pods) => pods.denied),
    timeouts: load.timeouts + load.broken + sum((pods) => pods.timeouts),
    storm: {
      pods: STORM_PODS,
      seconds: STORM_S,
      p50Ms: quantile(storm.latencies, 0.5),
      p99Ms: quantile(storm.latencies, 0.99),
    },
    rps: load.rps,
    rssMb: rss,
    verified,
  };
}

/** The first pod alone, then the others together. */
async function meetOutage(client: PooledClient, pods: ReturnType<typeof firstPods>): Promise<[Pods, Pods]> {
  return [await sendPods(client, pods.slice(0, 1)), await sendPods(client, pods.slice(1))];
}

function slowest(one: Pods, other: Pods): number {
  return Math.max(...one.latencies, ...other.latencies);
}

/** Every other pod names images that were never seen. */
function stormPods(place: Place, bodies: readonly string[]) {
  return Array.from({ length: STORM_PODS }, (_, index) => {
    const atMs = (index / STORM_PODS) * STORM_S * 1_000;
    if (index % 2 === 0) return { body: bodies[index % bodies.length] ?? '', atMs };
    const images = podImages(place.registries.upstreams, distinctTag(2 + index));
    return { body: reviewOf(`storm-${index}`, images[index % images.length] ?? []), atMs };
  });
}

/** Opens a place, measures, and closes it. */
export async function measureOutage(kind: OutageKind, seconds: number): Promise<OutageResult> {
  const place = await Place.open();
  try {
    return await measure(place, kind, seconds);
  } finally {
    place.close();
  }
}

if (import.meta.main) {
  const [kind, seconds] = process.argv.slice(2);
  if (kind !== 'drop' && kind !== 'silent') throw new Error('node bench/outage.ts drop|silent SECONDS');
  console.log(JSON.stringify(await measureOutage(kind, Number(seconds ?? 5))));
}
