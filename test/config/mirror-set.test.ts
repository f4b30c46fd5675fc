import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMirrorSet } from '../../src/config/mirror-set.ts';
import { specSchema } from '../../src/config/mirror-set-schema.ts';
import type { MirrorSetSpec } from '../../src/domain/mirror-set-object.ts';
import { printProblem } from '../../src/domain/problem.ts';
import type { Problem } from '../../src/domain/problem.ts';
import { RIGHT, WRONG, manifest, spec } from './mirror-set-examples.ts';

const ORIGIN = 'mirrors.yaml (document 2)';

function problemsOf(value: unknown): readonly Problem[] {
  const parsed = parseMirrorSet(value, ORIGIN);
  return parsed.ok ? [] : parsed.error;
}

function parse(value: unknown) {
  const parsed = parseMirrorSet(value, ORIGIN);
  if (!parsed.ok) throw new Error(parsed.error.map(printProblem).join('\n'));
  return parsed.value;
}

describe('parseMirrorSet', () => {
  it.each(Object.keys(RIGHT))('accepts %s', (name) => {
    expect(problemsOf(RIGHT[name])).toEqual([]);
  });

  it.each(Object.keys(WRONG))('says every problem of %s', (name) => {
    const { object, problems } = WRONG[name]!;
    const found = problemsOf(object).map(({ path, code }) => `${path} ${code}`);
    const wanted = problems.map(([path, code]) => `${path === '' ? ORIGIN : `${ORIGIN} ${path}`} ${code}`);
    expect(found.sort()).toEqual([...wanted].sort());
  });

  it.each(Object.keys(WRONG))('says what is wrong and what to do, in one line each: %s', (name) => {
    for (const problem of problemsOf(WRONG[name]!.object)) {
      for (const text of [problem.message, problem.fix]) {
        expect(text).toMatch(/^\S.{4,}[^.\s]$/u);
        expect(text).not.toMatch(/undefined|\[object|Invalid input|NaN/u);
        expect(text.length).toBeLessThan(250);
      }
    }
  });

  it('fills in every default', () => {
    expect(parse(RIGHT['the smallest one'])).toEqual({
      name: 'ocir',
      generation: 0,
      createdAt: undefined,
      origin: ORIGIN,
      spec: {
        upstream: { prefix: 'docker.io', caBundle: {}, canary: '' },
        mirrors: [
          {
            endpoint: 'mirror.example',
            credential: { source: 'None' },
            caBundle: {},
            trustedByNodes: false,
            mayReceiveUpstreamCredential: false,
          },
        ],
        failover: {
          mode: 'Rewrite',
          on: ['Unreachable', 'Failing', 'Throttled', 'Missing'],
          digestPolicy: 'Prefer',
          rescue: true,
        },
        nodes: { enabled: false, selector: {}, credentials: 'None', wholeHost: false },
      },
    });
  });

  it('takes generation and age from an exported object', () => {
    const exported = parse(RIGHT['an object exported from a cluster']);
    expect(exported).toMatchObject({ generation: 3, createdAt: '2026-05-01T10:00:00Z' });
  });

  it('keeps what was written', () => {
    const written = RIGHT['every field written out'];
    expect(parse(written).spec).toMatchObject((written as { spec: object }).spec);
  });

  it.each([
    ['a slip', { upstrem: {} }, 'spec.upstrem', 'Write upstream'],
    ['letter case', { Mirrors: [] }, 'spec.Mirrors', 'Write mirrors'],
    ['separators', { 'namespace-selector': {} }, 'spec["namespace-selector"]', 'Write namespaceSelector'],
    ['a wrong place', { canary: '' }, 'spec.canary', 'Move it to spec.upstream.canary'],
    [
      'a wrong place with two right ones',
      { credential: {} },
      'spec.credential',
      'Move it to spec.upstream.credential or spec.mirrors[].credential',
    ],
    [
      'a word nobody knows',
      { zzz: 1 },
      'spec.zzz',
      'Remove it: the fields here are namespaceSelector, upstream, mirrors, failover, nodes',
    ],
    ['a key of another kind', JSON.parse('{"__proto__": 1}'), 'spec.__proto__', 'Remove it: the fields here'],
  ])('says what an unknown field was meant to be: %s', (_, extra, path, fix) => {
    const body = Object.assign(Object.create(null), spec()) as Record<string, unknown>;
    for (const key of Object.keys(extra as object))
      Object.defineProperty(body, key, { value: (extra as Record<string, unknown>)[key], enumerable: true });
    const [problem] = problemsOf(manifest(body));
    expect(problem).toMatchObject({ path: `${ORIGIN} ${path}`, code: 'UnknownField' });
    expect(problem?.fix).toContain(fix);
  });

  it('quotes at most a piece of a long text', () => {
    const [problem] = problemsOf(manifest(spec({ failover: { mode: 'x'.repeat(10_000) } })));
    expect(problem?.message.length).toBeLessThan(200);
  });

  it('never throws, whatever the object is', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.jsonValue({ maxDepth: 4 }), (whole, part) => {
        parseMirrorSet(whole, ORIGIN);
        parseMirrorSet(manifest(part as Record<string, unknown>), ORIGIN);
        parseMirrorSet(manifest(spec({ upstream: part, mirrors: [part], nodes: part })), ORIGIN);
      }),
      { numRuns: 300 },
    );
  });

  it('finds a mistake anywhere beside all the others', () => {
    const mistakes: readonly (readonly [Record<string, unknown>, string])[] = [
      [{ namespaceSelector: 3 }, 'spec.namespaceSelector'],
      [{ upstream: { prefix: '://' } }, 'spec.upstream.prefix'],
      [{ mirrors: [{ endpoint: 'a.example', credential: {} }] }, 'spec.mirrors[0].credential.source'],
      [{ failover: { on: 'Slow' } }, 'spec.failover.on'],
      [{ nodes: { wholeHost: 'x' } }, 'spec.nodes.wholeHost'],
    ];
    fc.assert(
      fc.property(fc.subarray([...mistakes], { minLength: 1 }), (chosen) => {
        const body = spec(Object.assign({}, ...chosen.map(([change]) => change)) as Record<string, unknown>);
        const paths = problemsOf(manifest(body)).map((problem) => problem.path);
        expect(paths.sort()).toEqual(chosen.map(([, path]) => `${ORIGIN} ${path}`).sort());
      }),
    );
  });
});

