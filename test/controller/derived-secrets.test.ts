// Derived secrets on an API server in memory: what is done when, in which order, and what failures leave behind.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepSecret } from '../../src/controller/secret-record.ts';
import type { MirrorSet } from '../../src/domain/mirror-set.ts';
import { NAMESPACES, ROLE_BINDINGS, SECRETS } from '../../src/kubernetes/resource.ts';
import type { KubeObject } from '../../src/kubernetes/resource.ts';
import { failure, MemoryCluster } from '../support/cluster.ts';
import { makeMirror, makeSecret, makeSet } from '../support/make.ts';
import { INSTALL, makeCredentialScene, OPTED_IN } from './credential-scene.ts';
import type { CredentialScene } from './credential-scene.ts';
import { FakeClock, settle } from './status-fake-clock.ts';

const FROM = 'registry-failover-from-regcred';
const SET = 'registry-failover-set-own';
const [WEBHOOK, CONTROLLER] = ['registry-failover-webhook', 'registry-failover-controller'];

let cluster: MemoryCluster;
let scene: CredentialScene;
let timers: FakeClock;

/** What RBAC says: without the controller's binding no secret of the namespace is seen or written. */
function enforceRights(): void {
  cluster.fault = ({ type, namespace }) => {
    if (type !== SECRETS || namespace === undefined) return undefined;
    const isBound = cluster.look(ROLE_BINDINGS, { namespace, name: CONTROLLER }) !== undefined;
    return isBound ? undefined : failure('forbidden', `secrets is forbidden in ${namespace}`);
  };
}

function begin(options: { graceMs?: number } = {}): void {
  cluster = new MemoryCluster();
  timers = new FakeClock();
  scene = makeCredentialScene({ api: cluster, informers: cluster, timers, ...options });
  enforceRights();
}

beforeEach(() => begin());
afterEach(async () => {
  await scene.stop();
  expect(scene.thrown).toEqual([]);
  expect(cluster.reports).toEqual([]);
  expect(cluster.openWatches).toBe(0);
});

/** Until nothing moves any more, but for what waits longer than a moment. */
async function untilQuiet(moments = 4): Promise<void> {
  for (let moment = 0; moment < moments; moment += 1) {
    for (let round = 0; round < 5; round += 1) {
      await cluster.settle();
      await settle();
    }
    await timers.advance(60);
  }
}

function label(name: string, labels: Record<string, string> | undefined = OPTED_IN): void {
  cluster.put(NAMESPACES, { metadata: { name, labels } });
}

function pullSecret(namespace: string, name: string, entries: Record<string, string>): void {
  const auths = Object.fromEntries(
    Object.entries(entries).map(([key, username]) => [key, { username, password: `${username}-password` }]),
  );
  cluster.put(SECRETS, {
    metadata: { namespace, name },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': btoa(JSON.stringify({ auths })) },
  });
}

function look(namespace: string, name: string): KubeObject | undefined {
  return cluster.look(SECRETS, { namespace, name });
}

function users(namespace: string, name: string): Record<string, string> | undefined {
  const data = look(namespace, name)?.['data'] as Record<string, string> | undefined;
  const text = data?.['.dockerconfigjson'];
  if (text === undefined) return undefined;
  const { auths } = JSON.parse(atob(text)) as { auths: Record<string, { username: string }> };
  return Object.fromEntries(Object.entries(auths).map(([key, { username }]) => [key, username]));
}

function bindings(namespace: string): string[] {
  return cluster.all(ROLE_BINDINGS, { namespace }).map(({ metadata }) => metadata.name);
}

const both = (): MirrorSet => makeSet('fra.test', ['ams.test'], { name: 'both' });
const own = (over: Partial<MirrorSet> = {}): MirrorSet =>
  makeSet(
    'fra.test',
    [makeMirror('dc1.test', { source: 'Secret', secret: makeSecret('dc1', { 'dc1.test': 'dc1' }) })],
    { name: 'own', ...over },
  );

async function serveShop(): Promise<void> {
  label('shop');
  pullSecret('shop', 'regcred', { 'fra.test': 'fra' });
  scene.sets.declare(both(), own());
  scene.start();
  await untilQuiet();
}

