// Right and wrong NodeMirrorStates. The schema, the CRD and the agent's own check are held to the same examples.

type Fields = Record<string, unknown>;

export interface WrongState {
  readonly object: Fields;
  /** Who finds it: the shape, a rule in CEL, or the agent alone. */
  readonly by: 'schema' | 'cel';
  /** The code of the rule, in files and from the agent; undefined: the shape says it in words of its own. */
  readonly code?: string;
}

export function source(endpoint: string, role: 'Upstream' | 'Mirror', changes: Fields = {}): Fields {
  return { endpoint, role, auth: 'None', caPem: '', ...changes };
}

/** Upstream first. */
export function host(prefix: string, mirrors: readonly string[], changes: Fields = {}): Fields {
  return {
    prefix,
    sources: [source(prefix, 'Upstream'), ...mirrors.map((mirror) => source(mirror, 'Mirror'))],
    order: [prefix, ...mirrors],
    ...changes,
  };
}

export function wanted(changes: Fields = {}): Fields {
  return {
    version: 1,
    revision: '0123456789abcdef',
    owner: 'registry-failover/registry-failover',
    runtime: { name: 'crio', version: '1.34.0' },
    action: 'Apply',
    hosts: [host('fra.ocir.io', ['ams.ocir.io', 'registry.dc1.example:5000/ocir'])],
    ...changes,
  };
}

export function state(changes: Fields = {}, name = 'node1'): Fields {
  return {
    apiVersion: 'registry-failover.io/v1alpha1',
    kind: 'NodeMirrorState',
    metadata: { name, namespace: 'registry-failover' },
    spec: { wanted: wanted(changes) },
  };
}

function ofHost(changes: Fields): Fields {
  return state({ hosts: [host('fra.ocir.io', ['ams.ocir.io'], changes)] });
}

/** The mirror of one host. */
function ofMirror(changes: Fields): Fields {
  const endpoint = (changes['endpoint'] as string | undefined) ?? 'ams.ocir.io';
  return ofHost({
    sources: [source('fra.ocir.io', 'Upstream'), source('ams.ocir.io', 'Mirror', changes)],
    order: ['fra.ocir.io', endpoint],
  });
}

function without(fields: Fields, name: string): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name));
}

export const RIGHT: Readonly<Record<string, Fields>> = {
  'one host with two mirrors': state(),
  'nothing wanted': state({ hosts: [] }),
  'a restore': state({ action: 'Restore', hosts: [] }),
  'mirrors first': ofHost({ order: ['ams.ocir.io', 'fra.ocir.io'] }),
  'odd hosts': state({
    runtime: { name: 'containerd', version: 'v2.1.0-rc.1+k3s1~deb_1' },
    hosts: [
      host('docker.io/library', ['localhost', '[2001:db8::1]:5000/a']),
      host('a.b:65535', ['c:1/d_e/f__g/h-i.j']),
    ],
  }),
  'a credential of the node, and certificates': ofMirror({ auth: 'Node' }),
};

