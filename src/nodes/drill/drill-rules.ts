// Drill rules: what black-holes a registry's addresses for a node: the commands that make the rules, count what they met, and take them away.
import { quoteForShell } from '../shell-quote.ts';

/** What can black-hole an address. */
export type DrillFirewall = 'iptables' | 'nft';

/** What is blocked, for how long, and under which name. */
export interface DrillBlock {
  readonly firewall: DrillFirewall;
  readonly addresses: readonly string[];
  readonly port: number;
  /** After these the rules are gone, whoever has died meanwhile. */
  readonly seconds: number;
  /** `RF-DRILL-` and 8 hex digits: no other chain or table has it. */
  readonly chain: string;
}

function programOf(address: string): string {
  return address.includes(':') ? 'ip6tables' : 'iptables';
}

/** Commands that make rules and take them away. `$until` is the end, in UTC as date(1) prints it; the kernel keeps it too. */
export interface DrillRules {
  readonly add: readonly string[];
  readonly remove: readonly string[];
  /** Prints counters of the rules. */
  readonly count: readonly string[];
}

function iptablesRules({ addresses, port, chain }: DrillBlock): DrillRules {
  const programs = [...new Set(addresses.map(programOf))];
  const drops = addresses.map((address) => {
    const rule = `${programOf(address)} -w 5 -A ${chain} -d ${address} -p tcp --dport ${port}`;
    // Not every kernel has the match for time; then the rule's end is the timer's alone.
    return `{ ${rule} -m time --datestop "$until" -j DROP 2>/dev/null || ${rule} -j DROP; }`;
  });
  return {
    add: [
      ...programs.map((program) => `${program} -w 5 -N ${chain}`),
      ...drops,
      // Last: until now nothing has been blocked.
      ...programs.map((program) => `${program} -w 5 -I OUTPUT 1 -j ${chain}`),
    ],
    remove: programs.flatMap((program) => [
      `${program} -w 5 -D OUTPUT -j ${chain}`,
      `${program} -w 5 -F ${chain}`,
      `${program} -w 5 -X ${chain}`,
    ]),
    count: programs.map((program) => `${program} -w 5 -nvxL ${chain}`),
  };
}

function nftRules({ addresses, port, chain }: DrillBlock): DrillRules {
  const rules = addresses.map((address) => {
    const family = address.includes(':') ? 'ip6' : 'ip';
    return `printf 'add rule inet ${chain} out ${family} daddr ${address} tcp dport ${port} meta time < "%s" counter drop\\n' "$until"`;
  });
  const lines = [
    `add table inet ${chain}`,
    `add chain inet ${chain} out { type filter hook output priority 0; policy accept; }`,
  ].map((line) => `printf '%s\\n' ${quoteForShell(line)}`);
  return {
    // In one file, so that there are all of them or none.
    add: [`{ ${[...lines, ...rules].join('; ')}; } | nft -f -`],
    remove: [`nft delete table inet ${chain}`],
    count: [`nft list table inet ${chain}`],
  };
}

/** What a drill does to the node's firewall. Addresses, port and chain have been checked by whoever made the block. */
export function drillRules(block: DrillBlock): DrillRules {
  return block.firewall === 'nft' ? nftRules(block) : iptablesRules(block);
}

/** How `$until` is written: xt_time takes ISO 8601 in UTC, nft a date in the zone of the process. */
export const UNTIL: Readonly<Record<DrillFirewall, string>> = {
  iptables: '+%Y-%m-%dT%H:%M:%S',
  nft: '+%Y-%m-%d %H:%M:%S',
};
