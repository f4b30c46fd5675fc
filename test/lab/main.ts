// npm run cluster -- up | down | status | build | stop | start | drop | heal: the lab from the command line.
import { parseArgs } from 'node:util';
import { BINARY_GROUPS, ensureBinaries } from './binaries.ts';
import { labFolder } from './lab.ts';
import type { LabExtent } from './lab.ts';
import { withLock } from './lock.ts';
import { whyNoLab } from './prerequisites.ts';
import { Registries } from './registries/client.ts';
import { REGISTRIES } from './registries/records.ts';
import type { RegistryHost } from './registries/records.ts';
import { describeLab } from './status.ts';
import { tearDown } from './teardown.ts';
import { bringUp } from './up.ts';

const USAGE = `usage: npm run cluster -- up | down | status | build | stop HOST | start HOST | drop HOST | heal HOST

  up       brings up two nodes, their API server and the registries, as root on Linux
             --no-image             leaves the product's image out
             --registries-only      registries and DNS, no Kubernetes
             --control-plane-only   etcd, API server, controllers, scheduler
  down     ends and removes all of it, also after an up that was killed
  status   says what runs; ends with 1 unless all is well
  build    builds the binaries that up needs, and keeps them
  stop     ends a registry: connections are refused, its images stay; start brings it back
  drop     swallows every packet to a registry: silence, no refusal; heal ends that
             HOST: ${REGISTRIES.map(({ host }) => host).join(', ')}

The lab lives in ${labFolder()} (LAB_FOLDER); binaries in the user's cache.
`;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      'no-image': { type: 'boolean', default: false },
      'registries-only': { type: 'boolean', default: false },
      'control-plane-only': { type: 'boolean', default: false },
    },
  });
  const folder = labFolder();
  const outage = outageOf(positionals);
  if (outage !== undefined) {
    await trouble(folder, outage);
    return 0;
  }
  switch (positionals.join(' ')) {
    case 'up': {
      const extent = extentOf(values['registries-only'], values['control-plane-only']);
      const withImage = !values['no-image'];
      await refuseUnfit(withImage && extent === 'everything');
      return (await withLock(folder, () => bringUp({ folder, extent, withImage, say }))) ? 0 : 1;
    }
    case 'down':
      if (process.getuid?.() !== 0) throw new Error('down needs root, as up does');
      return await withLock(folder, () => takeDown(folder));
    case 'status':
      return (await describeLab(folder, say)) ? 0 : 1;
    case 'build':
      for (const group of BINARY_GROUPS) say(`${group}: ${await ensureBinaries(group, say)}`);
      return 0;
    default:
      process.stderr.write(USAGE);
      return 2;
  }
}

const TROUBLES = ['stop', 'start', 'drop', 'heal'] as const;

/** What is to be done to which registry. */
interface Outage {
  readonly act: (typeof TROUBLES)[number];
  readonly host: RegistryHost;
}

/** Undefined when it is another command, or no registry of the lab. */
function outageOf([word, name, ...more]: readonly string[]): Outage | undefined {
  const act = TROUBLES.find((one) => one === word);
  const registry = REGISTRIES.find(({ host }) => host === name);
  if (act === undefined || registry === undefined || more.length > 0) return undefined;
  return { act, host: registry.host };
}

async function trouble(folder: string, { act, host }: Outage): Promise<void> {
  const registries = Registries.open(folder);
  try {
    await registries[act](host);
    say(`${host}: ${act} done`);
  } finally {
    await registries.close();
  }
}

function extentOf(registriesOnly: boolean, controlPlaneOnly: boolean): LabExtent {
  if (registriesOnly && controlPlaneOnly)
    throw new Error('--registries-only or --control-plane-only, not both');
  if (registriesOnly) return 'registries';
  return controlPlaneOnly ? 'control-plane' : 'everything';
}

async function refuseUnfit(withImage: boolean): Promise<void> {
  const problems = await whyNoLab({ withImage });
  if (problems.length > 0) throw new Error(`the lab cannot run here:\n  ${problems.join('\n  ')}`);
}

async function takeDown(folder: string): Promise<number> {
  const began = performance.now();
  const { failures, left } = await tearDown(folder);
  for (const line of left) say(`STILL THERE: ${line}`);
  if (left.length > 0) for (const line of failures) say(`failed: ${line}`);
  else say(`nothing of the lab is left (${((performance.now() - began) / 1_000).toFixed(1)} s)`);
  return left.length === 0 ? 0 : 1;
}

// ip, iptables and runc: on root's PATH after a login, and not always otherwise.
process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
