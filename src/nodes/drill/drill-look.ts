// Drill look: what the scripts of a drill have printed, as data; nothing of it is trusted to have a form.
import type { DrillFirewall } from './drill-rules.ts';
import { DRILL_TOOLS } from './drill-script.ts';
import type { DrillTool } from './drill-script.ts';

/** `rf:KEY VALUE` lines. */
function readLines(stdout: string): ReadonlyMap<string, readonly string[]> {
  const lines = new Map<string, string[]>();
  for (const line of stdout.split('\n')) {
    const match = /^rf:([a-z]+)(?: (.*))?$/.exec(line);
    const [, key, value = ''] = match ?? [];
    if (key === undefined) continue;
    const list = lines.get(key);
    if (list === undefined) lines.set(key, [value]);
    else list.push(value);
  }
  return lines;
}

const IPV4 = /^(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;
const IPV6 = /^(?=[^:]*:[^:]*:)[0-9a-fA-F:]{2,39}$/;

/** Only what can be written into a rule as it is. */
function isAddress(text: string): boolean {
  return IPV4.test(text) || IPV6.test(text);
}

function addressesOf(values: readonly string[] | undefined): readonly string[] {
  return [...new Set(values?.filter(isAddress))];
}

/** What a node has to drill with. */
export interface DrillGround {
  /** Of the registry, as the node knows them now. */
  readonly addresses: readonly string[];
  /** Programs that are there. */
  readonly tools: ReadonlySet<string>;
  readonly sockets: readonly string[];
  readonly runtimes: ReadonlySet<string>;
  /** The runtime goes by a proxy, so that blocking addresses blocks nothing. */
  readonly usesProxy: boolean;
  /** References of images that are there. */
  readonly images: readonly string[];
}

/** Reads what lookScript has printed; undefined: it did not come to its end. */
export function readGround(stdout: string): DrillGround | undefined {
  const lines = readLines(stdout);
  if (!lines.has('done')) return undefined;
  return {
    addresses: addressesOf(lines.get('address')),
    tools: new Set(lines.get('tool')),
    sockets: [...new Set(lines.get('socket')?.filter((path) => /^\/[\w./-]+$/.test(path)))],
    runtimes: new Set(lines.get('runtime')),
    usesProxy: lines.has('proxy'),
    images: lines.get('image') ?? [],
  };
}

/** The tool that is nearest to what the kubelet does. */
export function toolOf(ground: DrillGround, hasSocket: boolean): DrillTool | undefined {
  const usable = DRILL_TOOLS.filter((tool) => ground.tools.has(tool));
  return usable.find((tool) => {
    if (tool === 'podman') return true;
    if (tool === 'ctr') return ground.runtimes.has('containerd') || hasSocket;
    return ground.runtimes.size > 0 || hasSocket;
  });
}

/** The firewall that can block all of the addresses. */
export function firewallOf({ tools, addresses }: DrillGround): DrillFirewall | undefined {
  const hasBoth =
    tools.has('iptables') && (tools.has('ip6tables') || !addresses.some((each) => each.includes(':')));
  if (hasBoth) return 'iptables';
  return tools.has('nft') ? 'nft' : undefined;
}

/** What one pull came to. */
export interface DrillPulled {
  readonly isOk: boolean;
  readonly ms: number;
  /** The end of what the tool has said. */
  readonly words: string;
  /** The source that the runtime tried last, where it tells. */
  readonly source: string | undefined;
}

export interface DrillOutage {
  /** undefined: nothing was pulled. */
  readonly pulled: DrillPulled | undefined;
  /** Why the rules could not be made, by the firewall's own words; undefined: they were. */
  readonly unblockable: string | undefined;
  /** Packets that the rules have swallowed; undefined: not told. */
  readonly dropped: number | undefined;
  /** Addresses that the registry has got meanwhile. */
  readonly after: readonly string[];
  /** The rules are still there; the timer takes them away. */
  readonly isStillBlocked: boolean;
}

const MAX_WORDS = 300;

/** containers/image says `Trying to access "host/repository:tag"` of each source in turn. */
function sourceOf(lines: readonly string[]): string | undefined {
  const tried = lines.flatMap((line) => /Trying to access \\?"([^"\\]{1,255})\\?"/.exec(line)?.[1] ?? []);
  return tried.at(-1);
}

function pulledOf(lines: ReadonlyMap<string, readonly string[]>): DrillPulled | undefined {
  const ms = Number(lines.get('ms')?.[0]);
  const exit = lines.get('exit')?.[0];
  if (exit === undefined || !Number.isFinite(ms)) return undefined;
  const said = (lines.get('said') ?? []).map((line) => line.trim()).filter((line) => line !== '');
  const words = (
    said.findLast((line) => /error|fail|fatal|timeout|denied|unauthorized/i.test(line)) ??
    said.at(-1) ??
    ''
  ).slice(0, MAX_WORDS);
  return { isOk: exit === '0', ms, words, source: sourceOf([...said, ...(lines.get('log') ?? [])]) };
}

/** Reads what pullScript has printed. */
export function readPulled(stdout: string): DrillPulled | undefined {
  return pulledOf(readLines(stdout));
}

/** Of `iptables -nvxL` the first column of DROP lines, of `nft list` what follows `packets`. */
function droppedOf(lines: readonly string[] | undefined): number | undefined {
  const counts = (lines ?? []).flatMap(
    (line) => /^\s*(\d+)\s+\d+\s+DROP\b/.exec(line)?.[1] ?? /counter packets (\d+)/.exec(line)?.[1] ?? [],
  );
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + Number(count), 0);
}

/** Reads what blockedPullScript has printed; undefined: it did not come to its end. */
export function readOutage(stdout: string): DrillOutage | undefined {
  const lines = readLines(stdout);
  if (!lines.has('done')) return undefined;
  return {
    pulled: pulledOf(lines),
    unblockable: lines.get('unblockable')?.[0],
    dropped: droppedOf(lines.get('count')),
    after: addressesOf(lines.get('after')),
    isStillBlocked: lines.has('still'),
  };
}
