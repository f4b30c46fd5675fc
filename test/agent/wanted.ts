// Wanted: data of NodeMirrorStates for the tests of this folder.
import type { NodeWanted, WantedHost, WantedSource } from '../../src/nodes/data/wanted.ts';

export const OWNER = 'registry-failover/registry-failover';
export const UPSTREAM = 'fra.ocir.io';
export const AMS = 'ams.ocir.io';
export const DC1 = 'dc1.example:5000';

export function source(endpoint: string, over: Partial<WantedSource> = {}): WantedSource {
  return { endpoint, role: endpoint === UPSTREAM ? 'Upstream' : 'Mirror', auth: 'None', caPem: '', ...over };
}

export function host(order: readonly string[] = [UPSTREAM, AMS], over: Partial<WantedHost> = {}): WantedHost {
  return {
    prefix: UPSTREAM,
    sources: [...order].toSorted((a) => (a === UPSTREAM ? -1 : 1)).map((one) => source(one)),
    order,
    ...over,
  };
}

export function wanted(hosts: readonly WantedHost[] = [host()], over: Partial<NodeWanted> = {}): NodeWanted {
  return {
    version: 1,
    revision: '0123456789abcdef',
    owner: OWNER,
    runtime: { name: 'crio', version: '1.34.0' },
    action: 'Apply',
    hosts,
    ...over,
  };
}
