// The straight path: from a request to a patch, a warning and records, with registries as a table of answers.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PullSecretObject } from '../../src/domain/pull-secret.ts';
import { DECISION_ANNOTATION } from '../../src/domain/pod.ts';
import { OUTCOMES } from '../../src/domain/outcome.ts';
import { applied, makeAdmission, makeRequest } from '../support/admission.ts';
import { makeAnswer, makeMirror, makePod, makeSecret, makeSet } from '../support/make.ts';

const SET = makeSet('fra.ocir.io', ['ams.ocir.io']);
const IMAGE = 'fra.ocir.io/team/app:1.0';
const MIRRORED = 'ams.ocir.io/team/app:1.0';

function dockerConfig(
  name: string,
  auths: Record<string, { username: string; password: string }>,
): PullSecretObject & { namespace: string } {
  const text = JSON.stringify({ auths });
  return {
    namespace: 'shop',
    name,
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(text).toString('base64') },
  };
}

const PULL = dockerConfig('fra-pull', { 'fra.ocir.io': { username: 'robot', password: 'x' } });

function decisionOf(pod: ReturnType<typeof makePod>): {
  v: number;
  slots: Record<string, Record<string, unknown>>;
} {
  return JSON.parse(pod.metadata.annotations?.[DECISION_ANNOTATION] ?? '{}') as never;
}

