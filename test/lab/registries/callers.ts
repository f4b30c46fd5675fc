// Who dials a registry, told apart by address: each node's runtime, the host, the pods.
import type { Journal } from '../journal.ts';
import { COMMENT, NODE1_NETWORK, NODE2_NETWORK, PARK_NETWORK } from '../network.ts';
import { run } from '../run.ts';

/**
 * Both runtimes live in the host's network namespace and would dial from one address. Each runs with a supplementary group
 * of its own (`setpriv --groups`), and what such a process sends to a registry leaves from an address of its own.
 */
export const NODES = {
  node1: { group: 9101, address: '10.87.0.2' },
  node2: { group: 9102, address: '10.87.0.3' },
} as const;

/** `node1`, `node2`: that node's runtime. `pods`: on either node. `host`: everything else on the host, the tests included. */
export type Caller = 'everyone' | 'host' | 'node1' | 'node2' | 'pods';

/** The addresses that a caller dials from, for iptables' `-s`; none means any. */
export function addressesOf(caller: Caller): readonly string[] {
  if (caller === 'everyone') return [];
  if (caller === 'host') return [PARK_NETWORK.gateway];
  return caller === 'pods' ? [NODE1_NETWORK.subnet, NODE2_NETWORK.subnet] : [NODES[caller].address];
}

/** Gives each node's runtime its address on the bridge. The addresses go with the bridge, the rules are journalled. */
export async function addNodeAddresses(bridge: string, journal: Journal): Promise<void> {
  for (const { group, address } of Object.values(NODES)) {
    await run('ip', ['address', 'replace', `${address}/24`, 'dev', bridge]);
    const match = ['-d', PARK_NETWORK.subnet, '-m', 'owner', '--gid-owner', String(group), '--suppl-groups'];
    const target = ['-m', 'comment', '--comment', COMMENT, '-j', 'SNAT', '--to-source', address];
    const rule = ['-t', 'nat', '-A', 'POSTROUTING', ...match, ...target];
    journal.record({ kind: 'iptables', args: rule });
    await run('iptables', ['-w', ...rule]);
  }
}
