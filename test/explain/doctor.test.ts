// The judgements of doctor, each from both sides, without a cluster.
import { describe, expect, it } from 'vitest';
import { overallResult } from '../../src/explain/doctor/doctor-check.ts';
import type { DoctorCheck, DoctorResult } from '../../src/explain/doctor/doctor-check.ts';
import { judgeClock, judgeLeader } from '../../src/explain/doctor/doctor-clock.ts';
import type { ClockReading, LeaseFacts } from '../../src/explain/doctor/doctor-clock.ts';
import { judgeNode } from '../../src/explain/doctor/doctor-node.ts';
import type { NodeReport } from '../../src/explain/doctor/doctor-node.ts';
import { judgeNodeStates } from '../../src/explain/doctor/doctor-node-states.ts';
import { judgeTrials, planTrials, trialPod } from '../../src/explain/doctor/doctor-pods.ts';
import type { Trial, TrialAnswer } from '../../src/explain/doctor/doctor-pods.ts';
import { judgeRights, wantedRights } from '../../src/explain/doctor/doctor-rights.ts';
import type { RightAnswer } from '../../src/explain/doctor/doctor-rights.ts';
import { judgeSecrets } from '../../src/explain/doctor/doctor-secrets.ts';
import { judgeNamespaces, judgeSets } from '../../src/explain/doctor/doctor-sets.ts';
import { renderDoctor } from '../../src/explain/doctor/doctor-text.ts';
import { judgeWebhook } from '../../src/explain/doctor/doctor-webhook.ts';
import type { ServingFacts, WebhookFacts } from '../../src/explain/doctor/doctor-webhook.ts';
import { makeSet } from '../support/make.ts';

const install = { namespace: 'rf', fullname: 'rf' };
const NOW = Date.parse('2026-11-21T19:00:00Z');
const DAY = 86_400_000;

function briefly(checks: readonly DoctorCheck[]): readonly string[] {
  return checks.map(({ check, result }) => `${check} ${result}`);
}

describe('overallResult', () => {
  it.each<[readonly DoctorResult[], DoctorResult]>([
    [[], 'unknown'],
    [['ok', 'ok'], 'ok'],
    [['ok', 'warning'], 'warning'],
    [['warning', 'unknown'], 'unknown'],
    [['unknown', 'error', 'ok'], 'error'],
  ])('of %j is %s', (results, overall) => {
    const checks = results.map((result) => ({ place: 'cluster', check: 'x', result, message: '', fix: '' }));
    expect(overallResult(checks)).toBe(overall);
  });
});

describe('judgeClock', () => {
  const reading = (aheadMs: number, tripMs = 10): ClockReading => ({
    theirs: NOW + aheadMs - 500,
    stepMs: 1000,
    askedAt: NOW - tripMs / 2,
    answeredAt: NOW + tripMs / 2,
  });

  it.each([
    ['the same', reading(0), 'clock ok'],
    ['a little off', reading(9_000), 'clock ok'],
    ['off within what the trip leaves open', reading(12_000, 6_000), 'clock ok'],
    ['ahead', reading(30_000), 'clock warning'],
    ['behind', reading(-30_000), 'clock warning'],
    ['far ahead', reading(20 * 60_000), 'clock error'],
    ['far behind', reading(-20 * 60_000), 'clock error'],
  ])('judges one that is %s', (_, clock, judged) => {
    expect(briefly(judgeClock('cluster', 'the API server', clock))).toEqual([judged]);
  });

  it('says which way and how far', () => {
    expect(judgeClock('n', 'this node', reading(-30_000))[0]?.message).toBe(
      'the clock of this node is 30 s behind this machine’s',
    );
    expect(judgeClock('n', 'this node', reading(20 * 60_000))[0]?.message).toContain('20 minutes ahead of');
  });
});

