// Node cases: what nodes are wanted to know, as data: rendered against golden files here, and read by the real programs in the lab.
import { Credential } from '../../src/domain/credential.ts';
import { DEFAULT_LAYOUT } from '../../src/nodes/node-file.ts';
import type { NodeLayout } from '../../src/nodes/node-file.ts';
import type { RenderInput } from '../../src/nodes/rendering/render.ts';
import { orderSources } from '../../src/nodes/sources/node-sources.ts';
import { WANTED_VERSION } from '../../src/nodes/data/wanted.ts';
import type { NodeWanted, Runtime, WantedHost, WantedSource } from '../../src/nodes/data/wanted.ts';

/** Two certificates of nobody's; their keys were thrown away. */
export const CA_ONE = `-----BEGIN CERTIFICATE-----
MIIBgzCCASmgAwIBAgIUOLSXW9VV/4BJTGvCy3vfdSVOY1AwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLZ29sZGVuIENBIDEwIBcNMjYxMTIxMTg1MzQxWhgPMjEyNjEw
MjgxODUzNDFaMBYxFDASBgNVBAMMC2dvbGRlbiBDQSAxMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEtG8c8arW/mT7xfOovtuk6eHa/Uo6gHIXYti78bK8Dg4dG9Yy
rGRg9gW0pf6AkVOXWf0hRCq3bM8oRyDGdGaZNKNTMFEwHQYDVR0OBBYEFH8uyUnX
X9HlaYGcMt3YQukvWG8XMB8GA1UdIwQYMBaAFH8uyUnXX9HlaYGcMt3YQukvWG8X
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAO8RAOmVr4AHVRGs
oR5bUhTPccQ4bFdB2B9sAPVnn+nWAiBp4MFpZ9ogtljjYCjuWN9EhVjeyCPzHxik
ci2Z3rvNDQ==
-----END CERTIFICATE-----
`;
export const CA_TWO = `-----BEGIN CERTIFICATE-----
MIIBgzCCASmgAwIBAgIUXHec9SBi0nzQIV7qys3zAJc+J/owCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLZ29sZGVuIENBIDIwIBcNMjYxMTIxMTg1MzQxWhgPMjEyNjEw
MjgxODUzNDFaMBYxFDASBgNVBAMMC2dvbGRlbiBDQSAyMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAE0zDTpekzv80B2XnnccBrsHizkluADFf8PSnAjI+B5EqVYEMJ
Uwq9X5eKnYJm45BkwCtnj9FGCDzxb29K/3dpXaNTMFEwHQYDVR0OBBYEFLLEGZuW
78Lqcv7z3Q9YwpR2IcmfMB8GA1UdIwQYMBaAFLLEGZuW78Lqcv7z3Q9YwpR2Icmf
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAPXUhLdZVAUH8opE
Q5ogsJZdLx+g47+hXTypvqiUhbS9AiB8wdJr7XJsHI4ajF54RNbLkm0vmCuEu8Gb
z61TKLva5w==
-----END CERTIFICATE-----
`;

/** The versions whose files differ, and the oldest of each. */
export const CASE_RUNTIMES: readonly Runtime[] = [
  { name: 'crio', version: '1.28.0' },
  { name: 'containerd', version: '1.7.28' },
  { name: 'containerd', version: '2.1.0' },
];

export interface NodeCase {
  readonly name: string;
  readonly hosts: readonly WantedHost[];
  /** NodeAuth, by endpoint: user and password. */
  readonly logins?: Readonly<Record<string, readonly [string, string]>>;
  readonly authFile?: string;
}

export function upstream(endpoint: string, changes: Partial<WantedSource> = {}): WantedSource {
  return { endpoint, role: 'Upstream', auth: 'None', caPem: '', ...changes };
}

export function mirror(endpoint: string, changes: Partial<WantedSource> = {}): WantedSource {
  return { endpoint, role: 'Mirror', auth: 'None', caPem: '', ...changes };
}

/** A host whose first source is its upstream, with the order that follows from what is out. */
export function host(sources: readonly WantedSource[], out: readonly string[] = []): WantedHost {
  const order = orderSources(sources, (endpoint) => (out.includes(endpoint) ? 'out' : 'well'));
  return { prefix: sources[0]?.endpoint ?? '', sources, order };
}

const FRA = upstream('fra.ocir.io');
const AMS = mirror('ams.ocir.io');
const DC1 = mirror('registry.dc1.example:5000/ocir');

