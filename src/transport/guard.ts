// Guard: whether a host that a registry named (token server, redirect target) may be talked to at all.
import { classOfAddress, type AddressClass } from './address-class.ts';

const WORDS: Readonly<Record<AddressClass, string>> = {
  public: 'public',
  private: 'private',
  loopback: 'loopback',
  'link-local': 'link-local',
  cgnat: 'carrier-grade NAT',
  special: 'reserved',
};

/**
 * Why `address` must not be contacted on the word of a registry whose own address is of class `registry`; undefined when it
 * may. A registry could otherwise use us to reach the cloud's metadata service or the cluster's inside. A registry that is
 * itself inside may name its neighbours. Judged on the address really dialled, so a name that resolves inwards is no way round.
 */
export function refusalOfAddress(registry: AddressClass, address: string): string | undefined {
  const found = classOfAddress(address);
  if (found === 'public' || (found === registry && found !== 'special')) return undefined;
  return `${address} is a ${WORDS[found]} address and the registry itself is on a ${WORDS[registry]} one`;
}
