// Scenarios: what a node has and what is then wanted of it, chosen so that every kind of step of the script is in one of them.
import { Credential } from '../../src/domain/credential.ts';
import type { NodeWanted, WantedHost } from '../../src/nodes/data/wanted.ts';
import { CA_ONE, CA_TWO, host, mirror, upstream } from '../nodes/cases.ts';
import { makeWanted, type NodeScene } from '../nodes/node-scene.ts';

/** In no file that others may read. */
export const SECRET = 'kill-suite-secret';

export interface Scenario {
  readonly name: string;
  /** Somebody else's files, there before us. */
  readonly found: Readonly<Record<string, string>>;
  /** What was applied before; undefined: nothing. */
  readonly before: NodeWanted | undefined;
  /** What is then wanted; undefined: a restore. */
  readonly wanted: NodeWanted | undefined;
  readonly hasCrio: boolean;
  /** CRI-O dies of its signal: the way back is killed too. */
  readonly crioDies?: boolean;
}

const FRA = 'fra.example.com';
const AMS = 'ams.example.com:5000';
const DC1 = 'dc1.example.com';

const one = host([upstream(FRA), mirror(AMS)]);
const oneOut = host([upstream(FRA), mirror(AMS)], [FRA]);
const oneWithCa = host([upstream(FRA), mirror(AMS, { caPem: CA_ONE })]);
const oneWithOtherCa = host([upstream(FRA), mirror(AMS, { caPem: CA_TWO })]);
const other = host([upstream('quay.example.com'), mirror(DC1, { caPem: CA_ONE })]);
const withLogin = host([upstream(FRA), mirror(AMS, { auth: 'Node' })]);
const withTwoLogins = host(
  [upstream(FRA), mirror(AMS, { auth: 'Node' }), mirror(DC1, { auth: 'Node' })],
  [FRA],
);

const MAIN = 'unqualified-search-registries = ["docker.io"]\n';
const FOREIGN = '[[registry]]\nprefix = "other.example.com"\nlocation = "other.example.com"\n';
const FOREIGN_HOST = 'server = "https://reg.example.net"\n';
const CACHE_HOST = '[host."https://cache.example.net"]\n';
const AUTH = `{\n\t"auths": {\n\t\t"own.example.com": {\n\t\t\t"auth": "b3duOm93bg=="\n\t\t},\n\t\t"${AMS}": {\n\t\t\t"auth": "b2xkOm9sZA=="\n\t\t}\n\t}\n}\n`;

const ON_CRIO = {
  'containers/registries.conf': MAIN,
  'containers/registries.conf.d/00-others.conf': FOREIGN,
};
const ON_CONTAINERD = {
  'containerd/config.toml': 'version = 2\n',
  'containerd/certs.d/cache.example.net/hosts.toml': CACHE_HOST,
  'containerd/certs.d/reg.example.net/hosts.toml': FOREIGN_HOST,
};

function crio(...hosts: readonly WantedHost[]): NodeWanted {
  return makeWanted({ runtime: 'crio', hosts });
}

function containerd(...hosts: readonly WantedHost[]): NodeWanted {
  return makeWanted({ runtime: 'containerd', hosts });
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'CRI-O, first, no folder there',
    found: {},
    before: undefined,
    wanted: crio(oneWithCa),
    hasCrio: true,
  },
  {
    name: 'CRI-O, first, beside others',
    found: ON_CRIO,
    before: undefined,
    wanted: crio(oneWithCa, other),
    hasCrio: true,
  },
  { name: 'CRI-O, order', found: ON_CRIO, before: crio(one), wanted: crio(oneOut), hasCrio: true },
  {
    name: 'CRI-O, other certificates, a host less',
    found: ON_CRIO,
    before: crio(oneWithCa, other),
    wanted: crio(oneWithOtherCa),
    hasCrio: true,
  },
  {
    name: 'CRI-O, credentials',
    found: { ...ON_CRIO, 'auth.json': AUTH },
    before: crio(one),
    wanted: crio(withLogin),
    hasCrio: true,
  },
  {
    name: 'CRI-O, other credentials',
    found: ON_CRIO,
    before: crio(withLogin),
    wanted: crio(withTwoLogins),
    hasCrio: true,
  },
  {
    name: 'CRI-O, restore',
    found: { ...ON_CRIO, 'auth.json': AUTH },
    before: crio(oneWithCa, withTwoLogins),
    wanted: undefined,
    hasCrio: true,
  },
  {
    name: 'CRI-O dies',
    found: { ...ON_CRIO, 'auth.json': AUTH },
    before: crio(oneWithCa),
    wanted: crio(oneWithOtherCa, other),
    hasCrio: true,
    crioDies: true,
  },
  {
    name: 'containerd, first, no folder there',
    found: {},
    before: undefined,
    wanted: containerd(oneWithCa),
    hasCrio: false,
  },
  {
    name: 'containerd, first, beside others',
    found: ON_CONTAINERD,
    before: undefined,
    wanted: containerd(oneWithCa, other),
    hasCrio: false,
  },
  {
    name: 'containerd, other certificates and order',
    found: ON_CONTAINERD,
    before: containerd(oneWithCa),
    wanted: containerd(host([upstream(FRA), mirror(AMS, { caPem: CA_TWO })], [FRA])),
    hasCrio: false,
  },
  {
    name: 'containerd, credentials, a host less',
    found: ON_CONTAINERD,
    before: containerd(one, other),
    wanted: containerd(withLogin),
    hasCrio: false,
  },
  {
    name: 'containerd, restore',
    found: ON_CONTAINERD,
    before: containerd(oneWithCa, other),
    wanted: undefined,
    hasCrio: false,
  },
  {
    name: 'from CRI-O to containerd',
    found: { ...ON_CRIO, ...ON_CONTAINERD },
    before: crio(oneWithCa),
    wanted: containerd(oneWithCa),
    hasCrio: true,
  },
];

export function credentials(): ReadonlyMap<string, Credential> {
  const login = new Credential({ username: 'pull', password: SECRET });
  return new Map([AMS, DC1].map((endpoint) => [endpoint, login]));
}

/** Puts what was there before us in place. */
export function furnish(scene: NodeScene, { found }: Scenario): void {
  for (const [name, content] of Object.entries(found))
    scene.write(name, content, name === 'auth.json' ? 0o640 : 0o644);
}