export const NODE_CASES: readonly NodeCase[] = [
  { name: 'one mirror, all well', hosts: [host([FRA, AMS])] },
  { name: 'one mirror, upstream out', hosts: [host([FRA, AMS], ['fra.ocir.io'])] },
  { name: 'one mirror, mirror out', hosts: [host([FRA, AMS], ['ams.ocir.io'])] },
  { name: 'one mirror, all out', hosts: [host([FRA, AMS], ['fra.ocir.io', 'ams.ocir.io'])] },
  { name: 'three mirrors, all well', hosts: [host([FRA, AMS, DC1, mirror('lhr.ocir.io')])] },
  {
    name: 'three mirrors, upstream and first mirror out',
    hosts: [host([FRA, AMS, DC1, mirror('lhr.ocir.io')], ['fra.ocir.io', 'ams.ocir.io'])],
  },
  { name: 'ports', hosts: [host([upstream('a.example:5000'), mirror('b.example:5001')])] },
  { name: 'mirror with a path, last', hosts: [host([FRA, DC1])] },
  { name: 'mirror with a path, first', hosts: [host([FRA, DC1], ['fra.ocir.io'])] },
  { name: 'mirror with a path that ends in v2', hosts: [host([FRA, mirror('m.example/a/v2')])] },
  { name: 'docker hub', hosts: [host([upstream('docker.io'), mirror('m.example/hub')])] },
  {
    name: 'docker hub, upstream out',
    hosts: [host([upstream('docker.io'), mirror('m.example')], ['docker.io'])],
  },
  { name: 'docker hub as a mirror, with a path', hosts: [host([FRA, mirror('docker.io/shop')])] },
  { name: 'docker hub as a mirror, without a path', hosts: [host([FRA, mirror('docker.io'), AMS])] },
  {
    name: 'docker hub under both names',
    hosts: [host([upstream('docker.io'), mirror('registry-1.docker.io')])],
  },
  {
    name: 'prefix with a path, same path at the mirror',
    hosts: [host([upstream('fra.ocir.io/team'), mirror('ams.ocir.io/team')])],
  },
  {
    name: 'prefix with a path, longer path at the mirror',
    hosts: [host([upstream('fra.ocir.io/a/b'), mirror('ams.ocir.io/x/a/b')])],
  },
  {
    name: 'prefix with a path, other path at the mirror',
    hosts: [host([upstream('fra.ocir.io/team'), mirror('ams.ocir.io/ateam'), mirror('lhr.ocir.io/team')])],
  },
  { name: 'nothing left', hosts: [host([upstream('fra.ocir.io/team'), mirror('docker.io')])] },
  { name: 'IPv6, mirror', hosts: [host([FRA, mirror('[2001:db8::1]:5000/a'), AMS])] },
  { name: 'IPv6, upstream', hosts: [host([upstream('[2001:db8::1]:5000'), mirror('[::1]'), AMS])] },
  { name: 'localhost', hosts: [host([upstream('localhost:5000'), mirror('localhost')])] },
  {
    name: 'certificates',
    hosts: [
      host([
        upstream('fra.ocir.io', { caPem: CA_ONE }),
        mirror('m.example:5000', { caPem: CA_ONE + CA_TWO }),
      ]),
      host([upstream('quay.io'), mirror('m.example:5000/quay', { caPem: CA_TWO })]),
    ],
  },
  {
    name: 'credentials of the node',
    hosts: [host([FRA, mirror('ams.ocir.io', { auth: 'Node' }), mirror('m.example/o', { auth: 'Node' })])],
    logins: { 'ams.ocir.io': ['robot', 'p"\\\u00e9'], 'm.example/o': ['AWS', 'x'.repeat(80)] },
    authFile: '/etc/crio/pull.json',
  },
  {
    name: 'credentials of the node, upstream out',
    hosts: [host([FRA, mirror('ams.ocir.io', { auth: 'Node' })], ['fra.ocir.io'])],
    logins: { 'ams.ocir.io': ['robot', 'secret'] },
    authFile: '/etc/crio/pull.json',
  },
  {
    name: 'credentials of the node, none there',
    hosts: [host([FRA, mirror('ams.ocir.io', { auth: 'Node' }), DC1])],
    authFile: '/etc/crio/pull.json',
  },
  {
    name: 'credentials of the node, no auth file',
    hosts: [host([FRA, mirror('ams.ocir.io', { auth: 'Node' }), DC1])],
    logins: { 'ams.ocir.io': ['robot', 'secret'] },
  },
  {
    name: 'a prefix without a port, and a mirror at another port of that host',
    hosts: [host([upstream('a.example'), AMS]), host([FRA, mirror('a.example:5000/ocir')])],
  },
  {
    name: 'a prefix without a port, and a prefix at another port of that host',
    hosts: [host([upstream('a.example'), AMS]), host([upstream('a.example:5000'), AMS])],
  },
  {
    name: 'a prefix within another',
    hosts: [host([upstream('fra.ocir.io/team'), mirror('lhr.ocir.io/team')]), host([FRA, AMS])],
  },
  {
    name: 'two prefixes of one host that say the same',
    hosts: [
      host([upstream('fra.ocir.io/b'), mirror('ams.ocir.io/x/b')]),
      host([upstream('fra.ocir.io/a'), mirror('ams.ocir.io/x/a')]),
    ],
  },
];

export const CASE_OWNER = 'registry-failover/registry-failover';

/** The input of a case for a runtime. */
export function inputOf(
  { hosts, logins = {}, authFile }: NodeCase,
  runtime: Runtime,
  layout: NodeLayout = DEFAULT_LAYOUT,
): RenderInput {
  const wanted: NodeWanted = {
    version: WANTED_VERSION,
    revision: '0123456789abcdef',
    owner: CASE_OWNER,
    runtime,
    action: 'Apply',
    hosts,
  };
  const credentials = new Map(
    Object.entries(logins).map(([endpoint, [username, password]]) => {
      return [endpoint, new Credential({ username, password })] as const;
    }),
  );
  return { wanted, layout: { ...layout, authFile: authFile ?? layout.authFile }, credentials };
}
