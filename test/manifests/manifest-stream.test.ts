import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { printProblem } from '../../src/domain/problem.ts';
import { collectObjects } from '../../src/manifests/manifest-entry.ts';
import { parseManifestStream } from '../../src/manifests/manifest-stream.ts';
import { OPTIONS, mirrorSet } from './folder.ts';

function read(text: string) {
  return parseManifestStream(text, 'dir/a.yaml', OPTIONS);
}

function objects(text: string) {
  const reading = read(text);
  expect(reading.problems).toEqual([]);
  expect(reading.refusals).toEqual([]);
  return collectObjects(reading.entries);
}

function problems(text: string): string[] {
  const reading = read(text);
  return [...reading.problems, ...reading.refusals.flatMap((refusal) => refusal.problems)].map(
    ({ path, code }) => `${path} ${code}`,
  );
}

describe('parseManifestStream', () => {
  it('reads the four kinds from one stream', () => {
    const found = objects(`${mirrorSet('ocir')}---
apiVersion: v1
kind: Secret
metadata: { name: dc1, namespace: other }
type: kubernetes.io/dockerconfigjson
data: { .dockerconfigjson: e30= }
---
# nothing but a comment
---
{ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "ca" }, "data": { "ca.crt": "PEM" } }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { registry-failover.io/enabled: "true" } }
`);
    expect(found.mirrorSets).toMatchObject([{ name: 'ocir', origin: 'dir/a.yaml (document 1)' }]);
    expect(found.secrets).toEqual([
      {
        namespace: 'other',
        name: 'dc1',
        type: 'kubernetes.io/dockerconfigjson',
        data: { '.dockerconfigjson': 'e30=' },
      },
    ]);
    expect(found.configMaps).toEqual([
      { namespace: 'registry-failover', name: 'ca', data: { 'ca.crt': 'PEM' } },
    ]);
    expect(found.namespaces).toEqual([{ name: 'shop', labels: { 'registry-failover.io/enabled': 'true' } }]);
  });

  it('reads what kubectl get -o yaml prints', () => {
    const list = { apiVersion: 'v1', kind: 'List', items: [] as unknown[] };
    list.items.push({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a', labels: null } });
    list.items.push({ apiVersion: 'v1', kind: 'Namespace', metadata: {} });
    const reading = read(stringify(list));
    expect(collectObjects(reading.entries).namespaces).toEqual([{ name: 'a', labels: {} }]);
    expect(problems(stringify(list))).toEqual(['dir/a.yaml (item 2) metadata.name Required']);
    expect(problems(`---\n---\n${stringify(list)}`)).toEqual([
      'dir/a.yaml (document 2, item 2) metadata.name Required',
    ]);
  });

  it('encodes stringData over data', () => {
    const { secrets } = objects(`apiVersion: v1
kind: Secret
metadata: { name: s }
data: { a: eA==, b: eA== }
stringData: { b: "ü", c: "" }
`);
    expect(secrets).toMatchObject([{ type: 'Opaque', data: { a: 'eA==', b: 'w7w=', c: '' } }]);
  });

  it('passes over other kinds with a note', () => {
    const reading = read(`apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
---
apiVersion: other.io/v1
kind: Namespace
`);
    expect(reading.entries).toEqual([]);
    expect(reading.ignored).toEqual([
      'dir/a.yaml (document 1): apps/v1 Deployment web',
      'dir/a.yaml (document 2): other.io/v1 Namespace',
    ]);
  });

  it('lets an invalid object be, and knows which one it was meant to be', () => {
    const reading = read(`${mirrorSet('one', 'a b')}---\n${mirrorSet('two')}`);
    expect(reading.entries.map((entry) => entry.key)).toEqual(['RegistryMirrorSet two']);
    expect(reading.refusals).toMatchObject([
      { key: 'RegistryMirrorSet one', origin: 'dir/a.yaml (document 1)' },
    ]);
    expect(reading.refusals[0]?.problems).toMatchObject([
      { path: 'dir/a.yaml (document 1) spec.mirrors[0].endpoint', code: 'InvalidEndpoint' },
    ]);
  });

  it.each([
    ['a text', 'hello', 'dir/a.yaml NotAManifest'],
    ['a list', '- a', 'dir/a.yaml NotAManifest'],
    ['no kind', 'apiVersion: v1', 'dir/a.yaml NotAManifest'],
    ['no apiVersion', 'kind: Secret', 'dir/a.yaml NotAManifest'],
    [
      'a misspelt kind',
      mirrorSet('a').replace('RegistryMirrorSet', 'RegistryMirorSet'),
      'dir/a.yaml kind UnknownValue',
    ],
    ['another version', mirrorSet('a').replace('v1alpha1', 'v1'), 'dir/a.yaml apiVersion UnknownValue'],
    [
      'a name that is a number',
      'apiVersion: v1\nkind: Secret\nmetadata: { name: 7 }',
      'dir/a.yaml metadata.name Required',
    ],
    [
      'data that is no base64',
      'apiVersion: v1\nkind: Secret\nmetadata: { name: a }\ndata: { k: "hunter2!" }',
      'dir/a.yaml data["k"] InvalidSecret',
    ],
    [
      'data that is no text',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { k: 7 }',
      'dir/a.yaml data["k"] WrongType',
    ],
    [
      'labels that are no map',
      'apiVersion: v1\nkind: Namespace\nmetadata: { name: a, labels: x }',
      'dir/a.yaml metadata.labels WrongType',
    ],
  ])('refuses %s', (_, text, problem) => {
    expect(problems(text)).toEqual([problem]);
    expect(read(text).isBroken).toBe(false);
  });

  it.each([
    ['an open bracket', 'a:\n  - [1', 'line 2, column 7', 'bracket'],
    ['a tab', 'a:\n\t- 1', 'line 2, column 1', 'tab'],
    ['a key twice', 'a: 1\nb:\n  c: 1\n  c: 2', 'line 4, column 3', 'twice'],
    ['two colons', 'a: b: c', 'line 1, column 4', 'second'],
    ['an open quote', 'a: "hunter2', 'line 1, column 12', 'quote'],
    ['a text among keys', 'a: 1\nhunter2\nb: 2', 'line 2, column 1', 'colon'],
    ['far too many brackets', '['.repeat(20_000), 'line 1, column', 'YAML'],
    ['nesting', `${'['.repeat(70)}${']'.repeat(70)}`, 'line 1, column', 'nested'],
  ])('says where a stream is no YAML, and never what is there: %s', (_, text, place, words) => {
    const reading = read(text);
    expect(reading).toMatchObject({ isBroken: true, entries: [], problems: [{ code: 'InvalidYaml' }] });
    const said = printProblem(reading.problems[0]!);
    expect(said).toContain(`dir/a.yaml (${place}`);
    expect(said).toContain(words);
    expect(said).not.toContain('hunter2');
  });

  it('says what is wrong in each document', () => {
    expect(problems('a: [\n---\nb: 1\n---\nc: {\n')).toEqual([
      'dir/a.yaml (line 2, column 1) InvalidYaml',
      'dir/a.yaml (line 6, column 1) InvalidYaml',
    ]);
  });

  it('does not expand aliases without end', () => {
    const levels = Array.from({ length: 9 }, (_, index) => {
      const below = index === 0 ? 'x' : `*l${index - 1}`;
      return `l${index}: &l${index} [${Array.from({ length: 10 }, () => below).join(', ')}]`;
    });
    expect(problems(levels.join('\n'))).toEqual(['dir/a.yaml InvalidAlias']);
    expect(problems('a: *nobody')).toEqual(['dir/a.yaml InvalidAlias']);
    expect(
      objects(mirrorSet('a').replace('{ prefix: a.example }', '&u { prefix: a.example }')).mirrorSets,
    ).toHaveLength(1);
  });

  it('takes time in proportion to the keys', () => {
    // The parser's own check for equal keys takes 14 s here, without it 0.5 s.
    const data = Array.from({ length: 40_000 }, (_, index) => `  k${index}: x`).join('\n');
    const found = objects(`apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n${data}\n`);
    expect(Object.keys(found.configMaps[0]!.data)).toHaveLength(40_000);
  }, 10_000);

  it('reads a field named on as it is written', () => {
    const text = mirrorSet('a').replace('spec:', 'spec:\n  failover: { on: [Slow] }');
    expect(objects(text).mirrorSets[0]?.spec.failover.on).toEqual(['Slow']);
  });

  it('never throws, whatever the text is', () => {
    const pieces = [
      'a: ',
      '- ',
      '\n',
      '  ',
      '---\n',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '&a ',
      '*a',
      '!!x ',
      '|',
      '? ',
      '<<: ',
    ];
    const manifests = [
      'kind: List\n',
      'items:\n',
      'apiVersion: v1\n',
      'kind: Secret\n',
      'metadata: ',
      '%Y\n',
      '\ufeff',
    ];
    const piece = fc.constantFrom(...pieces, ...manifests, '\u0000', '#');
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 30 }), (pieces) => {
        read(pieces.join(''));
      }),
      { numRuns: 500 },
    );
  });

  it('reads any objects back as they were, in YAML and in JSON', () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/);
    const texts = fc.dictionary(fc.stringMatching(/^[a-z.]{1,8}$/), fc.string({ unit: 'grapheme' }), {
      maxKeys: 4,
    });
    fc.assert(
      fc.property(name, texts, fc.boolean(), (key, data, isJson) => {
        const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: key }, data };
        const text = isJson ? JSON.stringify(object) : stringify(object);
        expect(objects(text).configMaps).toEqual([
          { namespace: 'registry-failover', name: key, data: { ...data } },
        ]);
      }),
      { numRuns: 200 },
    );
  });
});
