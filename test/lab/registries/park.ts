// Brings up the registries of a lab: a CA, a network namespace each, TLS, accounts, names, and the images in them.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { issueCa, issueServing, validFor } from '../../../src/certificates/issue.ts';
import type { CertificateAndKey } from '../../../src/certificates/issue.ts';
import { startDns, writeHostsLines } from '../dns.ts';
import type { Journal } from '../journal.ts';
import { Processes } from '../processes.ts';
import { run } from '../run.ts';
import { addNodeAddresses } from './callers.ts';
import { Registries } from './client.ts';
import { prepareDockerRegistry } from './docker-registry.ts';
import { TEAM_IMAGES } from './images.ts';
import { REGISTRIES, writeRegistriesFile } from './records.ts';
import type { RegistryRecord } from './records.ts';
import { prepareWitness } from './witness.ts';

export interface RegistryParkOptions {
  /** The lab's state. */
  readonly folder: string;
  readonly journal: Journal;
  /** The bridge that the registries sit on, up already, and its address, a /24 that holds theirs. */
  readonly network: { readonly bridge: string; readonly gateway: string };
  /** The built test/lab/go/witness-registry. */
  readonly witnessBinary: string;
  /**
   * Where the product's images are kept. It outlives the lab, so that an image that was pushed once is there at the next `up`;
   * in the lab's folder when absent.
   */
  readonly platformData?: string;
  readonly say: (line: string) => void;
}

/** The registries of a lab that is up. */
export interface RegistryPark {
  /** The CA that nodes and pods have to trust, PEM. */
  readonly caFile: string;
  readonly records: readonly RegistryRecord[];
  readonly registries: Registries;
}

const LIFE_DAYS = 30;

/**
 * Starts all registries and the DNS server, pushes the images and waits until everything serves. Every effect outside the
 * folder is in the journal first. Throws with the name of what is missing.
 */
export async function startRegistryPark(options: RegistryParkOptions): Promise<RegistryPark> {
  const { folder, journal, network, say } = options;
  const began = performance.now();
  const parkFolder = path.join(folder, 'registries');
  mkdirSync(parkFolder, { recursive: true, mode: 0o700 });
  const caFile = path.join(folder, 'registries-ca.crt');
  const caKeyFile = path.join(parkFolder, 'ca.key');
  const records = planRecords(parkFolder);
  await addNodeAddresses(network.bridge, journal);
  writeHostsLines(records, journal);
  const processes = new Processes({ folder, journal });
  const validity = validFor(LIFE_DAYS, new Date());
  const ca = await issueCa({ name: 'registry-failover lab registries', validity });
  writeFileSync(caFile, ca.certificatePem);
  writeFileSync(caKeyFile, ca.keyPem, { mode: 0o600 });
  writeRegistriesFile(folder, { caFile, caKeyFile, registries: records });
  const registries = Registries.open(folder);
  await Promise.all([
    startDns({ processes, folder, address: network.gateway, hosts: records }),
    ...records.map(async (record) => {
      await startRegistry(record, { ...options, processes, ca });
      await registries.waitUntilServed(record.host);
    }),
  ]);
  const served = performance.now();
  say(
    `registries: ${records.map(({ name }) => name).join(', ')} and DNS serve after ${seconds(served - began)}`,
  );
  await pushTeamImages(registries);
  say(`registries: images pushed in ${seconds(performance.now() - served)}`);
  return { caFile, records, registries };
}

function planRecords(parkFolder: string): readonly RegistryRecord[] {
  return REGISTRIES.map((plan) => ({
    name: plan.name,
    host: plan.host,
    address: plan.address,
    kind: plan.kind,
    netns: `rflab-${plan.name}`,
    process: `registry-${plan.name}`,
    folder: path.join(parkFolder, plan.name),
    ...('user' in plan ? { account: { user: plan.user, password: randomBytes(12).toString('hex') } } : {}),
  }));
}

type Setting = RegistryParkOptions & { readonly processes: Processes; readonly ca: CertificateAndKey };

async function startRegistry(record: RegistryRecord, setting: Setting): Promise<void> {
  mkdirSync(record.folder, { mode: 0o700 });
  const [serving] = await Promise.all([
    issueServing(setting.ca, {
      names: [record.host, record.address],
      validity: validFor(LIFE_DAYS, new Date()),
    }),
    makeNamespace(record, setting),
  ]);
  writeFileSync(path.join(record.folder, 'tls.crt'), serving.certificatePem);
  writeFileSync(path.join(record.folder, 'tls.key'), serving.keyPem, { mode: 0o600 });
  const command =
    record.kind === 'witness'
      ? prepareWitness(record, setting.witnessBinary)
      : await prepareDockerRegistry(record, dataFolderOf(record, setting));
  setting.processes.start({ name: record.process, command, netns: record.netns });
}

function dataFolderOf(record: RegistryRecord, { platformData }: Setting): string {
  return record.name === 'platform' && platformData !== undefined
    ? platformData
    : path.join(record.folder, 'data');
}

/** A network namespace with one leg on the bridge. Packets between the two never leave this machine. */
async function makeNamespace(record: RegistryRecord, { network, journal }: Setting): Promise<void> {
  const { netns, address } = record;
  journal.record({ kind: 'netns', name: netns });
  await run('ip', ['netns', 'add', netns]);
  // The host's end is named like the namespace; the other end vanishes with it.
  journal.record({ kind: 'link', name: netns });
  const { bridge, gateway } = network;
  await run('ip', ['link', 'add', netns, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netns]);
  await run('ip', ['link', 'set', netns, 'master', bridge, 'up']);
  const inside = (words: string): Promise<string> => run('ip', ['-n', netns, ...words.split(' ')]);
  await inside('link set lo up');
  await inside(`address add ${address}/24 dev eth0`);
  await inside('link set eth0 up');
  await inside(`route add default via ${gateway}`);
}

/**
 * The same images at both upstreams and both mirrors. The mirror ams holds them twice: under their own names, and under
 * `copies/`, for a declaration that maps an upstream to a path of its mirror.
 */
async function pushTeamImages(registries: Registries): Promise<void> {
  for (const { repository, tag, ends } of TEAM_IMAGES) {
    const content = `${repository}:${tag}`;
    const push = (host: RegistryRecord['host'], to: string): Promise<string> =>
      registries.push({ host, repository: to, tag, content, ends });
    await Promise.all([
      push('fra.registry.test', repository),
      push('fra2.registry.test', repository),
      push('ams.registry.test', repository),
      push('ams.registry.test', `copies/${repository}`),
      push('dc1.registry.test', repository),
    ]);
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
