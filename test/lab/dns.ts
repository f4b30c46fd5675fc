// Names in the lab: a DNS server for the pods, and lines in /etc/hosts for what runs on the host (kubelets and runtimes do).
import { Resolver } from 'node:dns/promises';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { addHosts } from './hosts-file.ts';
import type { Journal } from './journal.ts';
import type { Processes } from './processes.ts';

/** What the hosts lines end in, so that they are found again. */
const HOSTS_MARKER = 'registry-failover-lab registries';

/** The address of the Service `kubernetes`: the first one of the lab's service range. */
const KUBERNETES_SERVICE = '10.96.0.1';
const KUBERNETES_NAMES = [
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

export interface NamedHost {
  readonly host: string;
  readonly address: string;
}

export interface DnsOptions {
  readonly processes: Processes;
  /** Where its configuration goes. */
  readonly folder: string;
  /** Where it listens, port 53. */
  readonly address: string;
  readonly hosts: readonly NamedHost[];
}

const READY_MS = 5_000;

/** dnsmasq's configuration: the names of the lab, and a quick NXDOMAIN for every other. It asks nobody else. */
export function dnsmasqConfig({ address, hosts }: Pick<DnsOptions, 'address' | 'hosts'>): string {
  return `${[
    'port=53',
    `listen-address=${address}`,
    'bind-interfaces',
    'user=root',
    'pid-file=',
    'log-facility=-',
    'no-resolv',
    'no-hosts',
    'no-poll',
    // Without it a name that is nowhere is REFUSED, which resolvers take for a broken server and try again.
    'address=/#/',
    ...hosts.map((one) => `host-record=${one.host},${one.address}`),
    `host-record=${KUBERNETES_NAMES.join(',')},${KUBERNETES_SERVICE}`,
  ].join('\n')}\n`;
}

/** Starts dnsmasq and waits until it answers. Throws with the end of its log when it does not. */
export async function startDns(options: DnsOptions): Promise<void> {
  const { processes, folder, address } = options;
  const file = path.join(folder, 'dnsmasq.conf');
  writeFileSync(file, dnsmasqConfig(options));
  const command = ['dnsmasq', '--keep-in-foreground', `--conf-file=${file}`] as const;
  processes.start({ name: 'dns', command });
  await processes.waitUntil('dns', READY_MS, async () => await answers(address));
}

/** Gives the host the registries' names. */
export function writeHostsLines(hosts: readonly NamedHost[], journal: Journal): void {
  addHosts(journal, HOSTS_MARKER, Object.fromEntries(hosts.map(({ host, address }) => [host, address])));
}

async function answers(address: string): Promise<boolean> {
  const resolver = new Resolver({ timeout: 200, tries: 1 });
  resolver.setServers([address]);
  try {
    return (await resolver.resolve4('kubernetes.default.svc')).includes(KUBERNETES_SERVICE);
  } catch {
    return false;
  }
}