describe('admit', () => {
  it('keeps the image, adds the derived secret and says so on the pod while all is well', async () => {
    const { admission, records } = makeAdmission([SET], { secrets: [PULL] });
    const pod = makePod([IMAGE], { pullSecrets: ['fra-pull'] });
    const after = applied(pod, await admission.admit(makeRequest(pod)));
    expect(after.spec.containers[0]?.image).toBe(IMAGE);
    expect(after.spec.imagePullSecrets).toEqual([
      { name: 'fra-pull' },
      { name: 'registry-failover-from-fra-pull' },
    ]);
    expect(decisionOf(after)).toEqual({
      v: 1,
      slots: {
        'containers/c0': {
          image: IMAGE,
          endpoint: 'fra.ocir.io',
          action: 'keep',
          reason: 'upstream-available',
          secrets: { 'ams.ocir.io': 'registry-failover-from-fra-pull' },
        },
      },
    });
    expect(records).toMatchObject([
      {
        slot: 'containers/c0',
        action: 'keep',
        reason: 'upstream-available',
        secretsAdded: ['registry-failover-from-fra-pull'],
      },
    ]);
  });

  it('points the image at the mirror when the upstream is unreachable, and shows the mirror the mirror’s credential', async () => {
    const { admission, prober, records } = makeAdmission([SET], { secrets: [PULL] });
    prober.answers.set('fra.ocir.io', makeAnswer('unreachable'));
    const pod = makePod([IMAGE], { pullSecrets: ['fra-pull'] });
    const verdict = await admission.admit(makeRequest(pod));
    expect(applied(pod, verdict).spec.containers[0]?.image).toBe(MIRRORED);
    expect(verdict.warnings).toEqual([
      'registry-failover: c0: fra.ocir.io unreachable, image taken from ams.ocir.io',
    ]);
    const atMirror = prober.asked.find((question) => question.endpoint.host === 'ams.ocir.io');
    expect(atMirror?.credentials.map((credential) => credential.secret)).toEqual([
      'registry-failover-from-fra-pull',
    ]);
    expect(records[0]).toMatchObject({
      action: 'rewrite',
      chosen: MIRRORED,
      reason: 'upstream-unreachable',
      requester: expect.any(String),
    });
  });

  it('asks no mirror while the upstream is up and answers in time', async () => {
    const { admission, prober } = makeAdmission([SET]);
    await admission.admit(makeRequest(makePod([IMAGE])));
    expect(prober.asked.map((question) => question.endpoint.host)).toEqual(['fra.ocir.io']);
  });

  it('asks mirrors as well once the upstream has been silent for the hedge time', async () => {
    const { admission, prober } = makeAdmission([SET]);
    prober.delays.set('fra.ocir.io', 90);
    await admission.admit(makeRequest(makePod([IMAGE])));
    expect(prober.asked.map((question) => question.endpoint.host)).toEqual(['fra.ocir.io', 'ams.ocir.io']);
  });

  it('asks mirrors at once when the upstream is not known to be up', async () => {
    const { admission, prober } = makeAdmission([SET]);
    prober.statuses.set('fra.ocir.io', 'unknown');
    prober.delays.set('fra.ocir.io', 20);
    await admission.admit(makeRequest(makePod([IMAGE])));
    expect(prober.asked.map((question) => question.endpoint.host).toSorted()).toEqual([
      'ams.ocir.io',
      'fra.ocir.io',
    ]);
  });

  it('answers at its deadline when nobody answers, and keeps the image', async () => {
    const { admission, prober } = makeAdmission([SET], { settings: { budgetMs: 60 } });
    prober.delays.set('fra.ocir.io', 5000);
    const took: number[] = [];
    for (let pod = 0; pod < 3; pod += 1) {
      const started = performance.now();
      const verdict = await admission.admit(makeRequest(makePod([IMAGE, IMAGE])));
      took.push(performance.now() - started);
      expect(verdict.decisions.map((decision) => decision.reason)).toEqual(['deadline', 'deadline']);
    }
    // The quickest: the machine may have other work.
    expect(Math.min(...took)).toBeLessThan(250);
  });

  it('asks nothing when the API server’s time-out leaves no time, and answers from memory', async () => {
    const { admission, prober } = makeAdmission([SET]);
    const verdict = await admission.admit(makeRequest(makePod([IMAGE])), 1000);
    expect(verdict.decisions[0]?.reason).toBe('deadline');
    expect(prober.asked).toEqual([]);
    prober.inMemory = true;
    prober.answers.set('fra.ocir.io', makeAnswer('unreachable'));
    const second = await admission.admit(makeRequest(makePod([IMAGE])), 1000);
    expect(second.decisions[0]).toMatchObject({ action: 'rewrite', fromMemory: true });
  });

  it('answers without a promise when everything is in memory', () => {
    const { admission, prober } = makeAdmission([SET]);
    prober.inMemory = true;
    expect(admission.admit(makeRequest(makePod([IMAGE])))).not.toBeInstanceOf(Promise);
  });

  it('marks a dry run in the record', async () => {
    const { admission, records } = makeAdmission([SET]);
    await admission.admit(makeRequest(makePod([IMAGE]), { dryRun: true }));
    expect(records[0]?.dryRun).toBe(true);
  });

  it('rewrites only new ephemeral containers, and touches neither secrets nor annotations there', async () => {
    const { admission, prober } = makeAdmission([SET], { secrets: [PULL] });
    prober.answers.set('fra.ocir.io', makeAnswer('unreachable'));
    const before = { ...makePod([IMAGE], { pullSecrets: ['fra-pull'] }) };
    const object = {
      ...before,
      spec: { ...before.spec, ephemeralContainers: [{ name: 'debug', image: 'fra.ocir.io/tools/sh:1' }] },
    };
    const verdict = await admission.admit(
      makeRequest(object, { subResource: 'ephemeralcontainers', operation: 'UPDATE', oldObject: before }),
    );
    expect(verdict.patch).toEqual([
      { op: 'replace', path: '/spec/ephemeralContainers/0/image', value: 'ams.ocir.io/tools/sh:1' },
    ]);
    // The derived secret cannot be added to a running pod: the mirror is asked with what the pod has.
    const atMirror = prober.asked.find((question) => question.endpoint.host === 'ams.ocir.io');
    expect(atMirror?.credentials[0]?.secret).toBeUndefined();
  });

  it.each([
    ['pods UPDATE', { operation: 'UPDATE' }],
    ['another resource', { resource: 'deployments' }],
    ['a binding', { subResource: 'binding' }],
  ])('leaves %s alone', async (_name, over) => {
    const { admission, records } = makeAdmission([SET]);
    expect((await admission.admit(makeRequest(makePod([IMAGE]), over))).patch).toEqual([]);
    expect(records).toEqual([]);
  });

  it('gives credentials but keeps the image for an owner that does not accept changed images', async () => {
    const { admission, prober } = makeAdmission([SET], { secrets: [PULL] });
    prober.answers.set('fra.ocir.io', makeAnswer('unreachable'));
    const pod = makePod([IMAGE], { pullSecrets: ['fra-pull'] });
    pod.metadata.ownerReferences = [
      { apiVersion: 'postgresql.cnpg.io/v1', kind: 'Cluster', name: 'db', uid: 'u', controller: true },
    ];
    const verdict = await admission.admit(makeRequest(pod));
    expect(verdict.decisions[0]).toMatchObject({ reason: 'owner-excluded', image: IMAGE });
    expect(verdict.added).toEqual(['registry-failover-from-fra-pull']);
  });

  it.each(['Observe', 'CredentialsOnly', 'an excluded owner'] as const)(
    'leaves an image of ours on its mirror alone for %s',
    async (why) => {
      const mode = why === 'an excluded owner' ? 'Rewrite' : why;
      const { admission } = makeAdmission([{ ...SET, mode }]);
      const text = JSON.stringify({ v: 1, slots: { 'containers/c0': { image: IMAGE } } });
      const pod = makePod([MIRRORED], { annotations: { [DECISION_ANNOTATION]: text } });
      const apiVersion = mode === 'Rewrite' ? 'postgresql.cnpg.io/v1' : 'apps/v1';
      pod.metadata.ownerReferences = [{ apiVersion, kind: 'X', name: 'x', uid: 'u', controller: true }];
      const verdict = await admission.admit(makeRequest(pod));
      expect(applied(pod, verdict).spec.containers[0]?.image).toBe(MIRRORED);
    },
  );

  it('adds no secret in mode Observe, and does in CredentialsOnly', async () => {
    for (const [mode, added] of [
      ['Observe', []],
      ['CredentialsOnly', ['registry-failover-from-fra-pull']],
    ] as const) {
      const { admission, prober } = makeAdmission([{ ...SET, mode }], { secrets: [PULL] });
      prober.answers.set('fra.ocir.io', makeAnswer('unreachable'));
      const verdict = await admission.admit(makeRequest(makePod([IMAGE], { pullSecrets: ['fra-pull'] })));
      expect(verdict.added).toEqual(added);
      expect(verdict.decisions[0]).toMatchObject({ reason: 'observe-only', image: IMAGE });
    }
  });

  it('names the secret of a set that brings its own credential, only where its selector allows', async () => {
    const secret = makeSecret('dc1-pull', { 'reg.dc1.example': 'dc1' });
    const set = makeSet('fra.ocir.io', [makeMirror('reg.dc1.example/ocir', { source: 'Secret', secret })], {
      name: 'ocir',
      namespaceSelector: { matchLabels: { tier: 'gold' }, matchExpressions: [] },
    });
    const namespaceLabels = new Map([['shop', { tier: 'gold' }]]);
    const granted = makeAdmission([set], { namespaceLabels });
    const verdict = await granted.admission.admit(makeRequest(makePod([IMAGE])));
    expect(verdict.added).toEqual(['registry-failover-set-ocir']);
    const other = makeAdmission([set]);
    expect((await other.admission.admit(makeRequest(makePod([IMAGE])))).added).toEqual([]);
  });

  it.each([
    ['its name', { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['evil'] }],
    ['a label', { key: 'tier', operator: 'NotIn', values: ['untrusted'] }],
    ['the absence of a label', { key: 'untrusted', operator: 'DoesNotExist', values: [] }],
  ] as const)(
    'grants nothing to an undeclared namespace that may be excluded by %s',
    async (_by, excluding) => {
      const secret = makeSecret('dc1-pull', { 'reg.dc1.example': 'dc1' });
      const mirror = makeMirror('reg.dc1.example/ocir', { source: 'Secret', secret });
      const namespaceSelector = { matchLabels: {}, matchExpressions: [excluding] };
      const { admission } = makeAdmission([makeSet('fra.ocir.io', [mirror], { namespaceSelector })]);
      const verdict = await admission.admit(makeRequest(makePod([IMAGE]), { namespace: 'evil' }));
      expect(verdict.added).toEqual([]);
      expect(verdict.decisions[0]?.reason).toBe('no-mirror-set');
    },
  );

  it('selects an undeclared namespace by its name', async () => {
    const matchLabels = { 'kubernetes.io/metadata.name': 'shop' };
    const { admission } = makeAdmission([
      { ...SET, namespaceSelector: { matchLabels, matchExpressions: [] } },
    ]);
    const verdict = await admission.admit(makeRequest(makePod([IMAGE])));
    expect(verdict.decisions[0]?.reason).toBe('upstream-available');
  });

  it('asks nobody in the name of a pod whose secret does not parse, and warns', async () => {
    const broken = {
      ...PULL,
      data: { '.dockerconfigjson': Buffer.from('{"auths":{"x":{"auth":"%%"}}}').toString('base64') },
    };
    const { admission, prober } = makeAdmission([SET], { secrets: [broken] });
    prober.statuses.set('fra.ocir.io', 'up');
    const verdict = await admission.admit(makeRequest(makePod([IMAGE], { pullSecrets: ['fra-pull'] })));
    expect(verdict.decisions[0]).toMatchObject({ action: 'keep', image: IMAGE });
    expect(prober.asked).toEqual([]);
    expect(verdict.warnings[0]).toContain('fra-pull');
  });

  it('decides by endpoint health when a pull secret cannot be read, and names its derived secret all the same', async () => {
    const { admission, prober, records } = makeAdmission([SET]);
    const pod = makePod([IMAGE], { pullSecrets: ['elsewhere'] });
    prober.statuses.set('fra.ocir.io', 'unknown');
    expect((await admission.admit(makeRequest(pod))).decisions[0]).toMatchObject({
      reason: 'credential-unread',
      image: IMAGE,
    });
    prober.statuses.set('fra.ocir.io', 'down').set('ams.ocir.io', 'up');
    const verdict = await admission.admit(makeRequest(pod));
    expect(verdict.decisions[0]).toMatchObject({
      reason: 'upstream-unreachable',
      image: MIRRORED,
      credentialUnread: true,
    });
    expect(verdict.added).toEqual(['registry-failover-from-elsewhere']);
    expect(records.at(-1)).toMatchObject({ credential: 'unread' });
    expect(prober.asked).toEqual([]);
  });

  it('waits for a source that has to read secrets first, and survives one that breaks its word', async () => {
    const secret = makeSecret('fra-pull', { 'fra.ocir.io': 'robot' });
    const read = () => Promise.resolve([{ name: 'fra-pull', state: 'parsed' as const, secret }]);
    const pod = makePod([IMAGE], { pullSecrets: ['fra-pull'] });
    const good = makeAdmission([SET], { secretSource: { read } });
    expect((await good.admission.admit(makeRequest(pod))).added).toEqual(['registry-failover-from-fra-pull']);
    const bad = makeAdmission([SET], { secretSource: { read: () => Promise.reject(new Error('boom')) } });
    expect((await bad.admission.admit(makeRequest(pod))).patch).toEqual([]);
    expect(bad.errors).toEqual([new Error('boom')]);
  });

  it('keeps nothing of names and images that are longer than any that could be pulled', async () => {
    const { admission, prober } = makeAdmission([SET]);
    const long = `fra.ocir.io/${'a/'.repeat(600)}app:1`;
    const verdict = await admission.admit(makeRequest(makePod([long], { pullSecrets: ['x'.repeat(300)] })));
    expect(verdict.decisions[0]).toMatchObject({ reason: 'image-unparsable', image: long });
    expect(prober.asked).toEqual([]);
  });

  it('believes the original on a copied pod only where a set maps it to the present image', async () => {
    const { admission } = makeAdmission([SET]);
    const annotation = (image: string): Record<string, string> => ({
      [DECISION_ANNOTATION]: JSON.stringify({ v: 1, slots: { 'containers/c0': { image } } }),
    });
    const honest = makePod([MIRRORED], { annotations: annotation(IMAGE) });
    expect(applied(honest, await admission.admit(makeRequest(honest))).spec.containers[0]?.image).toBe(IMAGE);
    const forged = makePod(['ams.ocir.io/other:1'], { annotations: annotation(IMAGE) });
    const verdict = await admission.admit(makeRequest(forged));
    expect(applied(forged, verdict).spec.containers[0]?.image).toBe('ams.ocir.io/other:1');
    expect(verdict.decisions[0]?.reason).toBe('no-mirror-set');
  });

  it('writes no annotation that would make the API server refuse the pod for its size', async () => {
    const { admission } = makeAdmission([SET]);
    const pod = makePod([IMAGE], { annotations: { big: 'x'.repeat(256 * 1024 - 100) } });
    expect((await admission.admit(makeRequest(pod))).patch).toEqual([]);
  });

  it('bounds what one pod can cost: 100,000 images, or as many pull secrets', async () => {
    const { admission, prober, records } = makeAdmission([SET]);
    const images = makePod([]);
    const containers = Array.from({ length: 100_000 }, (_, index) => ({ image: `fra.ocir.io/a${index}` }));
    await admission.admit(makeRequest({ ...images, spec: { ...images.spec, containers } }));
    expect(records).toHaveLength(128);
    expect(prober.asked.length).toBeLessThanOrEqual(128);
    const pullSecrets = Array.from({ length: 100_000 }, (_, index) => `s${index}`);
    const pod = makePod([IMAGE], { pullSecrets });
    const verdict = await admission.admit(makeRequest(pod));
    expect(verdict.added).toHaveLength(128);
    const again = await admission.admit(makeRequest(applied(pod, verdict)));
    expect(again.patch).toEqual([]);
  });

  it('leaves an image where it is when there is no room on the pod to say that it was moved', async () => {
    const { admission, prober, records } = makeAdmission([SET]);
    prober.answers.set('fra.ocir.io', makeAnswer('unreachable'));
    const pod = makePod([IMAGE], { annotations: { big: 'x'.repeat(256 * 1024 - 100) } });
    expect((await admission.admit(makeRequest(pod))).patch).toEqual([]);
    expect(records).toMatchObject([
      { action: 'keep', chosen: IMAGE, would: { reason: 'upstream-unreachable' } },
    ]);
  });

  it('admits unchanged, counts and tells when something throws', async () => {
    const { admission, prober, errors, records } = makeAdmission([SET]);
    prober.recall = () => {
      throw new Error('boom');
    };
    const verdict = await admission.admit(makeRequest(makePod([IMAGE])));
    expect(verdict.patch).toEqual([]);
    expect(errors).toEqual([new Error('boom')]);
    expect(records).toMatchObject([
      { slot: 'containers/c0', action: 'keep', reason: 'internal-error', chosen: IMAGE },
    ]);
    prober.recall = () => undefined;
    prober.ask = () => Promise.reject(new Error('late boom'));
    expect((await admission.admit(makeRequest(makePod([IMAGE])))).patch).toEqual([]);
    expect(errors).toHaveLength(2);
  });

  it('prints exactly the records, whatever pods come one after another', async () => {
    const outcome = fc.constantFrom(...OUTCOMES);
    const mode = fc.constantFrom('Rewrite' as const, 'Observe' as const);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(outcome, outcome, fc.boolean()), { minLength: 1, maxLength: 6 }),
        mode,
        async (pods, is) => {
          const { admission, prober, entries } = makeAdmission([{ ...SET, mode: is }], { secrets: [PULL] });
          prober.inMemory = true;
          for (const [fra, ams, isBig] of pods) {
            prober.answers.set('fra.ocir.io', makeAnswer(fra)).set('ams.ocir.io', makeAnswer(ams));
            const annotations = isBig ? { big: 'x'.repeat(256 * 1024 - 100) } : {};
            await admission.admit(
              makeRequest(makePod([IMAGE, 'nginx', IMAGE], { pullSecrets: ['fra-pull'], annotations })),
            );
            const last = entries.at(-1)!;
            expect(last.lines().map((line) => JSON.parse(line) as unknown)).toEqual(last.records());
            expect(last.lines().every((line) => line.endsWith('}\n'))).toBe(true);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('applied twice equals applied once, whatever the registries say', async () => {
    const sets = [
      makeSet('fra.ocir.io', ['ams.ocir.io', 'lon.ocir.io']),
      // A set in the other direction, as two regions that mirror each other have.
      makeSet('ams.ocir.io', ['fra.ocir.io']),
      makeSet('docker.io', ['reg.example:5000/hub']),
    ];
    const images = fc.array(
      fc.constantFrom(
        IMAGE,
        MIRRORED,
        'nginx',
        'nginx:1@sha256:' + 'a'.repeat(64),
        'quay.io/x',
        'Not//Valid',
        'lon.ocir.io/team/app:1.0',
      ),
      { minLength: 1, maxLength: 4 },
    );
    const outcome = fc.constantFrom(...OUTCOMES);
    await fc.assert(
      fc.asyncProperty(images, outcome, outcome, outcome, async (names, fra, ams, lon) => {
        const { admission, prober } = makeAdmission(sets, { secrets: [PULL] });
        prober.inMemory = true;
        prober.answers.set('fra.ocir.io', makeAnswer(fra));
        prober.answers.set('ams.ocir.io', makeAnswer(ams));
        prober.answers.set('lon.ocir.io', makeAnswer(lon));
        const pod = makePod(names, { pullSecrets: ['fra-pull', 'absent'] });
        const once = applied(pod, await admission.admit(makeRequest(pod)));
        const again = await admission.admit(makeRequest(once));
        expect(again.patch).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
