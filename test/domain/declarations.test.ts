import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCaBundle } from '../../src/domain/ca-bundle.ts';
import type { ClusterObjects, SecretObject } from '../../src/domain/cluster-objects.ts';
import { resolveDeclarations } from '../../src/domain/declarations.ts';
import type { Declarations } from '../../src/domain/declarations.ts';
import type { MirrorSetObject, MirrorSetSpec, MirrorSpec } from '../../src/domain/mirror-set-object.ts';
import { printProblem } from '../../src/domain/problem.ts';

const NAMESPACE = 'registry-failover';

/** DER of a SEQUENCE: as much of a certificate as the domain looks at. */
function pem(content: string): string {
  const body = Buffer.concat([Buffer.from([0x30, content.length]), Buffer.from(content)]).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function mirror(endpoint: string, changes: Partial<MirrorSpec> = {}): MirrorSpec {
  return {
    endpoint,
    credential: { source: 'None' },
    caBundle: {},
    trustedByNodes: false,
    mayReceiveUpstreamCredential: false,
    ...changes,
  };
}

function secretMirror(endpoint: string, name: string): MirrorSpec {
  return mirror(endpoint, { credential: { source: 'Secret', secretRef: { name } } });
}

function set(name: string, prefix: string, changes: Partial<MirrorSetSpec> = {}): MirrorSetObject {
  return {
    name,
    generation: 1,
    createdAt: undefined,
    origin: `${name}.yaml`,
    spec: {
      upstream: { prefix, caBundle: {}, canary: '' },
      mirrors: [mirror('ams.ocir.io')],
      failover: { mode: 'Rewrite', on: ['Missing'], digestPolicy: 'Prefer', rescue: true },
      nodes: { enabled: false, selector: {}, credentials: 'None', wholeHost: false },
      ...changes,
    },
  };
}

function pullSecret(name: string, key: string, namespace = NAMESPACE): SecretObject {
  const config = { auths: { [key]: { username: 'me', password: 'hunter2' } } };
  return {
    namespace,
    name,
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify(config)).toString('base64') },
  };
}

const NOTHING: ClusterObjects = { mirrorSets: [], secrets: [], configMaps: [], namespaces: [] };

function resolve(objects: Partial<ClusterObjects>, allowedEndpoints: readonly string[] = []): Declarations {
  return resolveDeclarations(
    { ...NOTHING, ...objects },
    { installNamespace: NAMESPACE, allowedEndpoints, sha256 },
  );
}

function codes(declarations: Declarations): string[] {
  return declarations.problems.map(({ path, code }) => `${path} ${code}`);
}

