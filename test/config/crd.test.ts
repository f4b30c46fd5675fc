import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { crds, renderCrds } from '../../deploy/crd.ts';
import { parseMirrorSet } from '../../src/config/mirror-set.ts';
import { statusSchema } from '../../src/config/mirror-set-status.ts';
import { RIGHT, WRONG, manifest, spec } from './mirror-set-examples.ts';
import { oracleDigest, readVerdicts } from './oracle/verdicts.ts';
import { compile, findStructuralProblems } from './structural-schema.ts';
import type { Schema } from './structural-schema.ts';

interface Crd {
  readonly metadata: { readonly name: string; readonly annotations: Record<string, string> };
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: { readonly plural: string; readonly shortNames: readonly string[] };
    readonly versions: readonly {
      readonly name: string;
      readonly subresources: unknown;
      readonly additionalPrinterColumns: readonly {
        readonly name: string;
        readonly jsonPath: string;
        readonly priority?: number;
      }[];
      readonly schema: { readonly openAPIV3Schema: Schema };
    }[];
  };
}

const [rendered, nodeRendered] = parseAllDocuments(renderCrds(), { version: '1.1' }).map((document) =>
  (document as { toJS(): unknown }).toJS(),
) as [Crd, Crd];
const version = rendered.spec.versions[0]!;
const root = version.schema.openAPIV3Schema;
const properties = root['properties'] as Record<string, Schema>;

/** As the API server does before it looks at the schema. */
function withoutNulls(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, child: unknown) =>
    child === null ? undefined : child,
  ) as unknown;
}

describe('renderCrds', () => {
  it('prints what crds() says', () => {
    const objects = JSON.parse(JSON.stringify(Object.values(crds()))) as unknown;
    expect([rendered, nodeRendered]).toEqual(objects);
  });

  it('names the resource as documented', () => {
    expect(rendered.metadata.name).toBe('registrymirrorsets.registry-failover.io');
    expect(rendered.metadata.annotations['helm.sh/resource-policy']).toBe('keep');
    expect(rendered.spec.scope).toBe('Cluster');
    expect(rendered.spec.names.shortNames).toEqual(['rms']);
    expect(version.subresources).toEqual({ status: {} });
    const headings = (priority: number): string[] =>
      version.additionalPrinterColumns
        .filter((column) => (column.priority ?? 0) === priority)
        .map((column) => column.name.toUpperCase());
    expect(headings(0)).toEqual(['UPSTREAM', 'UP', 'CREDENTIALS', 'NODES', 'AGE']);
    expect(headings(1)).toEqual(['VALID', 'ADMISSION', 'ON MIRRORS']);
  });

  it('has structural schemas with bounds and descriptions everywhere', () => {
    expect(findStructuralProblems(properties['spec']!, 'spec')).toEqual([]);
    expect(findStructuralProblems(properties['status']!, 'status')).toEqual([]);
    // Of metadata a CRD may restrict nothing but the name.
    expect(properties['metadata']).toEqual({ type: 'object' });
  });

  it.each<[string, Schema]>([
    ['no type', { properties: {} }],
    ['a closed object', { type: 'object', properties: {}, additionalProperties: false }],
    ['a union', { type: 'object', properties: {}, oneOf: [] }],
    ['an unbounded list', { type: 'array', items: { type: 'boolean' }, 'x-kubernetes-list-type': 'atomic' }],
    ['an unbounded text', { type: 'string' }],
    ['a default of another type', { type: 'boolean', default: 'x' }],
    [
      'an optional key',
      {
        type: 'array',
        maxItems: 1,
        items: { type: 'object', properties: {} },
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['a'],
      },
    ],
    [
      'a rule about no field',
      { type: 'object', 'x-kubernetes-validations': [{ rule: 'x', message: 'x', fieldPath: '.a' }] },
    ],
  ])('is checked by a checker that finds %s', (_, schema) => {
    expect(findStructuralProblems(schema, 'x')).not.toEqual([]);
  });

  it('describes the status that the controller writes', () => {
    const status = {
      observedGeneration: 2,
      conditions: [
        {
          type: 'Valid',
          status: 'False',
          reason: 'PrefixTaken',
          message: 'another set has it',
          lastTransitionTime: '2026-05-01T10:00:00Z',
        },
      ],
      endpoints: [
        { endpoint: 'fra.ocir.io', health: 'down', since: '2026-05-01T10:00:00Z', reason: 'refused' },
      ],
      namespaces: 2,
      derivedSecrets: 3,
      podsOnMirrors: 4,
      refused: [{ namespace: 'shop', secret: 'registry-failover-from-x', endpoint: 'ams.ocir.io' }],
      nodes: { matched: 3, upToDate: 2, failed: 1 },
    };
    expect(statusSchema.parse(status)).toEqual(status);
    expect(compile(properties['status']!)(status)).toBe(true);
    expect(compile(properties['status']!)({ ...status, nodes: { failed: -1 } })).toBe(false);
  });
});

