// node bench/profile.ts [SECONDS]: the webhook under the load of everything known, with a CPU profile; prints where the time goes.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { measure } from './memory.ts';
import { Place } from './place.ts';
import { TAG } from './registries.ts';
import { podImages, reviewOf } from './reviews.ts';

const SHOWN = 40;
const IDLE = '(idle)  ';
/** Compiling is over by then, and what is profiled is what runs all day. */
const WARM_UP_S = 3;

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

function nameOf(frame: Profile['nodes'][number]['callFrame']): string {
  const file = frame.url.split('/').slice(-2).join('/');
  return `${frame.functionName || '(anonymous)'}  ${file}${file === '' ? '' : `:${frame.lineNumber + 1}`}`;
}

/** Time of a function itself, microseconds, by its name and place. */
function selfTimes({ nodes, samples, timeDeltas }: Profile): Map<string, number> {
  const names = new Map(nodes.map((node) => [node.id, nameOf(node.callFrame)]));
  const times = new Map<string, number>();
  samples.forEach((id, index) => {
    const name = names.get(id) ?? '';
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  });
  return times;
}

/** Time of a function with all that it called, microseconds. */
function totalTimes({ nodes, samples, timeDeltas }: Profile): Map<string, number> {
  const names = new Map(nodes.map((node) => [node.id, nameOf(node.callFrame)]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id])));
  const times = new Map<string, number>();
  samples.forEach((id, index) => {
    const stack = new Set<string>();
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at))
      stack.add(names.get(at) ?? '');
    for (const name of stack) times.set(name, (times.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  });
  return times;
}

function printShares(title: string, times: ReadonlyMap<string, number>, busy: number): void {
  console.log(`\n${title}`);
  const sorted = [...times].filter(([name]) => name !== IDLE).toSorted(([, a], [, b]) => b - a);
  for (const [name, us] of sorted.slice(0, SHOWN)) {
    console.log(`${((us / busy) * 100).toFixed(1).padStart(5)} %  ${name}`);
  }
}

function print(profile: Profile): void {
  const self = selfTimes(profile);
  const busy = [...self].reduce((sum, [name, us]) => (name === IDLE ? sum : sum + us), 0);
  printShares('the function itself', self, busy);
  printShares('with all that it calls', totalTimes(profile), busy);
}

const place = await Place.open();
try {
  const folder = place.folder();
  const bodies = podImages(place.registries.upstreams, TAG).map((images, pod) =>
    reviewOf(`pod-${pod}`, images),
  );
  const webhook = await place.startWebhook([
    '--cpu-prof',
    `--cpu-prof-dir=${folder}`,
    '--cpu-prof-interval=400',
  ]);
  const load = (seconds: number) => ({ folder: place.folder(), bodies, seconds, sampleEvery: 0 });
  await measure(webhook, load(WARM_UP_S));
  const { rps, cpuUs } = await measure(webhook, load(Number(process.argv[2] ?? 8)));
  console.log(`${rps.toFixed(0)}/s, ${cpuUs.toFixed(1)} µs CPU for one request`);
  webhook.terminate();
  await webhook.ended;
  const file = readdirSync(folder).find((one) => one.endsWith('.cpuprofile'));
  print(JSON.parse(readFileSync(path.join(folder, file ?? ''), 'utf8')) as Profile);
} finally {
  place.close();
}