describe('resolveDeclarations', () => {
  it('turns a declared set into the one in force', () => {
    const declared = set('ocir', 'FRA.ocir.io/team', {
      namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] },
      upstream: {
        prefix: 'FRA.ocir.io/team',
        credential: { source: 'Secret', secretRef: { name: 'probe' } },
        caBundle: { configMapRef: { name: 'ca', key: 'ca.crt' } },
        canary: 'health/canary:1',
      },
      mirrors: [secretMirror('reg.example:5000/x', 'dc1')],
    });
    const { sets, problems } = resolve({
      mirrorSets: [{ ...declared, createdAt: '2026-05-01T10:00:00Z' }],
      secrets: [pullSecret('probe', 'fra.ocir.io'), pullSecret('dc1', 'reg.example:5000')],
      configMaps: [{ namespace: NAMESPACE, name: 'ca', data: { 'ca.crt': `# ours\n${pem('a')}` } }],
    });
    expect(problems).toEqual([]);
    expect(sets).toHaveLength(1);
    expect(sets[0]).toMatchObject({
      name: 'ocir',
      generation: 1,
      createdAt: '2026-05-01T10:00:00Z',
      namespaceSelector: {
        matchLabels: {},
        matchExpressions: [{ key: 'a', operator: 'Exists', values: [] }],
      },
      prefix: { host: 'fra.ocir.io', path: 'team' },
      upstream: { hostname: 'fra.ocir.io', port: 443, trust: { pem: pem('a'), sha256: sha256(pem('a')) } },
      upstreamSecret: { name: 'probe' },
      canary: { repository: 'health/canary', tag: '1' },
      mirrors: [
        {
          endpoint: { host: 'reg.example:5000', path: 'x', port: 5000, trust: undefined },
          source: 'Secret',
          secret: { name: 'dc1', entries: [{ key: 'reg.example:5000' }] },
        },
      ],
      on: new Set(['Missing']),
    });
  });

  it('has no canary and no selector where none are declared', () => {
    const { sets } = resolve({ mirrorSets: [set('a', 'a.example')] });
    expect(sets[0]).toMatchObject({ canary: undefined, namespaceSelector: undefined });
  });

  it.each([
    ['the older', '2026-05-01T10:00:00Z', '2026-05-01T09:59:59Z', 'b'],
    ['the one with an age', undefined, '2026-05-01T10:00:00Z', 'b'],
    ['the first by name, at the same age', '2026-05-01T10:00:00Z', '2026-05-01T10:00:00Z', 'a'],
    ['the first by name, in files', undefined, undefined, 'a'],
    ['the one with an age that can be read', 'yesterday', '2026-05-01T10:00:00Z', 'b'],
  ])('gives a prefix that two sets take to %s', (_, ageOfA, ageOfB, winner) => {
    const a = { ...set('a', 'docker.io'), createdAt: ageOfA };
    const b = { ...set('b', 'Index.Docker.io'), createdAt: ageOfB };
    const { sets, problems } = resolve({ mirrorSets: [a, b] });
    expect(sets.map((each) => each.name)).toEqual([winner]);
    const loser = winner === 'a' ? 'b' : 'a';
    expect(problems).toMatchObject([
      { set: loser, code: 'PrefixTaken', path: `${loser}.yaml spec.upstream.prefix` },
    ]);
    expect(problems[0]?.message).toContain(`"${winner}"`);
  });

  it('lets a longer prefix stand beside a shorter one', () => {
    const { sets, problems } = resolve({ mirrorSets: [set('a', 'a.example'), set('b', 'a.example/b')] });
    expect([sets.length, problems.length]).toEqual([2, 0]);
  });

  it('keeps the prefix of an older set that is refused itself', () => {
    const older = set('a', 'a.example', {
      mirrors: [mirror('m.example', { caBundle: { configMapRef: { name: 'gone', key: 'x' } } })],
    });
    const declarations = resolve({ mirrorSets: [older, set('b', 'a.example')] });
    expect(declarations.sets).toEqual([]);
    expect(codes(declarations)).toEqual([
      'a.yaml spec.mirrors[0].caBundle.configMapRef CaBundleMissing',
      'b.yaml spec.upstream.prefix PrefixTaken',
    ]);
  });

  it.each<[string, SecretObject[], string]>([
    ['is absent', [], 'SecretMissing'],
    ['is in another namespace', [pullSecret('dc1', 'm.example', 'other')], 'SecretMissing'],
    ['is of another type', [{ ...pullSecret('dc1', 'm.example'), type: 'Opaque' }], 'NoPullSecret'],
    [
      'cannot be decoded',
      [{ ...pullSecret('dc1', 'x'), data: { '.dockerconfigjson': btoa('{') } }],
      'InvalidPullSecret',
    ],
  ])('keeps a mirror without its credential when the secret %s', (_, secrets, code) => {
    const object = set('a', 'a.example', { mirrors: [secretMirror('m.example', 'dc1')] });
    const { sets, problems } = resolve({ mirrorSets: [object], secrets });
    expect(sets[0]?.mirrors[0]).toMatchObject({ source: 'Secret', secret: undefined });
    expect(problems).toMatchObject([{ code, set: 'a', path: 'a.yaml spec.mirrors[0].credential.secretRef' }]);
    expect(problems[0]?.message).toContain('Secret registry-failover/dc1');
  });

  it('says when a secret has entries for other registries only, and never a password', () => {
    const object = set('a', 'a.example', { mirrors: [secretMirror('m.example/x', 'dc1')] });
    const { problems } = resolve({
      mirrorSets: [object],
      secrets: [pullSecret('dc1', 'https://me:hunter2@n.example')],
    });
    expect(problems).toMatchObject([{ code: 'SecretWithoutEntry', set: 'a' }]);
    const [text] = problems.map(printProblem);
    expect(text).toContain('no entry for m.example/x, only for: "n.example"');
    expect(text).not.toContain('hunter2');
  });

  it.each<[string, Record<string, string> | undefined, string]>([
    ['its ConfigMap is absent', undefined, 'CaBundleMissing'],
    ['its key is absent', { other: pem('a') }, 'CaBundleMissing'],
    ['its key is only inherited', {}, 'CaBundleMissing'],
    ['it is no PEM', { toString: 'x', constructor: 'hello' }, 'CaBundleInvalid'],
  ])('refuses a set with a CA when %s', (_, data, code) => {
    const caBundle = { configMapRef: { name: 'ca', key: 'constructor' } };
    const object = set('a', 'a.example', { mirrors: [mirror('m.example', { caBundle })] });
    const configMaps = data === undefined ? [] : [{ namespace: NAMESPACE, name: 'ca', data }];
    const { sets, problems } = resolve({ mirrorSets: [object, set('b', 'b.example')], configMaps });
    expect(sets.map((each) => each.name)).toEqual(['b']);
    expect(problems).toMatchObject([{ code, set: 'a' }]);
  });

  it.each([
    [['*.ocir.io'], []],
    [['fra.ocir.io', 'ams.ocir.io:443'], []],
    [['*.example'], ['spec.mirrors[0].endpoint', 'spec.upstream.prefix']],
    [['fra.*.io', 'ams.ocir.io:5000'], ['spec.mirrors[0].endpoint']],
  ])('refuses a set with a host outside of %j', (allowed, fields) => {
    const declarations = resolve({ mirrorSets: [set('a', 'fra.ocir.io')] }, allowed);
    expect(codes(declarations)).toEqual(fields.map((field) => `a.yaml ${field} EndpointNotAllowed`));
    expect(declarations.sets).toHaveLength(fields.length === 0 ? 1 : 0);
  });

  it('refuses, and does not throw on, texts that no validation has seen', () => {
    const object = set('a', 'https://x', { mirrors: [mirror('a b')] });
    expect(codes(resolve({ mirrorSets: [object] }))).toEqual([
      'a.yaml spec.mirrors[0].endpoint InvalidEndpoint',
      'a.yaml spec.upstream.prefix InvalidPrefix',
    ]);
  });

  it('knows namespaces by the label that the API server gives them', () => {
    const { namespaceLabels } = resolve({ namespaces: [{ name: 'shop', labels: { team: 'a' } }] });
    expect([...namespaceLabels]).toEqual([['shop', { team: 'a', 'kubernetes.io/metadata.name': 'shop' }]]);
  });

  it('comes to the same answer whatever the order of the objects', () => {
    const ages = [undefined, '2026-05-01T10:00:00Z', '2026-05-01T10:00:01Z'];
    const prefixes = ['a.example', 'A.example', 'b.example', 'fra.ocir.io'];
    const someSet = fc
      .record({
        age: fc.constantFrom(...ages),
        prefix: fc.constantFrom(...prefixes),
        secret: fc.constantFrom('s1', 's2', 'gone'),
      })
      .map(({ age, prefix, secret }) => ({ age, prefix, mirrors: [secretMirror('m.example', secret)] }));
    const secrets = [pullSecret('s1', 'm.example'), pullSecret('s2', 'n.example')];
    fc.assert(
      fc.property(
        fc.array(someSet, { maxLength: 8 }).chain((sets) => {
          const objects = sets.map(({ age, prefix, mirrors }, index) => ({
            ...set(`set-${index}`, prefix, { mirrors }),
            createdAt: age,
          }));
          return fc.tuple(
            fc.constant(objects),
            fc.shuffledSubarray(objects, { minLength: objects.length }),
            fc.shuffledSubarray(secrets, { minLength: secrets.length }),
          );
        }),
        ([objects, shuffled, shuffledSecrets]) => {
          const one = resolve({ mirrorSets: objects, secrets });
          const other = resolve({ mirrorSets: shuffled, secrets: shuffledSecrets });
          expect(other).toEqual(one);
          const owned = one.sets.map((each) => each.prefix.host);
          expect(new Set(owned).size).toBe(owned.length);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('parseCaBundle', () => {
  it('gives the certificates alone, so that comments do not change the hash', () => {
    expect(parseCaBundle(`# one\n${pem('a')}\r\n# two\n${pem('b')}`)).toEqual({
      ok: true,
      value: pem('a') + pem('b'),
    });
    expect(parseCaBundle(pem('a').replaceAll('\n', '\r\n'))).toEqual({ ok: true, value: pem('a') });
  });

  it.each([
    ['nothing', '', 'no PEM'],
    ['another text', 'hello', 'no PEM'],
    [
      'a key beside it',
      `${pem('a')}-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----`,
      'private key',
    ],
    ['base64 of something else', pem('a').replace('MA', 'AA'), 'number 1'],
    ['a wrong length', `${pem('a')}${pem('abc').replace('MAN', 'MAR')}`, 'number 2'],
    ['no base64', pem('a').replace('M', '!'), 'number 1'],
    ['a cut end', pem('a').slice(0, -12), 'cut off'],
    ['a second one that is cut off', pem('a') + pem('b').slice(0, 40), 'cut off'],
    ['far too many', pem('a').repeat(501), 'more than 500'],
  ])('refuses %s', (_, text, words) => {
    const parsed = parseCaBundle(text);
    expect(parsed.ok ? 'accepted' : parsed.error).toContain(words);
  });

  it('accepts the lengths that DER can say', () => {
    for (const size of [1, 127, 128, 255, 256, 3000]) {
      const bytes = Buffer.alloc(size, 1);
      const length =
        size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, Math.floor(size / 256), size % 256];
      const der = Buffer.concat([Buffer.from([0x30, ...length]), bytes]);
      const text = `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
      expect(parseCaBundle(text)).toEqual({ ok: true, value: text });
    }
  });
});
