// NodeMirrorState: schema, CRD and the API server's own code agree on every example.
import { describe, expect, it } from 'vitest';
import { crds } from '../../deploy/crd.ts';
import { nodeSpecSchema, type wantedSchema } from '../../src/config/node-mirror-state-schema.ts';
import { nodeStatusSchema } from '../../src/config/node-mirror-state-status.ts';
import { WANTED_BOUNDS } from '../../src/domain/node-bounds.ts';
import { parseNodeWanted } from '../../src/nodes/data/wanted-parse.ts';
import { LEFT_OUT_REASONS } from '../../src/nodes/node-file.ts';
import { RUNTIMES, WANTED_VERSION } from '../../src/nodes/data/wanted.ts';
import type { NodeWanted } from '../../src/nodes/data/wanted.ts';
import type { z } from 'zod';
import { host, RIGHT, state, WRONG } from './node-mirror-state-examples.ts';
import { oracleDigest, readVerdicts } from './oracle/verdicts.ts';
import { compile, findStructuralProblems } from './structural-schema.ts';
import type { Schema } from './structural-schema.ts';

interface Crd {
  readonly metadata: { readonly name: string; readonly annotations: Record<string, string> };
  readonly spec: {
    readonly scope: string;
    readonly names: { readonly shortNames: readonly string[] };
    readonly versions: readonly {
      readonly subresources: unknown;
      readonly additionalPrinterColumns: readonly { readonly name: string; readonly priority?: number }[];
      readonly schema: { readonly openAPIV3Schema: Schema };
    }[];
  };
}

const crd = JSON.parse(JSON.stringify(crds().NodeMirrorState)) as Crd;
const version = crd.spec.versions[0]!;
const root = version.schema.openAPIV3Schema;
const properties = root['properties'] as Record<string, Schema>;
const verdicts = readVerdicts('NodeMirrorState');

const specOf = (object: Readonly<Record<string, unknown>>): unknown => object['spec'];
const wrongBy = (by: 'schema' | 'cel'): string[] =>
  Object.keys(WRONG).filter((name) => WRONG[name]!.by === by);

describe('the CRD of NodeMirrorState', () => {
  it('is one object per node in a namespace, and shows whether it works', () => {
    expect(crd.metadata.name).toBe('nodemirrorstates.registry-failover.io');
    expect(crd.metadata.annotations['helm.sh/resource-policy']).toBe('keep');
    expect(crd.spec.scope).toBe('Namespaced');
    expect(crd.spec.names.shortNames).toEqual(['nms']);
    expect(version.subresources).toEqual({ status: {} });
    const headings = (priority: number): string[] =>
      version.additionalPrinterColumns
        .filter((column) => (column.priority ?? 0) === priority)
        .map((column) => column.name.toUpperCase());
    expect(headings(0)).toEqual(['RUNTIME', 'WANTED', 'OBSERVED', 'STATE', 'AGE']);
    expect(headings(1)).toEqual(['VERSION', 'ACTION', 'MESSAGE']);
  });

  it('has structural schemas with bounds and descriptions everywhere', () => {
    expect(findStructuralProblems(properties['spec']!, 'spec')).toEqual([]);
    expect(findStructuralProblems(properties['status']!, 'status')).toEqual([]);
  });

  it('has no default: an agent reads what somebody wrote', () => {
    expect(JSON.stringify(properties['spec'])).not.toContain('"default"');
  });

  it('describes the data that is rendered', () => {
    // Both directions: a field that one of them lacks is an error of the type check.
    const there: NodeWanted = {} as z.output<typeof wantedSchema>;
    const back: DeepReadonly<z.input<typeof wantedSchema>> = {} as NodeWanted;
    expect([there, back]).toHaveLength(2);
    const accepts = compile(root);
    for (const name of RUNTIMES) expect(accepts(state({ runtime: { name, version: '1.0.0' } }))).toBe(true);
    expect(accepts(state({ version: WANTED_VERSION }))).toBe(true);
  });

  it('holds as many hosts as its bounds say', () => {
    const hosts = (count: number): unknown[] =>
      Array.from({ length: count }, (_, index) => host(`h${index}.example`, ['m.example']));
    const accepts = compile(root);
    expect(accepts(state({ hosts: hosts(WANTED_BOUNDS.hosts) }))).toBe(true);
    expect(accepts(state({ hosts: hosts(WANTED_BOUNDS.hosts + 1) }))).toBe(false);
  });

  it('describes the status that an agent writes', () => {
    const status = {
      observedGeneration: 2,
      observedRevision: '0123456789abcdef',
      state: 'UpToDate',
      message: '',
      order: [{ prefix: 'fra.ocir.io', first: 'ams.ocir.io' }],
      runtime: { name: 'crio', version: '1.34.0' },
      files: [
        { path: '/etc/containers/registries.conf.d/90-registry-failover.conf', sha256: 'a'.repeat(64) },
      ],
      conflicts: [{ path: '/etc/containerd/certs.d/a/hosts.toml', reason: 'Foreign', message: 'it is' }],
      leftOut: LEFT_OUT_REASONS.map((reason) => ({
        set: 'fra',
        prefix: 'fra.ocir.io',
        endpoint: 'ams.ocir.io',
        reason,
        message: 'so',
      })),
      findings: [{ code: 'X', severity: 'info', message: 'm', fix: 'f' }],
      agentVersion: '0.1.0',
      updatedAt: '2026-05-01T10:00:00Z',
    };
    expect(nodeStatusSchema.parse(status)).toEqual(status);
    const accepts = compile(properties['status']!);
    expect(accepts(status)).toBe(true);
    expect(accepts({ ...status, state: 'Fine' })).toBe(false);
    expect(accepts({ ...status, files: [{ path: '' }] })).toBe(false);
  });
});