describe('judgeLeader', () => {
  const lease: LeaseFacts = { holder: 'rf-controller-1', renewedAt: NOW - 2_000, durationMs: 15_000 };
  it.each<[string, Partial<LeaseFacts>, string]>([
    ['leads', {}, 'leader ok'],
    ['was late once', { renewedAt: NOW - 20_000 }, 'leader ok'],
    ['has died', { renewedAt: NOW - 31_000 }, 'leader error'],
    ['has given it back', { holder: '' }, 'leader error'],
    ['never was', { holder: '', renewedAt: NaN }, 'leader error'],
    ['has another clock', { renewedAt: NOW + 60_000 }, 'leader warning'],
  ])('judges one that %s', (_, facts, judged) => {
    expect(briefly(judgeLeader({ ...lease, ...facts }, { now: NOW, ...install }))).toEqual([judged]);
  });
});

const serving: ServingFacts = {
  notBefore: NOW - DAY,
  notAfter: NOW + 60 * DAY,
  names: ['rf-webhook.rf.svc', 'rf-webhook.rf.svc.cluster.local'],
  isSignedByBundle: true,
};

function found<T>(value: T): { readonly state: 'found'; readonly value: T } {
  return { state: 'found', value };
}

function configuration(clientConfig: object, failurePolicy = 'Ignore'): WebhookFacts['configuration'] {
  return found({ webhooks: [{ name: 'pods.registry-failover.io', failurePolicy, clientConfig }] });
}

const SERVICE = { service: { namespace: 'rf', name: 'rf-webhook' }, caBundle: 'Q0E=' };
const well: WebhookFacts = {
  install,
  now: NOW,
  configuration: configuration(SERVICE),
  bundle: { notAfter: [NOW + 300 * DAY] },
  service: found({}),
  slices: found([{ endpoints: [{ conditions: { ready: false } }, { conditions: {} }] }]),
  serving: found(serving),
  secret: 'rf-webhook-tls',
};
const unread = { state: 'unread', why: 'forbidden' } as const;
const absent = { state: 'absent' } as const;

describe('judgeWebhook', () => {
  it('has nothing against one that is well', () => {
    expect(briefly(judgeWebhook(well))).toEqual([
      'webhook-configuration ok',
      'webhook-service ok',
      'webhook-ca ok',
      'webhook-certificate ok',
    ]);
  });

  it.each<[string, Partial<WebhookFacts>, string]>([
    ['a configuration that is gone', { configuration: absent }, 'webhook-configuration error'],
    ['a configuration without a webhook', { configuration: found({}) }, 'webhook-configuration error'],
    ['a configuration that may not be read', { configuration: unread }, 'webhook-configuration unknown'],
    [
      'a failure policy that somebody has changed',
      { configuration: configuration(SERVICE, 'Fail') },
      'webhook-configuration warning',
    ],
    ['a Service that is gone', { service: absent }, 'webhook-service error'],
    ['a Service that may not be read', { service: unread }, 'webhook-service unknown'],
    [
      'endpoints that are not ready',
      { slices: found([{ endpoints: [{ conditions: { ready: false } }] }]) },
      'webhook-service error',
    ],
    ['no endpoint', { slices: found([]) }, 'webhook-service error'],
    ['endpoints that may not be read', { slices: unread }, 'webhook-service unknown'],
    ['no caBundle', { configuration: configuration({ ...SERVICE, caBundle: '' }) }, 'webhook-ca error'],
    ['a caBundle that cannot be read', { bundle: undefined }, 'webhook-ca error'],
    ['CAs that have expired', { bundle: { notAfter: [NOW, NOW - DAY] } }, 'webhook-ca error'],
    ['a certificate that is gone', { serving: absent }, 'webhook-certificate error'],
    ['a certificate that may not be read', { serving: unread }, 'webhook-certificate unknown'],
    [
      'a certificate that cannot be used',
      { serving: found({ error: 'the key belongs to another certificate' }) },
      'webhook-certificate error',
    ],
    [
      'a certificate that has expired',
      { serving: found({ ...serving, notAfter: NOW }) },
      'webhook-certificate error',
    ],
    [
      'a certificate of tomorrow',
      { serving: found({ ...serving, notBefore: NOW + 1 }) },
      'webhook-certificate error',
    ],
    [
      'a certificate for another name',
      { serving: found({ ...serving, names: ['x'] }) },
      'webhook-certificate error',
    ],
    [
      'a certificate of another CA',
      { serving: found({ ...serving, isSignedByBundle: false }) },
      'webhook-certificate error',
    ],
    [
      'a certificate that ends soon',
      { serving: found({ ...serving, notAfter: NOW + 6 * DAY }) },
      'webhook-certificate warning',
    ],
  ])('tells of %s', (_, facts, judged) => {
    const checks = judgeWebhook({ ...well, ...facts });
    const bad = checks.filter(({ result }) => result !== 'ok');
    expect(briefly(bad)).toEqual([judged]);
    expect(bad[0]?.fix).not.toBe('');
  });

  it('goes on with one CA of two', () => {
    expect(briefly(judgeWebhook({ ...well, bundle: { notAfter: [NOW - DAY, NOW + DAY] } }))).toContain(
      'webhook-ca ok',
    );
  });

  it('looks for no Service where an address is called', () => {
    const facts = {
      ...well,
      service: absent,
      configuration: configuration({ url: 'https://192.0.2.1/', caBundle: 'Q0E=' }),
    };
    expect(briefly(judgeWebhook(facts))).toContain('webhook-service ok');
  });
});

