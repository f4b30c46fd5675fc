// The walk-through's parts that judge: a step can fail, another's account is noticed, an answer that is none is said.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issueCa, issueServing, validFor } from '../../src/certificates/issue.ts';
import type { Reviewed } from '../../src/demo/api-server.ts';
import { expectFromMemory, expectImage, expectSecrets } from '../../src/demo/expectations.ts';
import { Scene, expectOwnAccounts } from '../../src/demo/scene.ts';
import { CAST } from '../../src/demo/cast.ts';
import { Stage } from '../../src/demo/stage.ts';
import type { StepScript } from '../../src/demo/step-script.ts';
import type { Expectation, PodReport, StepReport } from '../../src/demo/step-report.ts';
import { walk } from '../../src/demo/walk.ts';
import type { AuditRecord } from '../../src/domain/audit-record.ts';
import type { HealthStatus } from '../../src/domain/health.ts';
import { PullClient, basic } from '../support/demo-registry.ts';

let stage: Stage;
let ca = '';
let health: HealthStatus = 'up';

function answer(over: Partial<Reviewed> = {}): Reviewed {
  return { uid: 'u', ms: 3.14159, allowed: true, patch: [], warnings: [], failure: undefined, ...over };
}

function makeScene(reviewed: Reviewed = answer(), records: readonly Partial<AuditRecord>[] = []): Scene {
  const insight = { health: () => health, audit: () => records as readonly AuditRecord[] };
  return new Scene({ stage, reviewer: { review: async () => reviewed }, insight, patienceMs: 60 });
}

function script(title: string, expected: readonly Expectation[]): StepScript {
  return { title, act: 'nothing', lesson: '', play: async () => ({ pods: [], expected }) };
}

async function playAll(story: readonly StepScript[]): Promise<readonly StepReport[]> {
  const reports: StepReport[] = [];
  for await (const report of walk(makeScene(), () => undefined, story)) reports.push(report);
  return reports;
}

beforeAll(async () => {
  const validity = validFor(1, new Date());
  const issuer = await issueCa({ name: 'walk test CA', validity });
  const names = Object.values(CAST).flatMap(({ host, address }) => [host, address, '127.0.0.1']);
  ca = issuer.certificatePem;
  stage = await Stage.open({
    certificate: await issueServing(issuer, { names, validity }),
    plantsFaults: true,
  });
});
afterAll(() => stage.close());

describe('walk', () => {
  it('goes on after a step that did not come out as told', async () => {
    const reports = await playAll([
      script('wrong', [{ says: 'the moon is cheese', seen: 'rock', ok: false }]),
      script('right', [{ says: 'water is wet', seen: 'wet', ok: true }]),
    ]);
    expect(reports.map(({ step, title, ok }) => ({ step, title, ok }))).toEqual([
      { step: 1, title: 'wrong', ok: false },
      { step: 2, title: 'right', ok: true },
    ]);
  });

  it('fails a step in which a registry was shown the account of another', async () => {
    const client = new PullClient(
      stage.hostPort('ams').replace(CAST.ams.host, stage.registry('ams').where.address),
      ca,
    );
    const fra = stage.account('fra');
    const stray: StepScript = {
      ...script('stray', []),
      play: async () => {
        await client.ask('GET', '/token', { authorization: basic(fra.username, fra.password()) });
        return { pods: [], expected: [] };
      },
    };
    const [report] = await playAll([stray, script('clean', [])]);
    await client.close();
    expect(report).toMatchObject({ ok: false, expected: [{ seen: 'ams: wrong password', ok: false }] });
  });

  it('forgets what registries saw in the step before', async () => {
    const [, second] = await playAll([script('one', []), script('two', [])]);
    expect(second?.registries.ams.requests).toEqual([]);
    expect(expectOwnAccounts(stage)).toMatchObject({ seen: 'nobody logged in', ok: true });
  });
});

