// The audit line: its schema holds every record that the real admission path makes, and its document tells the truth.
import { spawnSync } from 'node:child_process';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answer } from '../../src/domain/answer.ts';
import type { AuditRecord } from '../../src/domain/audit-record.ts';
import { DIGEST_POLICIES, FAILOVER_MODES, FAILOVER_TRIGGERS } from '../../src/domain/mirror-set.ts';
import type { HealthStatus } from '../../src/domain/health.ts';
import type { FailoverMode, Mirror, MirrorSet } from '../../src/domain/mirror-set.ts';
import { OUTCOMES } from '../../src/domain/outcome.ts';
import { DECISION_ANNOTATION, SKIP_ANNOTATION } from '../../src/domain/pod.ts';
import { BACK_REASONS, KEEP_REASONS, REWRITE_REASONS, sentenceOf } from '../../src/domain/reason.ts';
import { makeAdmission, makeRequest } from '../support/admission.ts';
import { makeAnswer, makeMirror, makePod, makeSecret, makeSet } from '../support/make.ts';
import { plain, readFences, readTable, readText } from './documents.ts';

interface Schema {
  readonly properties: Record<string, { readonly enum?: readonly string[] }>;
  readonly $defs: {
    readonly candidate: { readonly properties: Record<string, { readonly enum?: readonly string[] }> };
    readonly rewriteReason: { readonly enum: readonly string[] };
  };
}

const schema = JSON.parse(readText('docs/audit.schema.json')) as Schema & Record<string, unknown>;
const ajv = new Ajv2020({
  allErrors: true,
  strict: true,
  strictRequired: false,
  formats: { 'date-time': true },
});
const validate = ajv.compile(schema);
const document = readText('docs/audit.md');

const IMAGE = 'fra.ocir.io/shop/web:1.4';
const AT_AMS = 'ams.ocir.io/shop/web:1.4';
const DIGEST = `sha256:${'4f'.repeat(32)}`;
const ALL_REASONS = [...new Set([...KEEP_REASONS, ...REWRITE_REASONS, ...BACK_REASONS])];

