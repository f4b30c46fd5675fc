// Address class: what part of the network an IP address belongs to, seen through the IPv6 forms that hide an IPv4 address.
import { isIPv4, isIPv6 } from 'node:net';

/**
 * `private` is RFC 1918, unique-local (RFC 4193) and the benchmark range that some sites use as private space: a dual-stack
 * site has both. `special` is everything no registry can be at (unspecified, multicast, reserved).
 */
export type AddressClass = 'public' | 'private' | 'loopback' | 'link-local' | 'cgnat' | 'special';

// IANA special-purpose registry; first match wins.
const IPV4_RANGES: readonly (readonly [string, number, AddressClass])[] = [
  ['0.0.0.0', 8, 'special'],
  ['10.0.0.0', 8, 'private'],
  ['100.64.0.0', 10, 'cgnat'],
  ['127.0.0.0', 8, 'loopback'],
  ['169.254.0.0', 16, 'link-local'],
  ['172.16.0.0', 12, 'private'],
  ['192.0.0.0', 24, 'special'],
  ['192.168.0.0', 16, 'private'],
  ['198.18.0.0', 15, 'private'],
  ['224.0.0.0', 4, 'special'],
  ['240.0.0.0', 4, 'special'],
];

function ipv4Number(text: string): number {
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function classOfIpv4(address: number): AddressClass {
  for (const [base, bits, found] of IPV4_RANGES) {
    const size = 2 ** (32 - bits);
    if (Math.floor(address / size) === Math.floor(ipv4Number(base) / size)) return found;
  }
  return 'public';
}

/** The eight 16-bit groups of a valid IPv6 address. */
function ipv6Groups(text: string): number[] {
  const bare = text.split('%')[0] ?? '';
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/u.exec(bare);
  const plain = dotted ? `${dotted[1] ?? ''}${hexOfIpv4(dotted[2] ?? '')}` : bare;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16));
}

function hexOfIpv4(text: string): string {
  const value = ipv4Number(text);
  return `${Math.floor(value / 65_536).toString(16)}:${(value % 65_536).toString(16)}`;
}

/** A form of IPv6 address that stands for an IPv4 one: its first groups, and where the IPv4 address is in the 128 bits. */
interface Embedding {
  readonly start: readonly number[];
  readonly ipv4: (groups: readonly number[]) => number;
}

function pair(groups: readonly number[], index: number): number {
  return (groups[index] ?? 0) * 65_536 + (groups[index + 1] ?? 0);
}

/** RFC 6052 section 2.2, a /48 prefix: 16 bits, the empty octet, 16 bits. */
function behindPrefix48(groups: readonly number[]): number {
  return (groups[3] ?? 0) * 65_536 + ((groups[4] ?? 0) % 256) * 256 + Math.floor((groups[5] ?? 0) / 256);
}

const last = (groups: readonly number[]): number => pair(groups, 6);

const EMBEDDINGS: readonly Embedding[] = [
  { start: [0, 0, 0, 0, 0, 0xffff], ipv4: last }, // ::ffff:a.b.c.d, mapped
  { start: [0, 0, 0, 0, 0xffff, 0], ipv4: last }, // ::ffff:0:a.b.c.d, SIIT (RFC 2765)
  { start: [0, 0, 0, 0, 0, 0], ipv4: last }, // ::a.b.c.d, the deprecated compatible form
  { start: [0x64, 0xff9b, 0, 0, 0, 0], ipv4: last }, // NAT64 (RFC 6052)
  { start: [0x64, 0xff9b, 1], ipv4: behindPrefix48 }, // local NAT64 (RFC 8215): the site chooses the layout,
  { start: [0x64, 0xff9b, 1], ipv4: last }, //           so both common ones are judged
  { start: [0x2002], ipv4: (groups) => pair(groups, 1) }, // 6to4
  { start: [0x2001, 0], ipv4: (groups) => (pair(groups, 6) ^ -1) >>> 0 }, // Teredo: the client, inverted
];

function startsWith(groups: readonly number[], start: readonly number[]): boolean {
  return start.every((group, index) => groups[index] === group);
}

// First match wins. What is not in here is not handed out (only 2000::/3 is global unicast) or is multicast.
const IPV6_RANGES: readonly (readonly [number, number, AddressClass])[] = [
  [0x2000, 0x3fff, 'public'],
  [0xfc00, 0xfdff, 'private'],
  [0xfe80, 0xfebf, 'link-local'],
  [0xfec0, 0xfeff, 'private'], // site-local, deprecated
];

/** Of several readings of one address the inner one; a reading as 0.x is the layout that was not used. */
function strictest(readings: readonly AddressClass[]): AddressClass {
  const inner = readings.find((found) => found !== 'public' && found !== 'special');
  return inner ?? (readings.includes('public') ? 'public' : 'special');
}

function classOfIpv6(groups: readonly number[]): AddressClass {
  if (startsWith(groups, [0, 0, 0, 0, 0, 0, 0])) return groups[7] === 1 ? 'loopback' : 'special';
  const embedded = EMBEDDINGS.filter(({ start }) => startsWith(groups, start)).map(({ ipv4 }) =>
    classOfIpv4(ipv4(groups)),
  );
  if (embedded.length > 0) return strictest(embedded);
  const first = groups[0] ?? 0;
  return IPV6_RANGES.find(([low, high]) => first >= low && first <= high)?.[2] ?? 'special';
}

/** The class of an address as `net` prints it; `special` for what is no address at all. */
export function classOfAddress(address: string): AddressClass {
  if (isIPv4(address)) return classOfIpv4(ipv4Number(address));
  return isIPv6(address) ? classOfIpv6(ipv6Groups(address)) : 'special';
}