/** Each is one step away from a right one. */
export const WRONG: Readonly<Record<string, WrongState>> = {
  'another version of the data': { object: state({ version: 2 }), by: 'schema' },
  'a version in quotes': { object: state({ version: '1' }), by: 'schema' },
  'no revision': {
    object: { ...state(), spec: { wanted: without(wanted(), 'revision') } },
    by: 'schema',
  },
  'a revision in upper case': { object: state({ revision: '0123456789ABCDEF' }), by: 'schema' },
  'a revision that is too short': { object: state({ revision: '0123' }), by: 'schema' },
  'an owner with a line feed': { object: state({ owner: 'a/b\nc' }), by: 'schema' },
  'an owner that ends in a line feed': { object: state({ owner: 'a/b\n' }), by: 'schema' },
  'an owner that is too long': { object: state({ owner: 'a'.repeat(129) }), by: 'schema' },
  'no owner': { object: state({ owner: '' }), by: 'schema' },
  'an unknown runtime': { object: state({ runtime: { name: 'docker', version: '1' } }), by: 'schema' },
  'a runtime without a version': { object: state({ runtime: { name: 'crio' } }), by: 'schema' },
  'a runtime version with a quote': {
    object: state({ runtime: { name: 'crio', version: '1"' } }),
    by: 'schema',
  },
  'an unknown action': { object: state({ action: 'Remove' }), by: 'schema' },
  'hosts that are no list': { object: state({ hosts: {} }), by: 'schema' },
  'a host without a mirror': {
    object: ofHost({ sources: [source('fra.ocir.io', 'Upstream')], order: ['fra.ocir.io'] }),
    by: 'schema',
  },
  'more sources than a set has': {
    object: state({
      hosts: [
        host(
          'fra.ocir.io',
          Array.from({ length: 17 }, (_, index) => `m${index}.example`),
        ),
      ],
    }),
    by: 'schema',
  },
  'a prefix with a scheme': {
    object: state({ hosts: [host('https://fra.ocir.io', ['ams.ocir.io'])] }),
    by: 'schema',
  },
  'a prefix with a quote': { object: state({ hosts: [host('fra".io', ['ams.ocir.io'])] }), by: 'schema' },
  'an endpoint with a line feed': { object: ofMirror({ endpoint: 'ams.ocir.io\n' }), by: 'schema' },
  'an endpoint with a port out of range': { object: ofMirror({ endpoint: 'ams:65536' }), by: 'schema' },
  'an endpoint with an upper-case path': { object: ofMirror({ endpoint: 'ams.ocir.io/A' }), by: 'schema' },
  'an endpoint that climbs': { object: ofMirror({ endpoint: 'ams.ocir.io/../a' }), by: 'schema' },
  'an endpoint that is too long': {
    object: ofMirror({ endpoint: `a.example/${'a'.repeat(512)}` }),
    by: 'schema',
  },
  'an unknown role': { object: ofMirror({ role: 'Backup' }), by: 'schema' },
  'an unknown auth': { object: ofMirror({ auth: 'Pod' }), by: 'schema' },
  'certificates that are no text': { object: ofMirror({ caPem: 1 }), by: 'schema' },
  'certificates that are too long': { object: ofMirror({ caPem: 'a'.repeat(65_537) }), by: 'schema' },
  'no upstream': {
    object: ofHost({ sources: [source('fra.ocir.io', 'Mirror'), source('ams.ocir.io', 'Mirror')] }),
    by: 'cel',
    code: 'OneUpstream',
  },
  'two upstreams': { object: ofMirror({ role: 'Upstream' }), by: 'cel', code: 'OneUpstream' },
  'an upstream elsewhere': {
    object: ofHost({ sources: [source('fra.ocir.io', 'Mirror'), source('ams.ocir.io', 'Upstream')] }),
    by: 'cel',
    code: 'OneUpstream',
  },
  'a source twice': {
    object: state({ hosts: [host('fra.ocir.io', ['ams.ocir.io', 'ams.ocir.io'])] }),
    by: 'cel',
    code: 'SourceTwice',
  },
  'an order without the upstream': {
    object: ofHost({ order: ['ams.ocir.io', 'ams.ocir.io'] }),
    by: 'cel',
    code: 'OrderIncomplete',
  },
  'an order with a stranger': {
    object: ofHost({ order: ['fra.ocir.io', 'evil.example'] }),
    by: 'cel',
    code: 'OrderIncomplete',
  },
  'an order that names one more': {
    object: ofHost({ order: ['fra.ocir.io', 'ams.ocir.io', 'evil.example'] }),
    by: 'cel',
    code: 'OrderIncomplete',
  },
  'a prefix twice': {
    object: state({ hosts: [host('fra.ocir.io', ['ams.ocir.io']), host('fra.ocir.io', ['dc1.example'])] }),
    by: 'cel',
    code: 'PrefixTwice',
  },
  'a restore with hosts': { object: state({ action: 'Restore' }), by: 'cel', code: 'RestoreWithHosts' },
};