describe('DerivedSecrets', () => {
  it('gives an opted-in namespace rights first, then secrets', async () => {
    await serveShop();
    expect(scene.deeds).toEqual([
      `bound shop/${CONTROLLER}`,
      `bound shop/${WEBHOOK}`,
      `written shop/${FROM}`,
      `written shop/${SET}`,
    ]);
    expect(users('shop', FROM)).toEqual({ 'ams.test': 'fra' });
    expect(users('shop', SET)).toEqual({ 'dc1.test': 'dc1' });
    expect(scene.derived.facts()).toEqual([
      { set: 'both', namespace: 'shop', secret: FROM, state: 'ready' },
      { set: 'own', namespace: 'shop', secret: SET, state: 'ready' },
    ]);
    expect(scene.counts()).toEqual({ ready: 2, pending: 0, failed: 0 });
  });

  it('does nothing more when nothing changes', async () => {
    await serveShop();
    const before = cluster.calls.length;
    scene.sets.declare(both(), own());
    cluster.put(SECRETS, {
      metadata: { namespace: 'shop', name: 'tls' },
      type: 'kubernetes.io/tls',
      data: {},
    });
    await untilQuiet();
    expect(cluster.calls.length).toBe(before);
  });

  it('puts its binding in the place of one of that name that refers to another role', async () => {
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'nothing' };
    for (const name of [WEBHOOK, CONTROLLER])
      cluster.put(ROLE_BINDINGS, { metadata: { namespace: 'shop', name }, roleRef });
    await serveShop();
    expect(users('shop', SET)).toEqual({ 'dc1.test': 'dc1' });
    expect(cluster.all(ROLE_BINDINGS, { namespace: 'shop' })).toEqual(
      [CONTROLLER, WEBHOOK].map((): unknown =>
        expect.objectContaining({ roleRef: expect.objectContaining({ kind: 'ClusterRole' }) as unknown }),
      ),
    );
  });

  it('begins no second call about a namespace once another replica is to lead', async () => {
    let stopped: Promise<void> | undefined;
    cluster.before = ({ verb }) => {
      if (verb === 'apply') stopped ??= scene.stop();
    };
    label('shop');
    scene.start();
    await untilQuiet();
    await stopped;
    expect(scene.deeds).toContain(`bound shop/${CONTROLLER}`);
    expect(bindings('shop')).toEqual([CONTROLLER]);
  });

  it.each([
    ['a set goes', () => scene.sets.declare(both())],
    ['the namespace opts out', () => label('shop', {})],
  ])('takes nothing away while pods are not heard of, when %s', async (_, leave) => {
    await serveShop();
    scene.pods.isCurrent = false;
    leave();
    await timers.advance(60_000);
    await untilQuiet();
    expect(users('shop', SET)).toEqual({ 'dc1.test': 'dc1' });
    scene.pods.isCurrent = true;
    await timers.advance(5_000);
    await untilQuiet();
    expect(users('shop', SET)).toBeUndefined();
  });

  it('knows from its bindings since when a namespace is opted in, also as a new leader', async () => {
    const made = Date.parse('2026-01-02T03:04:05Z');
    cluster.wallClock = () => new Date(made);
    await serveShop();
    await scene.stop();
    expect(scene.derived.boundSince('shop')).toBeUndefined();
    cluster.wallClock = () => new Date(made + 3_600_000);
    scene.start();
    await untilQuiet();
    expect([scene.derived.boundSince('shop'), scene.derived.boundSince('other')]).toEqual([made, undefined]);
  });

  it('derives nothing from a source that is too large, keeps none of its text, and says so', async () => {
    await serveShop();
    pullSecret('shop', 'huge', { 'fra.test': 'x'.repeat(700_000) });
    await untilQuiet();
    expect(users('shop', 'registry-failover-from-huge')).toBeUndefined();
    expect(scene.derived.facts()).toContainEqual(
      expect.objectContaining({
        secret: 'registry-failover-from-huge',
        state: 'failed',
        problem: expect.objectContaining({ code: 'PullSecretTooLarge' }) as unknown,
      }),
    );
    const object = cluster.look(SECRETS, { namespace: 'shop', name: 'huge' })!;
    expect(JSON.stringify(keepSecret(object))).not.toContain('xxx');
    expect(users('shop', FROM)).toEqual({ 'ams.test': 'fra' });
  });

  it('serves a namespace that is labelled later, and none without the label', async () => {
    await serveShop();
    label('other', {});
    pullSecret('other', 'regcred', { 'fra.test': 'fra' });
    await untilQuiet();
    expect([bindings('other'), users('other', FROM)]).toEqual([[], undefined]);
    label('other');
    await timers.advance(100);
    await untilQuiet();
    expect(users('other', FROM)).toEqual({ 'ams.test': 'fra' });
  });

  it('leaves out kube-system and the install namespace, whatever their labels say', async () => {
    for (const name of ['kube-system', INSTALL.namespace]) {
      label(name);
      pullSecret(name, 'regcred', { 'fra.test': 'fra' });
    }
    await serveShop();
    for (const name of ['kube-system', INSTALL.namespace])
      expect([bindings(name), users(name, FROM), users(name, SET)]).toEqual([[], undefined, undefined]);
  });

  it('gives a namespace outside the selector nothing of that set', async () => {
    const selector = { matchLabels: { team: 'a' }, matchExpressions: [] };
    label('shop');
    label('team-a', { ...OPTED_IN, team: 'a' });
    scene.sets.declare(own({ namespaceSelector: selector }));
    scene.start();
    await untilQuiet();
    await timers.advance(100);
    await untilQuiet();
    expect([users('shop', SET), users('team-a', SET)]).toEqual([undefined, { 'dc1.test': 'dc1' }]);
    label('team-a', { ...OPTED_IN, team: 'b' });
    await untilQuiet();
    expect(users('team-a', SET)).toBeUndefined();
  });

  it('follows its source in place, and goes with it', async () => {
    await serveShop();
    const uid = look('shop', FROM)?.metadata.uid;
    pullSecret('shop', 'regcred', { 'fra.test': 'new' });
    await untilQuiet();
    expect([users('shop', FROM), look('shop', FROM)?.metadata.uid]).toEqual([{ 'ams.test': 'new' }, uid]);
    cluster.take(SECRETS, { namespace: 'shop', name: 'regcred' });
    await untilQuiet();
    expect(users('shop', FROM)).toBeUndefined();
  });

  it('goes with its set', async () => {
    await serveShop();
    scene.sets.declare(both());
    await untilQuiet();
    expect([users('shop', SET), users('shop', FROM)]).toEqual([undefined, { 'ams.test': 'fra' }]);
    expect(scene.derived.facts()).toHaveLength(1);
  });

  it.each<[string, () => void]>([
    ['an edit', () => pullSecretOfOurs('evil')],
    ['a deletion', () => cluster.take(SECRETS, { namespace: 'shop', name: FROM })],
  ])('repairs %s by hand', async (_, edit) => {
    await serveShop();
    edit();
    await untilQuiet();
    expect(users('shop', FROM)).toEqual({ 'ams.test': 'fra' });
  });

  function pullSecretOfOurs(user: string): void {
    const present = look('shop', FROM);
    if (present === undefined) throw new Error('there is none');
    const data = btoa(JSON.stringify({ auths: { 'ams.test': { username: user } } }));
    cluster.put(SECRETS, { ...present, data: { '.dockerconfigjson': data } });
  }

  it.each([WEBHOOK, CONTROLLER])('puts %s back when somebody takes it away or bends it', async (name) => {
    await serveShop();
    const present = cluster.look(ROLE_BINDINGS, { namespace: 'shop', name });
    cluster.take(ROLE_BINDINGS, { namespace: 'shop', name });
    await untilQuiet();
    expect(bindings('shop').sort()).toEqual([CONTROLLER, WEBHOOK]);
    cluster.put(ROLE_BINDINGS, {
      ...(cluster.look(ROLE_BINDINGS, { namespace: 'shop', name }) as KubeObject),
      subjects: [{ kind: 'User', name: 'mallory' }],
    });
    await untilQuiet();
    expect(cluster.look(ROLE_BINDINGS, { namespace: 'shop', name })?.['subjects']).toEqual(
      present?.['subjects'],
    );
  });

  it('takes secrets away before the right to do so when a namespace opts out, and keeps what is in use', async () => {
    await serveShop();
    scene.pods.use('shop', FROM, 'ams.test/app:1');
    scene.deeds.length = 0;
    label('shop', {});
    await untilQuiet();
    expect(scene.deeds).toEqual([`unbound shop/${WEBHOOK}`, `removed shop/${SET}`]);
    expect([users('shop', FROM), bindings('shop')]).toEqual([{ 'ams.test': 'fra' }, [CONTROLLER]]);
    expect(scene.derived.facts()).toEqual([]);
    scene.pods.use('shop', FROM);
    await untilQuiet();
    expect(scene.deeds.slice(2)).toEqual([`removed shop/${FROM}`, `unbound shop/${CONTROLLER}`]);
  });

  it('finishes an opt-out that happened while nobody led', async () => {
    await serveShop();
    await scene.stop();
    label('shop', {});
    scene.start();
    await untilQuiet();
    expect([users('shop', FROM), users('shop', SET), bindings('shop')]).toEqual([undefined, undefined, []]);
  });

  it('leaves a namespace alone that is being deleted', async () => {
    await serveShop();
    const { metadata } = cluster.look(NAMESPACES, { name: 'shop' }) as KubeObject;
    scene.deeds.length = 0;
    const deletionTimestamp = '2026-01-01T00:00:00Z';
    cluster.put(NAMESPACES, { metadata: { ...metadata, deletionTimestamp, finalizers: ['kubernetes'] } });
    await untilQuiet();
    cluster.take(SECRETS, { namespace: 'shop', name: FROM });
    cluster.take(ROLE_BINDINGS, { namespace: 'shop', name: WEBHOOK });
    await untilQuiet();
    expect([scene.deeds, scene.derived.facts()]).toEqual([[], []]);
  });

  it('says in an event, once, that a source cannot be read, and in the facts', async () => {
    await serveShop();
    cluster.put(SECRETS, {
      metadata: { namespace: 'shop', name: 'broken' },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': btoa('{"auths":{"fra.test":{"auth":"%%%"}}}') },
    });
    await untilQuiet();
    scene.sets.declare(both(), own());
    await untilQuiet();
    expect(scene.events).toMatchObject([
      {
        regarding: { kind: 'Secret', namespace: 'shop', name: 'broken' },
        type: 'Warning',
        reason: 'PullSecretUnreadable',
        note: expect.stringContaining('auth is not base64') as string,
      },
    ]);
    expect(scene.derived.facts().find(({ state }) => state === 'failed')).toMatchObject({
      set: 'both',
      secret: 'registry-failover-from-broken',
      problem: { code: 'InvalidPullSecret' },
    });
    expect(scene.counts()).toEqual({ ready: 2, pending: 0, failed: 1 });
  });

  it('keeps what nothing declares any more for a moment', async () => {
    begin({ graceMs: 5_000 });
    await serveShop();
    scene.sets.declare(both());
    await untilQuiet();
    await timers.advance(4_000);
    expect(users('shop', SET)).toBeDefined();
    await timers.advance(1_000);
    await untilQuiet();
    expect(users('shop', SET)).toBeUndefined();
  });

  it('does not make anew what was gone and came back within that moment', async () => {
    begin({ graceMs: 5_000 });
    await serveShop();
    const uid = look('shop', FROM)?.metadata.uid;
    cluster.take(SECRETS, { namespace: 'shop', name: 'regcred' });
    await untilQuiet();
    await timers.advance(3_000);
    pullSecret('shop', 'regcred', { 'fra.test': 'new' });
    await untilQuiet();
    await timers.advance(60_000);
    expect([users('shop', FROM), look('shop', FROM)?.metadata.uid]).toEqual([{ 'ams.test': 'new' }, uid]);
  });

  it('removes nothing before pods and declarations are known', async () => {
    await serveShop();
    await scene.stop();
    let known: () => void = () => {};
    scene.pods.synced = new Promise((resolve) => {
      known = resolve;
    });
    scene.sets.declare();
    scene.start();
    await untilQuiet();
    expect(users('shop', FROM)).toBeDefined();
    scene.pods.use('shop', FROM, 'ams.test/app:1');
    known();
    await untilQuiet();
    expect([users('shop', FROM), users('shop', SET)]).toEqual([{ 'ams.test': 'fra' }, undefined]);
  });

  it('says which secret the API server refuses, goes on with the others, and tries again', async () => {
    const rights = cluster.fault;
    cluster.fault = (call) =>
      call.verb === 'apply' && call.name === FROM ? failure('invalid', 'too long') : rights(call);
    await serveShop();
    expect(users('shop', SET)).toEqual({ 'dc1.test': 'dc1' });
    expect(scene.derived.facts()).toMatchObject([
      { set: 'both', state: 'failed', problem: { code: 'SecretNotWritten' } },
      { set: 'own', state: 'ready' },
    ]);
    enforceRights();
    await timers.advance(60_000);
    await untilQuiet();
    expect(scene.derived.facts()).toMatchObject([{ state: 'ready' }, { state: 'ready' }]);
  });

  it('says so when it may not bind', async () => {
    cluster.fault = (call) =>
      call.type === ROLE_BINDINGS && call.verb === 'apply' ? failure('forbidden') : undefined;
    await serveShop();
    expect(scene.derived.facts()).toMatchObject([
      { set: 'both', secret: '', state: 'failed', problem: { code: 'NamespaceNotBound' } },
      { set: 'own', secret: '', state: 'failed' },
    ]);
    expect(users('shop', SET)).toBeUndefined();
  });

  it('says so when secrets cannot be listed although it is bound', async () => {
    cluster.fault = (call) => (call.type === SECRETS ? failure('forbidden') : undefined);
    await serveShop();
    expect(scene.derived.facts()).toMatchObject([{ set: 'own', secret: SET, state: 'pending' }]);
    await timers.advance(31_000);
    expect(scene.derived.facts()).toMatchObject([
      { set: 'both', state: 'failed', problem: { code: 'SecretsUnread' } },
      { set: 'own', state: 'failed' },
    ]);
    enforceRights();
    cluster.retryWatches();
    await untilQuiet();
    expect(scene.derived.facts()).toMatchObject([{ state: 'ready' }, { state: 'ready' }]);
  });

  it('is settled once every opted-in namespace has had its turn, one that has gone and come back too', async () => {
    await serveShop();
    expect(scene.derived.isSettled).toBe(true);
    cluster.take(NAMESPACES, { name: 'shop' });
    await untilQuiet();
    expect(scene.derived.isSettled).toBe(true);
    cluster.fault = (call) => (call.type === SECRETS ? failure('forbidden') : undefined);
    label('shop');
    await untilQuiet();
    expect(scene.derived.isSettled).toBe(false);
    await timers.advance(31_000);
    expect(scene.derived.isSettled).toBe(true);
  });

  it('does not fight for a secret without end', async () => {
    await serveShop();
    const before = cluster.count('apply', SECRETS);
    const start = timers.now();
    for (let time = 0; time < 200; time += 1) {
      cluster.take(SECRETS, { namespace: 'shop', name: FROM });
      await untilQuiet(1);
    }
    const seconds = (timers.now() - start) / 1_000;
    expect(cluster.count('apply', SECRETS) - before).toBeLessThan(15 + seconds);
    await timers.advance(2_000);
    await untilQuiet();
    expect(users('shop', FROM)).toBeDefined();
  });

  it('gives what stands in the namespaces to whoever tries credentials, and tells of each rotation', async () => {
    const seen: string[][] = [];
    scene.derived.onSecrets(() =>
      seen.push(
        scene.derived
          .subjects()
          .flatMap(({ set, secret }) =>
            secret.entries.map(({ key, credential }) => `${set.name} ${key} ${credential.username}`),
          ),
      ),
    );
    await serveShop();
    const last = (): string[] | undefined => seen.at(-1);
    expect(last()).toEqual(['both ams.test fra', 'own dc1.test dc1']);
    pullSecret('shop', 'regcred', { 'fra.test': 'new' });
    await untilQuiet();
    expect(last()).toEqual(['both ams.test new', 'own dc1.test dc1']);
    await scene.stop();
    expect(last()).toEqual([]);
  });

  it('begins nothing after it has stopped leading', async () => {
    await serveShop();
    await scene.stop();
    const before = cluster.calls.length;
    pullSecret('shop', 'regcred', { 'fra.test': 'new' });
    scene.sets.declare();
    await untilQuiet();
    await timers.advance(60_000);
    expect(cluster.calls.length).toBe(before);
    expect([scene.derived.facts(), scene.counts()]).toEqual([[], { ready: 0, pending: 0, failed: 0 }]);
  });

  it('waits for the call that is under way, and makes no other, when it is to stop', async () => {
    let release: () => void = () => {};
    cluster.before = ({ verb, type }) =>
      verb === 'apply' && type === SECRETS
        ? new Promise((resolve) => {
            release = resolve;
          })
        : undefined;
    await serveShop();
    let stopped = false;
    const stopping = scene.stop().then(() => {
      stopped = true;
    });
    await untilQuiet();
    expect(stopped).toBe(false);
    release();
    await stopping;
    expect(cluster.all(SECRETS, { namespace: 'shop' })).toHaveLength(2);
    cluster.before = () => {};
  });

  it('goes on where it was when the API server has been away', async () => {
    await serveShop();
    cluster.goAway();
    scene.sets.declare(own());
    await untilQuiet();
    expect(users('shop', FROM)).toBeDefined();
    cluster.comeBack();
    await timers.advance(2_000);
    await untilQuiet();
    expect(users('shop', FROM)).toBeUndefined();
  });

  it('opens the watches of many namespaces a few at a time', async () => {
    for (let number = 0; number < 120; number += 1) label(`ns-${number}`);
    scene.sets.declare(own());
    scene.start();
    for (let round = 0; round < 5; round += 1) await cluster.settle().then(settle);
    const open = (): number => cluster.count('watch', SECRETS);
    expect(open()).toBe(1);
    await timers.advance(1_000);
    expect(open()).toBeGreaterThan(45);
    expect(open()).toBeLessThan(55);
    await timers.advance(1_500);
    await untilQuiet();
    expect(scene.counts()).toEqual({ ready: 120, pending: 0, failed: 0 });
  });
});
