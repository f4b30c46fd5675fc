// Right and wrong mirror sets, with what must be said of each wrong one. The CRD is held to the same examples.

type Fields = Record<string, unknown>;

/** A valid spec that every wrong example is one step away from. */
export function spec(changes: Fields = {}): Fields {
  return {
    namespaceSelector: {},
    upstream: { prefix: 'fra.ocir.io' },
    mirrors: [
      { endpoint: 'ams.ocir.io', credential: { source: 'SameAsUpstream' } },
      {
        endpoint: 'registry.dc1.example:5000/ocir',
        credential: { source: 'Secret', secretRef: { name: 'dc1-pull' } },
      },
    ],
    ...changes,
  };
}

export function manifest(body: Fields = spec(), metadata: Fields = { name: 'ocir' }): Fields {
  return { apiVersion: 'registry-failover.io/v1alpha1', kind: 'RegistryMirrorSet', metadata, spec: body };
}

function upstream(changes: Fields): Fields {
  return manifest(spec({ upstream: { prefix: 'fra.ocir.io', ...changes } }));
}

/** One mirror, public unless told otherwise. */
function mirror(changes: Fields): Fields {
  return manifest(
    spec({ mirrors: [{ endpoint: 'ams.ocir.io', credential: { source: 'None' }, ...changes }] }),
  );
}

function endpoints(...names: string[]): Fields {
  return manifest(spec({ mirrors: names.map((endpoint) => ({ endpoint, credential: { source: 'None' } })) }));
}

export const RIGHT: Readonly<Record<string, Fields>> = {
  'the smallest one': manifest({
    upstream: { prefix: 'docker.io' },
    mirrors: [{ endpoint: 'mirror.example', credential: { source: 'None' } }],
  }),
  'every field written out': manifest({
    namespaceSelector: {
      matchLabels: { team: 'a', 'example.com/tier': '' },
      matchExpressions: [
        { key: 'zone', operator: 'In', values: ['a', 'b'] },
        { key: 'legacy', operator: 'DoesNotExist' },
      ],
    },
    upstream: {
      prefix: 'Fra.OCIR.io/team_a/x',
      credential: { source: 'Secret', secretRef: { name: 'fra-probe' } },
      caBundle: { configMapRef: { name: 'ca', key: 'ca.crt' } },
      canary: 'health/canary:1.0_a',
    },
    mirrors: [
      {
        endpoint: '[2001:db8::1]:5000/a/b',
        credential: { source: 'SameAsUpstream' },
        caBundle: { configMapRef: { name: 'ca', key: 'ca.crt' } },
        trustedByNodes: true,
        mayReceiveUpstreamCredential: true,
      },
      { endpoint: 'reg:5000', credential: { source: 'Node' }, caBundle: {} },
      { endpoint: 'localhost/x', credential: { source: 'None' } },
    ],
    failover: { mode: 'Observe', on: ['Slow'], digestPolicy: 'Require', rescue: false },
    nodes: {
      enabled: true,
      selector: { matchLabels: { pool: 'x' } },
      credentials: 'NodeAuth',
      wholeHost: true,
    },
  }),
  'fields without a value': manifest(
    spec({
      upstream: { prefix: 'fra.ocir.io', credential: null, caBundle: null, canary: null },
      nodes: null,
    }),
  ),
  'an object exported from a cluster': {
    ...manifest(spec(), {
      name: 'ocir',
      uid: '0a',
      generation: 3,
      creationTimestamp: '2026-05-01T10:00:00Z',
      labels: { a: 'b' },
      managedFields: [{ manager: 'kubectl' }],
    }),
    status: { observedGeneration: 3 },
  },
  'a mirror elsewhere at the host of the upstream': manifest(
    spec({
      upstream: { prefix: 'art.example/docker-remote' },
      mirrors: [
        { endpoint: 'art.example/docker-remote-2', credential: { source: 'None' } },
        { endpoint: 'art.example', credential: { source: 'None' } },
      ],
    }),
  ),
  'the longest path': endpoints(`a.example/${'a'.repeat(255)}`),
  'mirrors that differ in path or port only': endpoints('a.example', 'a.example/x', 'a.example:5000'),
};

