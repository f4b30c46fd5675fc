// npm run test:drain [-- --bundle]: stops real webhook processes under load and expects every request to be answered. Exit 1 otherwise.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildImage } from '../../src/demo/image.ts';
import { DemoRegistry } from '../../src/demo/registry.ts';
import { END_SLACK_MS, runRollingUpdate } from './rolling.ts';
import { runSlowInFlight } from './slow-in-flight.ts';
import { runStalledReader } from './stalled-reader.ts';
import type { WebhookOptions } from './webhook-process.ts';
import { World } from './world.ts';

/** The product's default drain for the load; shorter ones where only the end matters. */
const DRAIN_MS = 5_000;
const SHORT_DRAIN_MS = 1_000;
const GRACE_MS = 5_000;

const problems: string[] = [];

function expect(holds: boolean, what: string): void {
  if (!holds) problems.push(what);
  console.log(`  ${holds ? 'ok    ' : 'FAILED'} ${what}`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

async function startRegistry(name: string, world: World): Promise<DemoRegistry> {
  const registry = await DemoRegistry.start({
    name,
    address: '127.0.0.1',
    tls: { certificatePem: world.tls.certPem, keyPem: world.tls.keyPem },
    account: { username: 'alice', password: () => 'wonder' },
  });
  for (const tag of ['v1', 'v2']) registry.publish('team/app', tag, buildImage({ text: tag }));
  return registry;
}

function drainFlags(drainMs: number): string[] {
  return ['--drain', `${drainMs}ms`, '--grace', `${GRACE_MS}ms`];
}

interface Setting {
  readonly world: World;
  readonly registries: readonly [DemoRegistry, DemoRegistry];
  readonly options: WebhookOptions;
  readonly images: readonly string[];
}

async function checkRolling({ options, world, images }: Setting): Promise<void> {
  console.log('\nrolling update: two webhooks under load, each stopped and replaced');
  const result = await runRollingUpdate({ ...options, flags: drainFlags(DRAIN_MS) }, world.ca.pem, images);
  const { answered, failures, slowestMs, dials, endedAfterMs, exitCodes } = result;
  console.log(
    `  ${answered} answered, ${failures.length} failed, ${dials} connections, slowest ${slowestMs.toFixed(0)} ms, ${result.seconds.toFixed(1)} s`,
  );
  for (const failure of failures.slice(0, 10)) console.log(`    ${failure}`);
  expect(failures.length === 0 && answered > 1_000, 'no request failed, and there were more than 1,000');
  expect(result.clinging === 0, 'every answer of a stopping webhook said Connection: close');
  expect(
    endedAfterMs.every((ms) => ms >= DRAIN_MS && ms <= DRAIN_MS + END_SLACK_MS),
    `each ended after its drain, within 2 s: ${endedAfterMs.map(seconds).join(', ')}`,
  );
  expect(
    exitCodes.every((code) => code === 0),
    `each with exit code 0: ${exitCodes.join(', ')}`,
  );
}

async function checkStalledReader({ options, world, images }: Setting): Promise<void> {
  console.log('\nstalled reader: nobody reads standard output');
  const limit = SHORT_DRAIN_MS + GRACE_MS + END_SLACK_MS;
  const setting = { folder: world.folder, caPem: world.ca.pem, images };
  const result = await runStalledReader({ ...options, flags: drainFlags(SHORT_DRAIN_MS) }, setting, limit);
  for (const failure of result.failures.slice(0, 10)) console.log(`    ${failure}`);
  expect(
    result.failures.length === 0 && result.answered === 2_000,
    `${result.answered} of 2,000 pods answered, the slowest in ${result.slowestMs.toFixed(0)} ms`,
  );
  expect(
    result.endedAfterMs <= limit,
    `ended ${seconds(result.endedAfterMs)} after SIGTERM (at most ${seconds(limit)})`,
  );
  expect(result.exitCode === 0, `exit code ${result.exitCode}`);
}

async function checkSlowInFlight({ options, world, registries }: Setting): Promise<void> {
  const [upstream] = registries;
  const cases = [
    { name: 'stopped while a pod waits for a silent registry', sendAfterMs: -100 },
    { name: 'a pod waits for a silent registry when the drain ends', sendAfterMs: SHORT_DRAIN_MS - 250 },
  ];
  for (const { name, sendAfterMs } of cases) {
    console.log(`\nslow in flight: ${name}`);
    const result = await runSlowInFlight(
      { ...options, flags: drainFlags(SHORT_DRAIN_MS) },
      {
        caPem: world.ca.pem,
        registries,
        image: (tag) => `${upstream.hostPort}/team/app:${tag}`,
        sendAfterMs,
      },
    );
    expect(
      result.fault === undefined,
      `answered after ${seconds(result.ms)}${result.fault ? `: ${result.fault}` : ''}`,
    );
    const limit = SHORT_DRAIN_MS + GRACE_MS + END_SLACK_MS;
    expect(result.endedAfterMs <= limit, `ended ${seconds(result.endedAfterMs)} after SIGTERM`);
    expect(result.exitCode === 0, `exit code ${result.exitCode}`);
  }
}

async function open(bundle: boolean): Promise<Setting> {
  const world = await World.create();
  const registries = [await startRegistry('upstream', world), await startRegistry('mirror', world)] as const;
  const [upstream, mirror] = registries;
  const manifests = world.declare('manifests', [
    { name: 'main', prefix: upstream.hostPort, mirrors: [mirror.hostPort] },
  ]);
  const { certPath, keyPath } = world;
  return {
    world,
    registries,
    options: { manifests, certPath, keyPath, bundle },
    images: [`${upstream.hostPort}/team/app:v1`],
  };
}

const { values } = parseArgs({ options: { bundle: { type: 'boolean', default: false } } });
const bundlePath = path.join(import.meta.dirname, '../../dist/main.mjs');
if (values.bundle && !existsSync(bundlePath)) throw new Error('there is no dist/main.mjs: npm run build');
const setting = await open(values.bundle);
try {
  await checkRolling(setting);
  await checkStalledReader(setting);
  await checkSlowInFlight(setting);
} finally {
  for (const registry of setting.registries) await registry.stop();
  setting.world.close();
}
console.log(problems.length === 0 ? '\ndrain: nothing was lost' : `\ndrain: ${problems.length} FAILED`);
process.exitCode = problems.length === 0 ? 0 : 1;