describe('Scene', () => {
  it('reports the pod as the patch leaves it', async () => {
    const image = stage.expand('ams/shop/web:1.4');
    const patch = [
      { op: 'replace', path: '/spec/containers/0/image', value: image },
      { op: 'add', path: '/spec/imagePullSecrets/-', value: { name: 'more' } },
    ] as const;
    const report = await makeScene(answer({ patch })).admit('fra/shop/web:1.4');
    expect(report).toMatchObject({
      pod: 'shop/web',
      image: { before: stage.expand('fra/shop/web:1.4'), after: image },
      pullSecrets: { before: ['fra-login'], after: ['fra-login', 'more'] },
      ms: 3.1,
      audit: undefined,
    });
    expect(report.failure).toBeUndefined();
  });

  it('says that a patch does not apply', async () => {
    const patch = [{ op: 'replace', path: '/spec/containers/7/image', value: 'x' }] as const;
    const report = await makeScene(answer({ patch })).admit('fra/shop/web:1.4');
    expect(report.failure).toContain('/spec/containers/7/image');
    expect(report.image.after).toBe(report.image.before);
  });

  it.each([
    ['a bare name', 'nginx', 'nginx', 'fra-login'],
    ['a digest', `fra/shop/api@sha256:${'0'.repeat(64)}`, 'api', 'fra-login'],
    ['another registry', 'hub/library/nginx:1.29', 'nginx', 'hub-login'],
    ['nothing a name can be made of', ':', 'app', 'fra-login'],
  ])('makes a pod for %s', async (_, image, app, secret) => {
    const report = await makeScene().admit(image);
    expect(report).toMatchObject({ pod: `shop/${app}`, pullSecrets: { before: [secret] } });
  });

  it('waits for health, and gives up in time', async () => {
    health = 'up';
    expect(await makeScene().until('fra', 'up')).toMatchObject({ reached: true });
    const waiting = makeScene().until('fra', 'down');
    expect(await waiting).toMatchObject({ place: 'fra', health: 'down', reached: false });
    const noticed = makeScene().until('fra', 'down');
    health = 'down';
    expect(await noticed).toMatchObject({ reached: true });
  });
});

describe('expectations', () => {
  const image = (): { before: string; after: string } => ({
    before: stage.expand('fra/shop/web:1.4'),
    after: stage.expand('ams/shop/web:1.4'),
  });

  function report(over: Partial<PodReport> = {}): PodReport {
    const audit = { reason: 'upstream-unreachable', chosen: image().after, fromMemory: true } as AuditRecord;
    const pullSecrets = { before: ['mine'], after: ['mine', 'more'] };
    const base = {
      pod: 'shop/web',
      image: image(),
      pullSecrets,
      audit,
      allowed: true,
      ms: 2,
      patch: [],
      warnings: [],
    };
    return { ...base, ...over };
  }

  const wanted = { image: 'ams/shop/web:1.4', reason: 'upstream-unreachable', says: 'moved' } as const;

  it('are met by what was told', () => {
    expect(expectImage(stage, report(), wanted)).toMatchObject({ ok: true, says: 'moved' });
    expect(expectSecrets(report(), ['more']).ok).toBe(true);
    expect(expectFromMemory([report(), report()], 250)).toMatchObject({ ok: true, seen: 'slowest 2.0 ms' });
  });

  it.each([
    ['denied', () => expectImage(stage, report({ allowed: false }), wanted)],
    ['without a record', () => expectImage(stage, report({ audit: undefined }), wanted)],
    ['without an answer', () => expectImage(stage, report({ failure: 'socket hang up' }), wanted)],
    ['at another place', () => expectImage(stage, report(), { ...wanted, image: 'hub/shop/web:1.4' })],
    ['for another reason', () => expectImage(stage, report(), { ...wanted, reason: 'upstream-missing' })],
    ['with another secret', () => expectSecrets(report(), ['less'])],
    ['later', () => expectFromMemory([report({ ms: 251 })], 250)],
    ['by asking', () => expectFromMemory([report({ audit: undefined })], 250)],
  ])('are not met by a pod that was answered %s', (_, expectation) => {
    expect(expectation().ok).toBe(false);
  });
});
