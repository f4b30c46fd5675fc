// npm run fuzz -- [--n N] [--seed N] [--case I]: broken pods and broken bytes against the real admission server. Exit 1 on any failure.
import { parseArgs } from 'node:util';
import { TestCa } from '../support/tls.ts';
import { judgeRefusal } from './checks.ts';
import type { Failure } from './checks.ts';
import { closeClient, send, sendBytes, trust } from './client.ts';
import { openEngineScene } from './engine-scene.ts';
import { makeGarbage, makeTooLarge, makeWireGarbage } from './garbage.ts';
import type { Garbage } from './garbage.ts';
import { Random } from './random.ts';
import { Report } from './report.ts';
import { makeReview } from './reviews.ts';
import { TABLE_SCENES, describeError, openTableScene } from './scenes.ts';
import type { Scene } from './scenes.ts';
import { keep, shrink } from './shrink.ts';
import { runTrial } from './trial.ts';
import type { Trial } from './trial.ts';

const USAGE = 'npm run fuzz -- [--n cases] [--seed number] [--case index]';

/** Of all cases: so many go over a real TLS connection, and so many to real registries. */
const SOCKET_SHARE = 0.1;
const ENGINE_SHARE = 0.04;
/** Pieces of garbage: a tenth of the reviews; a few are large, and larger ones cost more than they show. */
const GARBAGE_SHARE = 0.1;
const TOO_LARGE = 12;
const WIRE_GARBAGE = 200;

/** Streams of random numbers beside those of the reviews, which are 0 to n. */
const GARBAGE_STREAM = 1_000_000_000;

interface Run {
  readonly seed: number;
  readonly scenes: readonly Scene[];
  readonly engine: Scene;
  readonly report: Report;
}

function readNumber(text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`not a number: ${text}\n${USAGE}\n`);
  process.exit(2);
}

function makeTrial(run: Run, index: number): Trial {
  const random = new Random(run.seed, index);
  const isReal = random.chance(ENGINE_SHARE);
  const scene = isReal ? run.engine : random.pick(run.scenes);
  const overSocket = isReal || random.chance(SOCKET_SHARE);
  return { scene, overSocket, passes: isReal ? 4 : 1, ...makeReview(random, scene.hosts) };
}

async function reportFailure(run: Run, index: number, trial: Trial, failure: Failure): Promise<void> {
  const { report, seed } = run;
  const name = `${failure.check}-${seed}-${index}.json`;
  const file = report.wants(failure.check)
    ? keep(name, await shrink(trial, failure.check))
    : '(not kept: enough of its kind)';
  report.fail({
    ...failure,
    where: `--seed ${seed} --case ${index}, scene ${trial.scene.name}, POST ${trial.url}, ${file}`,
  });
}

async function runCase(run: Run, index: number): Promise<void> {
  const trial = makeTrial(run, index);
  const { failure, patched } = await runTrial(trial);
  run.report.count('reviews answered 200 and allowed', failure === undefined ? 1 : 0);
  if (patched) run.report.count('  of these, patched, and resting after it');
  if (trial.overSocket) run.report.count('  of these, over a TLS connection');
  if (trial.scene === run.engine) run.report.count('  of these, with real registries behind them');
  if (failure !== undefined) await reportFailure(run, index, trial, failure);
}

async function runGarbage(run: Run, index: number, status: 400 | 413, garbage: Garbage): Promise<void> {
  const random = new Random(run.seed, GARBAGE_STREAM + index);
  const scene = random.pick(run.scenes);
  const overSocket = status === 413 || random.chance(SOCKET_SHARE);
  const { body, contentType, kind } = garbage;
  const message = { url: '/mutate?timeout=3s', body, contentType, overSocket, chunked: random.chance(0.3) };
  let failure: Failure | undefined;
  try {
    failure = judgeRefusal(await send(scene, message), status);
  } catch (error) {
    failure = { check: 'answered', detail: String(error) };
  }
  const [internal] = scene.takeErrors();
  if (internal !== undefined) failure = { check: 'internal-error', detail: internal };
  if (failure === undefined) return run.report.count(`garbage answered ${status}`);
  const check = `garbage: ${failure.check}`;
  const file = run.report.wants(check) ? keep(`garbage-${run.seed}-${index}.bin`, body) : '(not kept)';
  const how = `${overSocket ? 'over TLS' : 'in memory'}${message.chunked ? ', chunked' : ''}`;
  run.report.fail({ check, detail: failure.detail, where: `${kind} (${contentType}), ${how}, ${file}` });
}