type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

describe('the schema and the CRD', () => {
  const accepts = compile(root);

  it.each(Object.keys(RIGHT))('both accept %s', (name) => {
    expect(nodeSpecSchema.safeParse(specOf(RIGHT[name]!)).error?.issues).toBeUndefined();
    expect(accepts(RIGHT[name])).toBe(true);
  });

  it.each(wrongBy('schema'))('both refuse %s', (name) => {
    expect(nodeSpecSchema.safeParse(specOf(WRONG[name]!.object)).success).toBe(false);
    expect(accepts(WRONG[name]!.object)).toBe(false);
  });

  it.each(wrongBy('cel'))('the shape alone does not refuse %s, a rule does', (name) => {
    const { object, code } = WRONG[name]!;
    expect(accepts(object)).toBe(true);
    const issues = nodeSpecSchema.safeParse(specOf(object)).error?.issues ?? [];
    const codes = issues.map((issue) =>
      issue.code === 'custom' ? (issue.params?.['code'] as unknown) : issue.code,
    );
    expect(codes).toContain(code);
  });
});

describe("the agent's own check, which knows no schema", () => {
  const check = (object: Readonly<Record<string, unknown>>) =>
    parseNodeWanted((specOf(object) as { wanted: unknown }).wanted, { allowedEndpoints: [] });

  it.each(Object.keys(RIGHT))('accepts %s and reads the same', (name) => {
    const parsed = check(RIGHT[name]!);
    expect(parsed).toEqual({ ok: true, value: nodeSpecSchema.parse(specOf(RIGHT[name]!)).wanted });
  });

  it.each(Object.keys(WRONG))('refuses %s', (name) => {
    const { object, code } = WRONG[name]!;
    const parsed = check(object);
    expect(parsed.ok).toBe(false);
    if (!parsed.ok && code !== undefined) expect(parsed.error.map((problem) => problem.code)).toContain(code);
  });
});

describe("the API server's own verdict", () => {
  it('is about the present CRD and examples', () => {
    expect(verdicts.digest, 'run: node test/config/oracle/make.ts (it needs Go)').toBe(
      oracleDigest('NodeMirrorState'),
    );
  });

  it('is that the CRD is valid and its CEL cheap enough', () => {
    expect(verdicts.crd).toEqual([]);
  });

  it.each(Object.keys(RIGHT))('is to store %s as it is', (name) => {
    expect(verdicts.objects[name]).toEqual({});
  });

  it.each(Object.keys(WRONG))('is to refuse %s', (name) => {
    const { schema = [], cel = [] } = verdicts.objects[name]!;
    const by = WRONG[name]!.by;
    expect(by === 'schema' ? schema : cel).not.toEqual([]);
    if (by === 'cel') expect(schema).toEqual([]);
    if (by === 'cel')
      for (const text of cel) expect(text).not.toMatch(/no such key|evaluating rule|failed rule/u);
  });
});