describe('specSchema', () => {
  it('has exactly the fields of the domain type', () => {
    type Output = ReturnType<typeof specSchema.parse>;
    // Both ways: the schema alone may not know a field, and neither may the type.
    const toDomain = (value: Output): MirrorSetSpec => value;
    const keys: Record<keyof MirrorSetSpec, true> & Record<keyof Output, true> = {
      namespaceSelector: true,
      upstream: true,
      mirrors: true,
      failover: true,
      nodes: true,
    };
    const nested = {
      upstream: ['prefix', 'credential', 'caBundle', 'canary'] satisfies (keyof MirrorSetSpec['upstream'])[],
      failover: ['mode', 'on', 'digestPolicy', 'rescue'] satisfies (keyof MirrorSetSpec['failover'])[],
      nodes: ['enabled', 'selector', 'credentials', 'wholeHost'] satisfies (keyof MirrorSetSpec['nodes'])[],
    };
    const whole = toDomain(specSchema.parse(RIGHT['every field written out']!['spec']));
    expect(Object.keys(whole).sort()).toEqual(Object.keys(keys).sort());
    expect(Object.keys(whole.upstream).sort()).toEqual([...nested.upstream].sort());
    expect(Object.keys(whole.failover).sort()).toEqual([...nested.failover].sort());
    expect(Object.keys(whole.nodes).sort()).toEqual([...nested.nodes].sort());
  });
});