/** What is not HTTP gets no 200, and the next request of somebody else is answered as ever. */
async function runWireGarbage(run: Run, index: number): Promise<void> {
  const random = new Random(run.seed, 2 * GARBAGE_STREAM + index);
  const scene = random.pick(run.scenes);
  const bytes = makeWireGarbage(random);
  try {
    const text = await sendBytes(scene, bytes);
    if (!text.startsWith('HTTP/1.1 2')) return run.report.count('connections of garbage survived');
    run.report.fail({ check: 'wire', detail: text.slice(0, 200), where: keep(`wire-${index}.bin`, bytes) });
  } catch (error) {
    // Cut off is as good as refused.
    run.report.count('connections of garbage survived');
    if (String(error).includes('no answer in')) {
      run.report.fail({ check: 'wire', detail: String(error), where: keep(`wire-${index}.bin`, bytes) });
    }
  }
}

/** Runs cases in order, each scene's one after the other, so that a fault is known to be of its case. */
async function runAll(run: Run, n: number): Promise<void> {
  const queues = new Map<Scene, number[]>();
  for (let index = 0; index < n; index += 1) {
    const { scene } = peek(run, index);
    const queue = queues.get(scene) ?? [];
    queues.set(scene, queue);
    queue.push(index);
  }
  await Promise.all(
    [...queues.values()].map(async (queue) => {
      for (const index of queue) await runCase(run, index);
    }),
  );
}

/** The scene of a case, without making its pod. */
function peek(run: Run, index: number): { readonly scene: Scene } {
  const random = new Random(run.seed, index);
  return { scene: random.chance(ENGINE_SHARE) ? run.engine : random.pick(run.scenes) };
}

async function runRefusals(run: Run, n: number): Promise<void> {
  for (let index = 0; index < n; index += 1) {
    await runGarbage(run, index, 400, makeGarbage(new Random(run.seed, GARBAGE_STREAM + index)));
  }
  for (let index = 0; index < Math.min(TOO_LARGE, n); index += 1) {
    await runGarbage(run, index, 413, makeTooLarge(new Random(run.seed, GARBAGE_STREAM + index)));
  }
  for (let index = 0; index < Math.min(WIRE_GARBAGE, n); index += 1) await runWireGarbage(run, index);
}

async function openScenes(): Promise<{ readonly scenes: Scene[]; readonly engine: Scene }> {
  const ca = await TestCa.create('registry-failover fuzz CA');
  const tls = await ca.issue({ names: ['127.0.0.1', 'localhost'] });
  trust(ca.pem);
  const scenes: Scene[] = [];
  for (const name of TABLE_SCENES) scenes.push(await openTableScene(name, tls));
  return { scenes, engine: await openEngineScene(tls, ca) };
}

const { values } = parseArgs({
  options: { n: { type: 'string' }, seed: { type: 'string' }, case: { type: 'string' } },
});
const n = readNumber(values.n, 10_000);
const seed = readNumber(values.seed, Date.now() % 1_000_000);
const started = performance.now();
console.log(`fuzz: ${n} reviews, seed ${seed}`);

const report = new Report();
process.on('uncaughtException', (error) => {
  report.fail({ check: 'crash', detail: describeError(error), where: `--seed ${seed}` });
});
process.on('unhandledRejection', (error) => {
  report.fail({ check: 'unhandled-rejection', detail: describeError(error), where: `--seed ${seed}` });
});

/** Everything, from opening the scenes to closing them. */
async function main(only: string | undefined): Promise<void> {
  const run: Run = { seed, report, ...(await openScenes()) };
  if (only === undefined) {
    await runAll(run, n);
    await runRefusals(run, Math.ceil(n * GARBAGE_SHARE));
  } else {
    await runCase(run, readNumber(only, 0));
  }
  closeClient();
  await Promise.all([...run.scenes, run.engine].map((scene) => scene.close()));
}

try {
  await main(values.case);
} catch (error) {
  report.fail({ check: 'fuzz itself', detail: describeError(error), where: `--seed ${seed}` });
}
report.print((line) => console.log(line));
console.log(
  `\n${report.failed} failed, ${((performance.now() - started) / 1000).toFixed(1)} s, seed ${seed}`,
);
process.exitCode = report.failed === 0 ? 0 : 1;