/** Who refuses it: the CRD's schema, a CEL rule of the CRD, the API server by itself, or files alone (it is pruned). */
type RefusedBy = 'schema' | 'cel' | 'api-server' | 'files';

export interface WrongExample {
  readonly object: unknown;
  /** Path and code of every problem, in any order. */
  readonly problems: readonly (readonly [path: string, code: string])[];
  readonly by: RefusedBy;
}

const PREFIX = 'spec.upstream.prefix';
const ENDPOINT = 'spec.mirrors[0].endpoint';

function wrong(object: unknown, by: RefusedBy, ...problems: (readonly [string, string])[]): WrongExample {
  return { object, by, problems };
}

export const WRONG: Readonly<Record<string, WrongExample>> = {
  'no object at all': wrong('ocir', 'api-server', ['', 'WrongType']),
  'another version of the API': wrong(
    { ...manifest(), apiVersion: 'registry-failover.io/v1' },
    'api-server',
    ['apiVersion', 'UnknownValue'],
  ),
  'no name': wrong(manifest(spec(), {}), 'api-server', ['metadata.name', 'Required']),
  'a name with an upper-case letter': wrong(manifest(spec(), { name: 'OCIR' }), 'api-server', [
    'metadata.name',
    'InvalidName',
  ]),
  'no spec': wrong({ ...manifest(), spec: undefined }, 'schema', ['spec', 'Required']),
  'a misspelt field': wrong(mirror({ trustedByNode: true }), 'files', [
    'spec.mirrors[0].trustedByNode',
    'UnknownField',
  ]),
  'a field in the wrong place': wrong(manifest(spec({ caBundle: {} })), 'files', [
    'spec.caBundle',
    'UnknownField',
  ]),
  'a field nobody knows': wrong(manifest(spec({ interval: '10s' })), 'files', [
    'spec.interval',
    'UnknownField',
  ]),
  'what YAML 1.1 makes of an unquoted on': wrong(manifest(spec({ failover: { true: ['Slow'] } })), 'files', [
    'spec.failover.true',
    'UnknownField',
  ]),
  'no upstream': wrong(manifest(spec({ upstream: undefined })), 'schema', ['spec.upstream', 'Required']),
  'no prefix': wrong(manifest(spec({ upstream: {} })), 'schema', [PREFIX, 'Required']),
  'an empty prefix': wrong(upstream({ prefix: '' }), 'schema', [PREFIX, 'Empty']),
  'a prefix that is a number': wrong(upstream({ prefix: 5000 }), 'schema', [PREFIX, 'WrongType']),
  'a prefix with a scheme': wrong(upstream({ prefix: 'https://fra.ocir.io' }), 'cel', [
    PREFIX,
    'InvalidPrefix',
  ]),
  'a prefix with a wildcard': wrong(upstream({ prefix: '*.ocir.io' }), 'cel', [PREFIX, 'InvalidPrefix']),
  'a prefix with a tag': wrong(upstream({ prefix: 'fra.ocir.io/app:1' }), 'cel', [PREFIX, 'InvalidPrefix']),
  'a prefix that is a path at Docker Hub': wrong(upstream({ prefix: 'library/nginx' }), 'cel', [
    PREFIX,
    'InvalidPrefix',
  ]),
  'a prefix with an upper-case path': wrong(upstream({ prefix: 'fra.ocir.io/App' }), 'cel', [
    PREFIX,
    'InvalidPrefix',
  ]),
  'a prefix with a port out of range': wrong(upstream({ prefix: 'reg:65536' }), 'cel', [
    PREFIX,
    'InvalidPrefix',
  ]),
  'a prefix that is too long': wrong(upstream({ prefix: `a.example/${'a'.repeat(510)}` }), 'schema', [
    PREFIX,
    'TooLong',
  ]),
  'an endpoint with a path that is too long': wrong(
    mirror({ endpoint: `a.example/${'a'.repeat(256)}` }),
    'cel',
    [ENDPOINT, 'InvalidEndpoint'],
  ),
  'an endpoint with a user name': wrong(mirror({ endpoint: 'me@ams.ocir.io' }), 'cel', [
    ENDPOINT,
    'InvalidEndpoint',
  ]),
  'an endpoint with a slash at the end': wrong(mirror({ endpoint: 'ams.ocir.io/' }), 'cel', [
    ENDPOINT,
    'InvalidEndpoint',
  ]),
  'no mirrors': wrong(manifest(spec({ mirrors: [] })), 'schema', ['spec.mirrors', 'Empty']),
  'mirrors that are no list': wrong(manifest(spec({ mirrors: {} })), 'schema', ['spec.mirrors', 'WrongType']),
  'too many mirrors': wrong(
    endpoints(...Array.from({ length: 17 }, (_, index) => `m${index}.example`)),
    'schema',
    ['spec.mirrors', 'TooMany'],
  ),
  'a mirror that is the upstream': wrong(endpoints('ams.ocir.io', 'FRA.ocir.io:443'), 'cel', [
    'spec.mirrors[1].endpoint',
    'MirrorIsUpstream',
  ]),
  'a mirror below the upstream': wrong(endpoints('fra.ocir.io/backup'), 'cel', [
    ENDPOINT,
    'MirrorIsUpstream',
  ]),
  'the same mirror twice': wrong(endpoints('a.example/x', 'b.example', 'A.example:443/x'), 'cel', [
    'spec.mirrors[2].endpoint',
    'MirrorTwice',
  ]),
  'Docker Hub by both of its names': wrong(endpoints('docker.io/a', 'index.docker.io/a'), 'cel', [
    'spec.mirrors[1].endpoint',
    'MirrorTwice',
  ]),
  'no credential': wrong(mirror({ credential: null }), 'schema', ['spec.mirrors[0].credential', 'Required']),
  'an unknown source': wrong(mirror({ credential: { source: 'SameAsUpsteam' } }), 'schema', [
    'spec.mirrors[0].credential.source',
    'UnknownValue',
  ]),
  'source Secret without a secretRef': wrong(mirror({ credential: { source: 'Secret' } }), 'cel', [
    'spec.mirrors[0].credential.secretRef',
    'SecretRefMissing',
  ]),
  'source Node with a secretRef': wrong(
    mirror({ credential: { source: 'Node', secretRef: { name: 'x' } } }),
    'cel',
    ['spec.mirrors[0].credential.secretRef', 'SecretRefUnused'],
  ),
  'source SameAsUpstream with a secretRef': wrong(
    mirror({ credential: { source: 'SameAsUpstream', secretRef: { name: 'x' } } }),
    'cel',
    ['spec.mirrors[0].credential.secretRef', 'SecretRefUnused'],
  ),
  'a secretRef with an impossible name': wrong(
    mirror({ credential: { source: 'Secret', secretRef: { name: 'dc1_pull' } } }),
    'cel',
    ['spec.mirrors[0].credential.secretRef.name', 'InvalidName'],
  ),
  'source Secret without a namespaceSelector': wrong(
    manifest(spec({ namespaceSelector: undefined })),
    'cel',
    ['spec.namespaceSelector', 'NamespaceSelectorRequired'],
  ),
  'an upstream credential from the node': wrong(upstream({ credential: { source: 'Node' } }), 'cel', [
    'spec.upstream.credential.source',
    'UpstreamCredentialSource',
  ]),
  'NodeAuth without an upstream credential': wrong(
    manifest(spec({ nodes: { credentials: 'NodeAuth' } })),
    'cel',
    ['spec.upstream.credential', 'UpstreamCredentialRequired'],
  ),
  'a caBundle without its key': wrong(upstream({ caBundle: { configMapRef: { name: 'ca' } } }), 'schema', [
    'spec.upstream.caBundle.configMapRef.key',
    'Required',
  ]),
  'a caBundle that is PEM text': wrong(upstream({ caBundle: '-----BEGIN CERTIFICATE-----' }), 'schema', [
    'spec.upstream.caBundle',
    'WrongType',
  ]),
  'a canary without a tag': wrong(upstream({ canary: 'health/canary' }), 'cel', [
    'spec.upstream.canary',
    'InvalidCanary',
  ]),
  'a canary with a host': wrong(upstream({ canary: 'fra.ocir.io:5000/canary:1' }), 'cel', [
    'spec.upstream.canary',
    'InvalidCanary',
  ]),
  'an unknown mode': wrong(manifest(spec({ failover: { mode: 'rewrite' } })), 'schema', [
    'spec.failover.mode',
    'UnknownValue',
  ]),
  'no triggers': wrong(manifest(spec({ failover: { on: [] } })), 'schema', ['spec.failover.on', 'Empty']),
  'a trigger twice': wrong(manifest(spec({ failover: { on: ['Slow', 'Missing', 'Slow'] } })), 'schema', [
    'spec.failover.on[2]',
    'TriggerTwice',
  ]),
  'a trigger nobody knows': wrong(manifest(spec({ failover: { on: ['Denied'] } })), 'schema', [
    'spec.failover.on[0]',
    'UnknownValue',
  ]),
  'a truth in quotes': wrong(manifest(spec({ failover: { rescue: 'true' } })), 'schema', [
    'spec.failover.rescue',
    'WrongType',
  ]),
  'a selector with In and no values': wrong(
    manifest(spec({ namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } })),
    'cel',
    ['spec.namespaceSelector.matchExpressions[0]', 'InvalidSelector'],
  ),
  'a selector with Exists and values': wrong(
    manifest(
      spec({ nodes: { selector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['x'] }] } } }),
    ),
    'cel',
    ['spec.nodes.selector.matchExpressions[0].values', 'InvalidSelector'],
  ),
  'a selector with an impossible label': wrong(
    manifest(spec({ namespaceSelector: { matchLabels: { 'team a': 'x', b: '-' } } })),
    'cel',
    ['spec.namespaceSelector.matchLabels["team a"]', 'InvalidLabel'],
    ['spec.namespaceSelector.matchLabels.b', 'InvalidLabel'],
  ),
  'labels without a selector around them': wrong(
    manifest(spec({ namespaceSelector: { team: 'a' } })),
    'files',
    ['spec.namespaceSelector.team', 'UnknownField'],
  ),
  'a label that is a number': wrong(
    manifest(spec({ namespaceSelector: { matchLabels: { team: 7 } } })),
    'schema',
    ['spec.namespaceSelector.matchLabels.team', 'WrongType'],
  ),
  'too many labels': wrong(
    manifest(
      spec({
        namespaceSelector: {
          matchLabels: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`l${index}`, 'x'])),
        },
      }),
    ),
    'schema',
    ['spec.namespaceSelector.matchLabels', 'TooMany'],
  ),
  'several at once': wrong(
    manifest(
      {
        upstream: { prefix: 'docker://fra.ocir.io', cannary: 'x:1' },
        mirrors: [{ endpoint: 'ams.ocir.io' }, { endpoint: 'ams.ocir.io', credential: { source: 'Secret' } }],
        failover: { mode: 'Rewrit' },
      },
      { name: 'Ocir' },
    ),
    'schema',
    ['metadata.name', 'InvalidName'],
    [PREFIX, 'InvalidPrefix'],
    ['spec.upstream.cannary', 'UnknownField'],
    ['spec.mirrors[0].credential', 'Required'],
    ['spec.mirrors[1].endpoint', 'MirrorTwice'],
    ['spec.mirrors[1].credential.secretRef', 'SecretRefMissing'],
    ['spec.namespaceSelector', 'NamespaceSelectorRequired'],
    ['spec.failover.mode', 'UnknownValue'],
  ),
};
