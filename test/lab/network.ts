// The lab's network: three bridges of this machine, forwarding between them, and a fence so that nothing leaves or enters.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Journal } from './journal.ts';
import { mountsUnder } from './mounts.ts';
import { run } from './run.ts';

export interface LabNetwork {
  /** Link names of the lab begin with `rflab`. */
  readonly bridge: string;
  /** The bridge's own address, which is this machine's in that network. */
  readonly gateway: string;
  readonly subnet: string;
}

/** Registries, DNS and the API server. */
export const PARK_NETWORK: LabNetwork = { bridge: 'rflab0', gateway: '10.87.0.1', subnet: '10.87.0.0/24' };
/** Pods of node1. */
export const NODE1_NETWORK: LabNetwork = { bridge: 'rflab1', gateway: '10.85.0.1', subnet: '10.85.0.0/24' };
/** Pods of node2. */
export const NODE2_NETWORK: LabNetwork = { bridge: 'rflab2', gateway: '10.86.0.1', subnet: '10.86.0.0/24' };

const NETWORKS = [PARK_NETWORK, NODE1_NETWORK, NODE2_NETWORK];

/** On every iptables rule of the lab. */
export const COMMENT = 'registry-failover-lab';

/** Where `ip netns` keeps its namespaces; others of this machine may use it too. */
export const NETNS_FOLDER = '/run/netns';

const FORWARD_SYSCTL = 'net/ipv4/ip_forward';

/**
 * Between our bridges everything goes, and from them to this machine, also where its policy is DROP; between them and the rest
 * of the world nothing: a pod that reaches for the internet is refused at once. `rflab+` is every link that begins so.
 */
const FENCE: readonly (readonly [chain: string, ...rule: string[]])[] = [
  ['INPUT', '-i', 'rflab+', '-j', 'ACCEPT'],
  ['FORWARD', '-i', 'rflab+', '-o', 'rflab+', '-j', 'ACCEPT'],
  ['FORWARD', '-i', 'rflab+', '!', '-o', 'rflab+', '-j', 'REJECT'],
  ['FORWARD', '!', '-i', 'rflab+', '-o', 'rflab+', '-j', 'REJECT'],
];

export async function makeNetwork(journal: Journal): Promise<void> {
  journalNetnsFolder(journal);
  for (const network of NETWORKS) await makeBridge(network, journal);
  const before = readSysctl(FORWARD_SYSCTL);
  if (before !== '1') {
    journal.record({ kind: 'sysctl', key: FORWARD_SYSCTL, before });
    writeSysctl(FORWARD_SYSCTL, '1');
  }
  // Each goes before the one inserted last, so the last of the list first.
  for (const rule of FENCE.toReversed()) {
    const args = ['-I', ...rule, '-m', 'comment', '--comment', COMMENT];
    journal.record({ kind: 'iptables', args });
    await run('iptables', ['-w', '5', ...args]);
  }
}

/** `ip netns add` mounts this folder on itself, once for everybody: what was not there before us goes with us. */
function journalNetnsFolder(journal: Journal): void {
  if (!existsSync(NETNS_FOLDER)) journal.record({ kind: 'folder', path: NETNS_FOLDER });
  if (!mountsUnder(NETNS_FOLDER).includes(NETNS_FOLDER))
    journal.record({ kind: 'mount', path: NETNS_FOLDER });
}

async function makeBridge({ bridge, gateway, subnet }: LabNetwork, journal: Journal): Promise<void> {
  // Without a fixed hardware address a bridge takes the lowest of its ports', and changes it as they come and go.
  const hardware = ['0a', ...gateway.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))];
  journal.record({ kind: 'link', name: bridge });
  await run('ip', ['link', 'add', bridge, 'address', [...hardware, '01'].join(':'), 'type', 'bridge']);
  await run('ip', ['addr', 'add', `${gateway}/${subnet.split('/')[1] ?? '24'}`, 'dev', bridge]);
  await run('ip', ['link', 'set', bridge, 'up']);
}

export function readSysctl(key: string): string {
  return readFileSync(`/proc/sys/${key}`, 'utf8').trim();
}

export function writeSysctl(key: string, value: string): void {
  writeFileSync(`/proc/sys/${key}`, value);
}