function setObject(conditions: readonly object[], observedGeneration = 1): object {
  return { metadata: { name: 'ocir', generation: 1 }, status: { observedGeneration, conditions } };
}

describe('judgeSets', () => {
  const condition = (type: string, status: string, reason = 'X'): object => ({
    type,
    status,
    reason,
    message: 'Words.',
  });
  it.each<[string, readonly object[], readonly string[]]>([
    ['none', [], ['mirror-sets error']],
    [
      'one that is well',
      [setObject([condition('Valid', 'True'), condition('NodesReady', 'Unknown', 'Disabled')])],
      ['mirror-set ok'],
    ],
    ['one that nobody has looked at', [setObject([])], ['mirror-set error']],
    ['one that is invalid', [setObject([condition('Valid', 'False')])], ['mirror-set error']],
    [
      'one whose registry is out',
      [setObject([condition('UpstreamAvailable', 'False')])],
      ['mirror-set warning'],
    ],
    [
      'one that is about to be written',
      [setObject([condition('CredentialsReady', 'False', 'Pending')])],
      ['mirror-set warning'],
    ],
    [
      'one whose credentials are wrong',
      [setObject([condition('CredentialsReady', 'False', 'Refused')])],
      ['mirror-set error'],
    ],
    ['one that pods pass by', [setObject([condition('AdmissionActive', 'False')])], ['mirror-set error']],
    [
      'one whose status is old',
      [setObject([condition('Valid', 'True')], 0)],
      ['mirror-set warning', 'mirror-set ok'],
    ],
  ])('judges %s', (_, objects, judged) => {
    expect(briefly(judgeSets(found(objects as readonly Record<string, unknown>[])))).toEqual(judged);
  });

  it('tells the absence of the product from the absence of a right', () => {
    expect(briefly(judgeSets(absent))).toEqual(['mirror-sets error']);
    expect(briefly(judgeSets(unread))).toEqual(['mirror-sets unknown']);
  });
});

