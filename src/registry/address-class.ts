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

/** IPv4 addresses that an IPv6 address stands for; empty when it is an IPv6 address in its own right. */
function embeddedIpv4(groups: readonly number[]): number[] {
  const at = (index: number): number => groups[index] ?? 0;
  const pair = (index: number): number => at(index) * 65_536 + at(index + 1);
  const zeroUntil = (end: number): boolean => groups.slice(0, end).every((group) => group === 0);
  if (zeroUntil(5) && at(5) === 0xffff) return [pair(6)]; // ::ffff:a.b.c.d, mapped
  if (zeroUntil(6) && pair(6) > 1) return [pair(6)]; // ::a.b.c.d, the deprecated compatible form
  if (zeroUntil(4) && at(4) === 0xffff && at(5) === 0) return [pair(6)]; // ::ffff:0:a.b.c.d, SIIT
  if (at(0) === 0x64 && at(1) === 0xff9b && groups.slice(2, 6).every((group) => group === 0))
    return [pair(6)]; // RFC 6052
  // RFC 8215 leaves the layout to the site: RFC 6052's /48 form and the plain /96 form are both judged.
  if (at(0) === 0x64 && at(1) === 0xff9b && at(2) === 1) {
    return [at(3) * 65_536 + (at(4) % 256) * 256 + Math.floor(at(5) / 256), pair(6)];
  }
  if (at(0) === 0x2002) return [pair(1)]; // 6to4
  if (at(0) === 0x2001 && at(1) === 0) return [pair(6) ^ -1].map((value) => value >>> 0); // Teredo, client inverted
  return [];
}

function classOfIpv6(groups: readonly number[]): AddressClass {
  const embedded = embeddedIpv4(groups).map(classOfIpv4);
  if (embedded.length > 0) return embedded.find((found) => found !== 'public') ?? 'public';
  const first = groups[0] ?? 0;
  if (groups.slice(0, 7).every((group) => group === 0)) return groups[7] === 1 ? 'loopback' : 'special';
  if (first >= 0xfe80 && first <= 0xfebf) return 'link-local';
  if (first >= 0xfec0 && first <= 0xfeff) return 'private'; // site-local, deprecated
  if (first >= 0xfc00 && first <= 0xfdff) return 'private';
  // Only 2000::/3 is handed out as global unicast; multicast and the rest are no place for a registry.
  return first >= 0x2000 && first <= 0x3fff ? 'public' : 'special';
}

/** The class of an address as `net` prints it; `special` for what is no address at all. */
export function classOfAddress(address: string): AddressClass {
  if (isIPv4(address)) return classOfIpv4(ipv4Number(address));
  return isIPv6(address) ? classOfIpv6(ipv6Groups(address)) : 'special';
}