/** What is wrong with a line, by the schema; as an admission writes it, that is after JSON. */
function problemsOf(record: unknown): string[] {
  if (validate(JSON.parse(JSON.stringify(record)))) return [];
  return (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message ?? ''}`);
}

function dockerConfig(name: string, host: string) {
  const text = JSON.stringify({ auths: { [host]: { username: 'robot', password: 'not-to-be-seen' } } });
  const data = { '.dockerconfigjson': Buffer.from(text).toString('base64') };
  return { namespace: 'shop', name, type: 'kubernetes.io/dockerconfigjson', data };
}

/** What the example lines of the document are made from. */
interface Story {
  readonly set?: Partial<MirrorSet>;
  readonly upstream: Answer;
  readonly mirror?: Answer;
  readonly digest?: string;
  readonly image?: string;
  readonly annotations?: Record<string, string>;
  /** The pod's pull secret is not among the declarations: what the health of both endpoints says stands for answers. */
  readonly unread?: true;
}

/** What the prober says of an endpoint by its health alone. */
function healthAnswer(outcome: Answer['outcome'], detail?: string): Answer {
  const endpointWide = outcome !== 'available';
  const told = detail === undefined ? {} : { detail };
  return makeAnswer(outcome, { unread: true, fromMemory: true, endpointWide, ms: 0, ...told });
}

const STORIES: Readonly<Record<string, Story>> = {
  keep: { upstream: makeAnswer('available', { ms: 41.26, digest: DIGEST }) },
  rewrite: {
    upstream: makeAnswer('unreachable', {
      detail: 'fra.ocir.io: no TCP connection to fra.ocir.io within 1000 ms',
      ms: 1001.4,
    }),
    mirror: makeAnswer('available', { ms: 38.9, digest: DIGEST }),
    digest: DIGEST,
  },
  observe: {
    set: { mode: 'Observe' },
    upstream: makeAnswer('throttled', {
      detail: 'fra.ocir.io answered 429: TOOMANYREQUESTS: slow down',
      ms: 12,
    }),
    mirror: makeAnswer('available', { ms: 40.1, digest: DIGEST }),
  },
  back: {
    upstream: makeAnswer('available', { ms: 45, digest: DIGEST }),
    image: AT_AMS,
    annotations: {
      [DECISION_ANNOTATION]: JSON.stringify({ v: 1, slots: { 'containers/c0': { image: IMAGE } } }),
    },
  },
  unread: {
    unread: true,
    upstream: healthAnswer('unreachable', 'fra.ocir.io: connection refused (192.0.2.10:443)'),
    mirror: healthAnswer('available'),
  },
};

/** The first value in most cases, so that what makes a slot uninteresting does not come up in every second one. */
function mostly<T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 5, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
}

async function recordOf(story: Story): Promise<AuditRecord | undefined> {
  const set = makeSet('fra.ocir.io', ['ams.ocir.io'], { name: 'ocir', generation: 3, ...story.set });
  const secrets = story.unread === undefined ? [dockerConfig('fra-pull', 'fra.ocir.io')] : [];
  const bench = makeAdmission([set], { secrets });
  bench.prober.answers.set('fra.ocir.io', story.upstream);
  if (story.mirror !== undefined) bench.prober.answers.set('ams.ocir.io', story.mirror);
  bench.prober.lastDigest = () => story.digest;
  bench.prober.byHealth = ({ host }) => bench.prober.answers.get(host) ?? makeAnswer('slow');
  const pod = makePod([story.image ?? IMAGE], {
    pullSecrets: ['fra-pull'],
    ...(story.annotations === undefined ? {} : { annotations: story.annotations }),
  });
  const verdict = await bench.admission.admit(
    makeRequest(pod, { uid: '6d2f1c1e-0b5e-4f0c-9a53-6f3a2b7f5f10' }),
  );
  expect(verdict.decisions).toHaveLength(1);
  return bench.records[0];
}

/** The example line that follows a marker in the document. */
function exampleOf(name: string): AuditRecord {
  const marker = `<!-- example: ${name} -->`;
  const after = document.slice(document.indexOf(marker));
  const [json = ''] = readFences(after, 'json');
  return JSON.parse(json) as AuditRecord;
}

describe('docs/audit.schema.json', () => {
  it('is a schema of draft 2020-12', () => {
    expect(ajv.validateSchema(schema)).toBe(true);
  });

  it('names the reasons and outcomes that the code has, no more and no fewer', () => {
    expect(schema.properties['reason']?.enum?.toSorted()).toEqual(ALL_REASONS.toSorted());
    expect(schema.$defs.rewriteReason.enum).toEqual(REWRITE_REASONS);
    expect(schema.$defs.candidate.properties['outcome']?.enum).toEqual([...OUTCOMES, 'not-asked']);
  });

  it('holds every record of the real admission path', async () => {
    const answer = fc.record({
      outcome: fc.constantFrom(...OUTCOMES),
      digest: fc.constantFrom(undefined, DIGEST, `sha256:${'00'.repeat(32)}`),
      endpointWide: fc.boolean(),
    });
    const mirror = fc.constantFrom<Mirror>(
      makeMirror('ams.ocir.io'),
      makeMirror('reg.example:5000/ocir', { source: 'None' }),
      makeMirror('node.example', { source: 'Node' }),
      makeMirror('own.example', { source: 'Secret', secret: makeSecret('own', { 'own.example': 'robot' }) }),
      makeMirror('private.example', { trust: { pem: 'x', sha256: 'ab'.repeat(32) } }),
    );
    const set = fc.record({
      mode: mostly<FailoverMode>('Rewrite', ...FAILOVER_MODES),
      on: fc.subarray([...FAILOVER_TRIGGERS], { minLength: 3 }).map((triggers) => new Set(triggers)),
      digestPolicy: fc.constantFrom(...DIGEST_POLICIES),
      mirrors: fc.uniqueArray(mirror, { minLength: 1, maxLength: 3, selector: (one) => one.endpoint.key }),
    });
    const image = mostly(IMAGE, AT_AMS, `fra.ocir.io/x@${DIGEST}`, 'nginx', 'Not//Valid');
    const annotations = mostly<Record<string, string>>(
      {},
      { [SKIP_ANNOTATION]: 'true' },
      { 'kubernetes.io/config.mirror': 'x' },
      { [DECISION_ANNOTATION]: JSON.stringify({ v: 1, slots: { 'containers/c0': { image: IMAGE } } }) },
    );
    const rig = fc.record({
      set,
      answers: fc.array(answer, { minLength: 6, maxLength: 6 }),
      images: fc.array(image, { minLength: 1, maxLength: 3 }),
      annotations,
      pullSecrets: mostly(['fra-pull'], [], ['absent'], ['fra-pull', 'broken']),
      pullPolicy: mostly('IfNotPresent', 'Never'),
      owner: mostly('apps/v1', 'postgresql.cnpg.io/v1'),
      inMemory: fc.boolean(),
      upstreamStatus: fc.constantFrom<HealthStatus>('up', 'down', 'unknown'),
      dryRun: fc.boolean(),
      timeoutMs: mostly(3000, 1000),
    });
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(rig, async (given) => {
        const broken = { ...dockerConfig('broken', 'x'), data: { '.dockerconfigjson': 'e30=e30' } };
        const bench = makeAdmission([makeSet('fra.ocir.io', [], { name: 'ocir', ...given.set })], {
          secrets: [dockerConfig('fra-pull', 'fra.ocir.io'), broken],
        });
        const hosts = ['fra.ocir.io', ...given.set.mirrors.map((one) => one.endpoint.host)];
        hosts.forEach((host, index) => {
          const { outcome = 'slow', digest, endpointWide = false } = given.answers[index] ?? {};
          bench.prober.answers.set(
            host,
            makeAnswer(outcome, { endpointWide, ...(digest === undefined ? {} : { digest }) }),
          );
        });
        bench.prober.lastDigest = () => given.answers[5]?.digest;
        bench.prober.inMemory = given.inMemory;
        bench.prober.statuses.set('fra.ocir.io', given.upstreamStatus);
        const pod = makePod(given.images, { annotations: given.annotations, pullSecrets: given.pullSecrets });
        for (const container of pod.spec.containers) container.imagePullPolicy = given.pullPolicy;
        for (const reference of pod.metadata.ownerReferences) reference.apiVersion = given.owner;
        await bench.admission.admit(makeRequest(pod, { dryRun: given.dryRun }), given.timeoutMs);
        expect(bench.errors).toEqual([]);
        expect(bench.records).toHaveLength(given.images.length);
        for (const record of bench.records) {
          expect(problemsOf(record)).toEqual([]);
          expect(JSON.stringify(record)).not.toContain('not-to-be-seen');
          seen.add(record.reason);
        }
      }),
      // A fixed seed: what it comes past below must not be left to luck.
      { numRuns: 900, seed: 1 },
    );
    // The property is worth something only if it comes past most reasons.
    expect([...seen].toSorted()).toEqual(expect.arrayContaining([...REWRITE_REASONS]));
    expect(seen.size).toBeGreaterThan(16);
  });

  it.each<[string, (record: Record<string, unknown>) => Record<string, unknown>]>([
    ['an unknown field', (record) => ({ ...record, password: 'x' })],
    ['a reason of its own', (record) => ({ ...record, reason: 'because' })],
    ['a rewrite for the reason of a keep', (record) => ({ ...record, reason: 'upstream-available' })],
    ['a keep for the reason of a rewrite', (record) => ({ ...record, action: 'keep', digest: undefined })],
    ['a digest check without a rewrite', (record) => ({ ...record, action: 'back', reason: 'mirror-slow' })],
    ['a time that is not UTC', (record) => ({ ...record, time: '2026-01-02T03:04:05+01:00' })],
    ['a missing field', (record) => ({ ...record, totalMs: undefined })],
    ['another version', (record) => ({ ...record, v: 2 })],
  ])('refuses %s', async (_name, change) => {
    const record = { ...(await recordOf(STORIES['rewrite'] as Story)) };
    expect(problemsOf(record)).toEqual([]);
    expect(problemsOf(change(record))).not.toEqual([]);
  });
});

describe('docs/audit.md', () => {
  it.each(Object.entries(STORIES))('shows a real line for %s', async (name, story) => {
    const example = exampleOf(name);
    const record = await recordOf(story);
    // Only the time that the whole took differs from run to run.
    expect({ ...record, totalMs: example.totalMs }).toEqual(example);
    expect(problemsOf(example)).toEqual([]);
  });

  it('explains every reason in the words of the code', () => {
    const told = readTable(document, ['reason', 'sentence']).map((row) => [
      plain(row['reason'] ?? ''),
      row['sentence'],
    ]);
    expect(Object.fromEntries(told)).toEqual(
      Object.fromEntries(ALL_REASONS.map((reason) => [reason, sentenceOf(reason)])),
    );
  });

  const hasJq = spawnSync('jq', ['--version']).status === 0;
  it.skipIf(!hasJq)(`gives jq programs that work${hasJq ? '' : ' (skipped: jq is not installed)'}`, () => {
    const recipes = [
      ...readFences(document, 'sh')
        .join('\n')
        .matchAll(/jq (-\S+) '([^']+)'/gu),
    ];
    expect(recipes.length).toBeGreaterThan(3);
    const lines = [
      '{"level":"info","message":"a log line, not an audit line"}',
      ...Object.keys(STORIES).map((name) => JSON.stringify(exampleOf(name))),
    ].join('\n');
    for (const [, flags = '', program = ''] of recipes) {
      const run = spawnSync('jq', [flags, program], { input: lines, encoding: 'utf8' });
      expect({ program, stderr: run.stderr, status: run.status }).toEqual({ program, stderr: '', status: 0 });
      expect(run.stdout.trim()).not.toBe('');
    }
  });
});