describe('judgeNamespaces', () => {
  const label = (value: string): Record<string, string> => ({ 'registry-failover.io/enabled': value });
  const judge = (
    namespaces: readonly { name: string; labels: Record<string, string> }[],
  ): readonly string[] =>
    briefly(judgeNamespaces({ namespaces: found(namespaces), sets: undefined, installNamespace: 'rf' }));

  it.each<[string, readonly { name: string; labels: Record<string, string> }[], readonly string[]]>([
    ['nobody', [{ name: 'shop', labels: {} }], ['namespaces error']],
    ['one', [{ name: 'shop', labels: label('true') }], ['namespaces ok']],
    [
      'one that is misspelt',
      [{ name: 'shop', labels: label('True') }],
      ['namespaces error', 'namespaces warning'],
    ],
    [
      'one that is turned off',
      [
        { name: 'a', labels: label('false') },
        { name: 'b', labels: label('true') },
      ],
      ['namespaces ok'],
    ],
    [
      'the install namespace',
      [{ name: 'rf', labels: label('true') }],
      ['namespaces error', 'namespaces warning'],
    ],
    [
      'the system’s',
      [
        { name: 'kube-system', labels: label('true') },
        { name: 'b', labels: label('true') },
      ],
      ['namespaces ok', 'namespaces warning'],
    ],
  ])('judges where %s has opted in', (_, namespaces, judged) => {
    expect(judge(namespaces)).toEqual(judged);
  });

  it('gives a command that can be typed', () => {
    const facts = {
      namespaces: found([{ name: 'shop', labels: label('1') }]),
      sets: undefined,
      installNamespace: 'rf',
    };
    expect(judgeNamespaces(facts)[1]?.fix).toBe(
      'kubectl label namespace shop --overwrite registry-failover.io/enabled=true',
    );
  });
});

describe('judgeRights', () => {
  const wanted = wantedRights(install, ['shop']);
  const answers = (no: (right: RightAnswer['right']) => boolean): readonly RightAnswer[] =>
    wanted.map((right) => ({ right, answer: no(right) ? 'no' : 'yes' }));

  it('asks about a bounded number of namespaces', () => {
    const many = Array.from({ length: 1000 }, (_, index) => `n${index}`);
    expect(wantedRights(install, many).length).toBeLessThan(100);
  });

  it('tells a right at home, which the chart gives, from one that the controller gives', () => {
    const [home] = judgeRights(
      answers((right) => right.namespace === 'rf'),
      install,
    );
    expect(home?.fix).toContain('helm upgrade');
    const [abroad] = judgeRights(
      answers((right) => right.namespace === 'shop'),
      install,
    );
    expect(abroad?.fix).toContain('kubectl -n shop get rolebinding');
  });

  it.each<[string, readonly RightAnswer[], readonly string[]]>([
    ['all', answers(() => false), ['rights ok']],
    ['one of a namespace missing', answers((right) => right.namespace === 'shop'), ['rights error']],
    ['one of the cluster missing', answers((right) => right.namespace === undefined), ['rights error']],
    ['both', answers(() => true), ['rights error', 'rights error']],
    [
      'nothing to be learned',
      wanted.map((right) => ({ right, answer: { unread: 'forbidden' } })),
      ['rights unknown'],
    ],
  ])('judges %s', (_, given, judged) => {
    expect(briefly(judgeRights(given, install))).toEqual(judged);
  });
});