describe('the CRD and the schema for files', () => {
  const accepts = compile(root);

  it.each(Object.keys(RIGHT))('both accept %s', (name) => {
    expect(parseMirrorSet(RIGHT[name], 'x').ok).toBe(true);
    expect(accepts(withoutNulls(RIGHT[name]))).toBe(true);
  });

  it.each(Object.keys(WRONG).filter((name) => WRONG[name]!.by === 'schema'))('both refuse %s', (name) => {
    // A list-type set is no keyword that ajv knows.
    if (name === 'a trigger twice') return;
    expect(accepts(withoutNulls(WRONG[name]!.object))).toBe(false);
  });

  it.each(Object.keys(WRONG).filter((name) => WRONG[name]!.by === 'cel'))(
    'the shape alone does not refuse %s',
    (name) => {
      expect(accepts(withoutNulls(WRONG[name]!.object))).toBe(true);
    },
  );

  it('fill in the same defaults', () => {
    const parsed = parseMirrorSet(manifest(spec()), 'x');
    if (!parsed.ok) throw new Error('the example is invalid');
    const defaulted = fillDefaults(properties['spec']!, withoutNulls(spec()));
    expect(parsed.value.spec).toEqual(defaulted);
  });
});

/** Defaulting as the API server does it: top down, into what a default has put there too. */
function fillDefaults(schema: Schema, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => fillDefaults(schema['items'] as Schema, item));
  if (typeof value !== 'object' || value === null) return value;
  const result: Record<string, unknown> = { ...value };
  for (const [key, child] of Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)) {
    if (result[key] === undefined && 'default' in child) result[key] = child['default'];
    if (result[key] !== undefined) result[key] = fillDefaults(child, result[key]);
  }
  return result;
}

// Frozen answers of the API server's own code: nothing else here can evaluate CEL, or estimate its cost.
describe("the API server's own verdict", () => {
  const verdicts = readVerdicts('RegistryMirrorSet');

  it('is about the present CRD and examples', () => {
    expect(verdicts.digest, 'run: node test/config/oracle/make.ts (it needs Go)').toBe(
      oracleDigest('RegistryMirrorSet'),
    );
  });

  it('is that the CRD is valid and its CEL cheap enough', () => {
    expect(verdicts.crd).toEqual([]);
  });

  it.each(Object.keys(RIGHT))('is to store %s as it is', (name) => {
    const { apiServer = [], pruned = [], schema = [], cel = [] } = verdicts.objects[name]!;
    expect([...apiServer, ...pruned, ...schema, ...cel]).toEqual([]);
  });

  it.each(Object.keys(WRONG))('is to refuse %s, or to drop what is unknown', (name) => {
    const { apiServer, pruned, schema, cel } = verdicts.objects[name]!;
    const found = { 'api-server': apiServer, files: pruned, schema, cel }[WRONG[name]!.by];
    expect(found ?? []).not.toEqual([]);
  });

  it.each(Object.keys(WRONG).filter((name) => WRONG[name]!.by === 'cel'))(
    'comes from a CEL rule alone, with words of ours: %s',
    (name) => {
      const { schema = [], cel = [] } = verdicts.objects[name]!;
      expect(schema).toEqual([]);
      for (const text of cel) expect(text).not.toMatch(/no such key|evaluating rule|failed rule/u);
    },
  );
});