describe('judgeSecrets', () => {
  const secret = (name: string, text: string) => ({
    name,
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': btoa(text) },
  });
  it.each([
    ['nothing', [], 'derived-secrets ok'],
    ['one that parses', [secret('a', '{"auths":{}}')], 'derived-secrets ok'],
    ['one that is no JSON', [secret('a', '{')], 'derived-secrets error'],
    [
      'one with a broken login',
      [secret('registry-failover-from-a', '{"auths":{"x":{"auth":"!"}}}')],
      'derived-secrets error',
    ],
  ])('judges %s', (_, secrets, judged) => {
    expect(briefly(judgeSecrets({ namespace: 'shop', sets: [], secrets: found(secrets) }))).toEqual([judged]);
  });

  const LOGIN = '{"auths":{"u.example":{"username":"a","password":"b"}}}';
  const sets = [makeSet('u.example/x', ['m.example/x'])];
  it.each([
    ['is missing', sets, [secret('a', LOGIN)], 'derived-secrets error'],
    ['is there', sets, [secret('a', LOGIN), secret('registry-failover-from-a', LOGIN)], 'derived-secrets ok'],
    ['is not wanted', [], [secret('a', LOGIN)], 'derived-secrets ok'],
    [
      'is not made while only observing',
      [makeSet('u.example/x', ['m.example/x'], { mode: 'Observe' })],
      [secret('a', LOGIN)],
      'derived-secrets ok',
    ],
  ])('judges a derived secret that %s', (_, forSets, secrets, judged) => {
    expect(briefly(judgeSecrets({ namespace: 'shop', sets: forSets, secrets: found(secrets) }))).toEqual([
      judged,
    ]);
  });

  it('says what it may not read', () => {
    expect(briefly(judgeSecrets({ namespace: 'shop', sets: [], secrets: unread }))).toEqual([
      'derived-secrets unknown',
    ]);
  });
});

describe('planTrials', () => {
  const set = makeSet('u.example/x', ['m.example/copy', 'n.example'], { name: 'ocir' });

  it('takes an image that is in use, and one trial for each mirror', () => {
    const trials = planTrials('shop', [set], ['other.example/a', 'u.example/x/app:1', 'u.example/x/b:2']);
    expect(
      trials.map(({ upstreamImage, mirrorImage, mirror }) => [upstreamImage, mirrorImage, mirror]),
    ).toEqual([
      ['u.example/x/app:1', 'm.example/copy/app:1', 'm.example/copy'],
      ['u.example/x/app:1', 'n.example/app:1', 'n.example'],
    ]);
  });

  it('makes one up where none is in use', () => {
    expect(planTrials('shop', [set], [])[0]?.mirrorImage).toBe(
      'm.example/copy/registry-failover-doctor:trial',
    );
  });

  it('tries nothing for sets that rewrite nothing', () => {
    expect(planTrials('shop', [{ ...set, mode: 'CredentialsOnly' }], [])).toEqual([]);
  });
});

describe('judgeTrials', () => {
  const trial: Trial = {
    namespace: 'shop',
    set: 'ocir',
    mirror: 'm/x',
    upstreamImage: 'u/x/a',
    mirrorImage: 'm/x/a',
  };
  it.each<[string, TrialAnswer, TrialAnswer, string]>([
    ['both let in', 'accepted', 'accepted', 'policies ok'],
    ['the mirror refused', 'accepted', { refused: 'no' }, 'policies error'],
    ['both refused', { refused: 'no limits' }, { refused: 'no limits' }, 'policies unknown'],
    ['nobody may ask', { unread: 'forbidden' }, 'accepted', 'policies unknown'],
    ['no answer about the mirror', 'accepted', { unread: 'gone' }, 'policies unknown'],
  ])('judges %s', (_, upstream, mirror, judged) => {
    expect(briefly(judgeTrials([{ trial, upstream, mirror }]))).toEqual([judged]);
  });

  it('tries a pod that a strict namespace takes', () => {
    expect(JSON.stringify(trialPod('m/x/a'))).toMatch(
      /runAsNonRoot.*RuntimeDefault.*limits.*allowPrivilegeEscalation.*ALL/,
    );
  });
});

describe('judgeNode', () => {
  const report: NodeReport = {
    node: 'n1',
    unreached: undefined,
    runtime: { name: 'crio', version: '1.34.0' },
    findings: [],
    conflicts: [],
    files: ['/x'],
    differing: undefined,
    leftOut: [],
    error: undefined,
  };
  const finding = { code: 'CrioRootRegistriesConf', severity: 'error', message: 'm', fix: 'f' } as const;
  it.each<[string, Partial<NodeReport>, readonly string[]]>([
    ['one that is well', {}, ['runtime ok', 'node-files ok']],
    ['one that is as declared', { differing: [] }, ['runtime ok', 'node-files ok']],
    ['one that has drifted', { differing: ['/x'] }, ['runtime ok', 'node-files warning']],
    ['one that cannot be planned', { differing: [], error: 'no' }, ['runtime ok', 'node-files error']],
    [
      'one with a finding',
      { findings: [finding] },
      ['runtime ok', 'crio-root-registries-conf error', 'node-files ok'],
    ],
    [
      'one with a remark',
      { findings: [{ ...finding, severity: 'info' }] },
      ['runtime ok', 'crio-root-registries-conf ok', 'node-files ok'],
    ],
    [
      'one with a conflict',
      { conflicts: [{ path: '/y', message: 'z.' }] },
      ['runtime ok', 'node-conflict error', 'node-files ok'],
    ],
    [
      'one where something stands in the way of what is declared',
      { conflicts: [{ path: '/y', message: 'z.' }], differing: [] },
      ['runtime ok', 'node-conflict error'],
    ],
    [
      'one that may not have all that is declared',
      { differing: [], leftOut: ['CRI-O sends no credential.'] },
      ['runtime ok', 'node-files ok', 'node-left-out warning'],
    ],
    ['one that is not reached', { unreached: 'n1: no.' }, ['node unknown']],
  ])('judges %s', (_, facts, judged) => {
    expect(briefly(judgeNode({ ...report, ...facts }))).toEqual(judged);
  });
});

describe('judgeNodeStates', () => {
  const state = (status: object | undefined, generation = 2): Record<string, unknown> => ({
    metadata: { name: 'n1', namespace: 'rf', generation },
    ...(status === undefined ? {} : { status }),
  });
  const good = { state: 'UpToDate', observedGeneration: 2, message: '', findings: [], conflicts: [] };
  const finding = { code: 'CrioRootRegistriesConf', severity: 'error', message: 'm', fix: 'f' };
  it.each<[string, object | undefined, readonly string[]]>([
    ['is up to date', good, ['agent ok']],
    ['has said nothing', undefined, ['agent error']],
    ['has failed', { ...good, state: 'Failed', message: 'Disk full.' }, ['agent error']],
    ['is behind', { ...good, observedGeneration: 1 }, ['agent warning']],
    [
      'has found something',
      { ...good, findings: [finding] },
      ['agent ok', 'crio-root-registries-conf error'],
    ],
    ['says something of another form', { ...good, findings: [{ severity: 'dire' }, 3, null] }, ['agent ok']],
    [
      'has a conflict',
      { ...good, conflicts: [{ path: '/x', message: 'y' }] },
      ['agent ok', 'node-conflict error'],
    ],
  ])('judges an agent that %s', (_, status, judged) => {
    expect(briefly(judgeNodeStates(found([state(status)])))).toEqual(judged);
  });

  it('says nothing where there are no agents, and what it may not read', () => {
    expect(judgeNodeStates(absent)).toEqual([]);
    expect(judgeNodeStates(found([]))).toEqual([]);
    expect(briefly(judgeNodeStates(unread))).toEqual(['agents unknown']);
  });
});

describe('renderDoctor', () => {
  it('puts what is wrong first, and says what to do', () => {
    const checks: readonly DoctorCheck[] = [
      { place: 'cluster', check: 'leader', result: 'ok', message: 'x leads', fix: '' },
      {
        place: 'cluster',
        check: 'rights',
        result: 'error',
        message: 'rights\u001B[31m are missing',
        fix: 'Bring them back',
      },
    ];
    expect(renderDoctor(checks, ['A note.'], (_, text) => text).join('\n')).toBe(
      [
        'A note.',
        '',
        'cluster',
        '  WRONG  rights?[31m are missing.',
        '         → Bring them back',
        '         [rights]',
        '  ok     x leads.',
        '',
        'Something is wrong. (1 ok, 1 WRONG)',
      ].join('\n'),
    );
  });
});
