// Derived secrets on a real API server, under the chart's own rights and admission policies.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanUp } from '../../../src/controller/cleanup.ts';
import type { MirrorSet } from '../../../src/domain/mirror-set.ts';
import { INSTALL } from '../../controller/credential-scene.ts';
import { makeMirror, makeSecret, makeSet } from '../../support/make.ts';
import { waitFor } from '../../lab/wait.ts';
import { eventually, World } from './world.ts';

const FROM = 'registry-failover-from-regcred';
const SET = 'registry-failover-set-own';
const [WEBHOOK, CONTROLLER] = ['registry-failover-webhook', 'registry-failover-controller'];

let world: World;

const both = (...mirrors: string[]): MirrorSet => makeSet('fra.test', mirrors, { name: 'both' });
const own = (user: string): MirrorSet =>
  makeSet(
    'quay.test',
    [makeMirror('dc1.test', { source: 'Secret', secret: makeSecret('dc1', { 'dc1.test': user }) })],
    { name: 'own' },
  );

beforeAll(async () => {
  world = await World.start();
  world.scene.sets.declare(both('ams.test'), own('dc1'));
  world.scene.start();
});

afterAll(() => world?.stop());

const bindingsOf = (namespace: string): Promise<string[]> =>
  world.names(`/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`);

/** The secret, once its users are these. */
function awaitUsers(
  namespace: string,
  name: string,
  users: Record<string, string>,
  ms = 30_000,
): Promise<{ uid: string }> {
  return eventually(`${name} in ${namespace} with ${JSON.stringify(users)}`, ms, async () => {
    const found = await world.look(namespace, name);
    return JSON.stringify(found?.users) === JSON.stringify(users) ? found : undefined;
  });
}

function awaitAbsence(namespace: string, name: string): Promise<true> {
  return eventually(`${namespace} without ${name}`, 30_000, async () =>
    (await world.look(namespace, name)) === undefined ? true : undefined,
  );
}

/** A namespace that has everything. */
async function serve(namespace: string): Promise<{ uid: string }> {
  await world.makeNamespace(namespace);
  await world.makeSecret(namespace, 'regcred', { 'fra.test': 'fra' });
  await awaitUsers(namespace, SET, { 'dc1.test': 'dc1' });
  return awaitUsers(namespace, FROM, { 'ams.test': 'fra' });
}

describe('an opted-in namespace', () => {
  it('gets its rights and its secrets when the label comes, and not before', async () => {
    const names = ['later', 'later-still', 'last'];
    for (const name of names) {
      await world.makeNamespace(name, false);
      await world.makeSecret(name, 'regcred', { 'fra.test': 'fra' });
    }
    await serve('first');
    for (const name of names)
      expect([await bindingsOf(name), await world.look(name, FROM)]).toEqual([[], undefined]);
    const took: number[] = [];
    for (const name of names) {
      const start = performance.now();
      await world.label(name, 'true');
      await awaitUsers(name, FROM, { 'ams.test': 'fra' });
      took.push(performance.now() - start);
      await awaitUsers(name, SET, { 'dc1.test': 'dc1' });
      expect((await bindingsOf(name)).toSorted()).toEqual([CONTROLLER, WEBHOOK]);
    }
    // The quickest: the others may have waited for a busy machine.
    expect(Math.min(...took)).toBeLessThan(5_000);
  });

  it('has its secrets rotated in place, within 2 s', async () => {
    const { uid } = await serve('rotating');
    const took: number[] = [];
    for (const user of ['one', 'two', 'three']) {
      const start = performance.now();
      await world.changeSecret('rotating', 'regcred', { 'fra.test': user });
      const after = await awaitUsers('rotating', FROM, { 'ams.test': user });
      took.push(performance.now() - start);
      expect(after.uid).toBe(uid);
    }
    expect(Math.min(...took)).toBeLessThan(2_000);
    const before = await world.look('rotating', SET);
    world.scene.sets.declare(both('ams.test'), own('new'));
    expect((await awaitUsers('rotating', SET, { 'dc1.test': 'new' })).uid).toBe(before?.uid);
    world.scene.sets.declare(both('ams.test'), own('dc1'));
    await awaitUsers('rotating', SET, { 'dc1.test': 'dc1' });
  });

  it('has an edit and a deletion by hand repaired, of secrets and of bindings', async () => {
    const { uid } = await serve('repaired');
    await world.changeSecret('repaired', FROM, { 'ams.test': 'mallory' });
    expect((await awaitUsers('repaired', FROM, { 'ams.test': 'fra' })).uid).toBe(uid);
    await world.remove(`/api/v1/namespaces/repaired/secrets/${FROM}`);
    expect((await awaitUsers('repaired', FROM, { 'ams.test': 'fra' })).uid).not.toBe(uid);
    for (const name of [WEBHOOK, CONTROLLER]) {
      await world.remove(`/apis/rbac.authorization.k8s.io/v1/namespaces/repaired/rolebindings/${name}`);
      await eventually(`${name} to be back`, 30_000, async () =>
        (await bindingsOf('repaired')).includes(name) ? true : undefined,
      );
    }
    await world.changeSecret('repaired', 'regcred', { 'fra.test': 'after' });
    await awaitUsers('repaired', FROM, { 'ams.test': 'after' });
  });

  it('keeps a secret that a pod uses when it opts out, and the rights go last', async () => {
    await serve('leaving');
    await world.makePod('leaving', 'user', 'ams.test/team/app:1', FROM);
    world.scene.deeds.length = 0;
    await world.label('leaving', null);
    await awaitAbsence('leaving', SET);
    expect(await bindingsOf('leaving')).toEqual([CONTROLLER]);
    expect(await world.look('leaving', FROM)).toMatchObject({ users: { 'ams.test': 'fra' } });
    await world.remove('/api/v1/namespaces/leaving/pods/user?gracePeriodSeconds=0');
    await awaitAbsence('leaving', FROM);
    await eventually('no binding', 30_000, async () =>
      (await bindingsOf('leaving')).length === 0 ? true : undefined,
    );
    const ofIt = world.scene.deeds.filter((deed) => deed.includes(' leaving'));
    expect(ofIt).toEqual([
      `unbound leaving/${WEBHOOK}`,
      `removed leaving/${SET}`,
      `removed leaving/${FROM}`,
      `unbound leaving/${CONTROLLER}`,
    ]);
    expect(await world.names('/api/v1/namespaces/leaving/secrets')).toEqual(['regcred']);
  });

  it('loses what a set gave it when the set goes, but for what a pod uses', async () => {
    await serve('setless');
    world.scene.sets.declare(both('ams.test', 'zrh.test'), own('dc1'));
    await awaitUsers('setless', FROM, { 'ams.test': 'fra', 'zrh.test': 'fra' });
    await world.makePod('setless', 'user', 'zrh.test/app', FROM);
    world.scene.sets.declare(own('dc1'));
    await awaitUsers('setless', FROM, { 'zrh.test': 'fra' });
    await world.remove('/api/v1/namespaces/setless/pods/user?gracePeriodSeconds=0');
    await awaitAbsence('setless', FROM);
    world.scene.sets.declare(both('ams.test'), own('dc1'));
    await awaitUsers('setless', FROM, { 'ams.test': 'fra' });
  });

  it('has a broken source reported, and a name that is taken left alone', async () => {
    await world.makeNamespace('troubled', false);
    const path = '/api/v1/namespaces/troubled/secrets';
    const type = 'kubernetes.io/dockerconfigjson';
    const text = '{"auths":{"fra.test":{"auth":"???"}}}';
    const broken = { metadata: { name: 'broken' }, type, stringData: { '.dockerconfigjson': text } };
    await world.chart.expectDone({ method: 'POST', path, body: broken });
    await world.makeSecret('troubled', SET, { 'dc1.test': 'theirs' });
    await world.label('troubled', 'true');
    const reasons = await eventually('both events', 30_000, () => {
      const found = world.scene.events.filter(({ regarding }) => regarding.namespace === 'troubled');
      return Promise.resolve(found.length < 2 ? undefined : found.map(({ reason }) => reason));
    });
    expect(reasons.toSorted()).toEqual(['DerivedSecretNameTaken', 'PullSecretUnreadable']);
    expect(await world.look('troubled', SET)).toMatchObject({ users: { 'dc1.test': 'theirs' } });
    const facts = world.scene.derived.facts().filter(({ namespace }) => namespace === 'troubled');
    expect(facts.map(({ state }) => state)).toEqual(['failed', 'failed']);
    await world.label('troubled', null);
    await eventually('no binding', 30_000, async () =>
      (await bindingsOf('troubled')).length === 0 ? true : undefined,
    );
    expect((await world.names(path)).toSorted()).toEqual(['broken', SET]);
  });

  it('goes on by itself when the API server has been restarted', async () => {
    await serve('patient');
    await world.chart.plane.restartApiServer();
    await world.changeSecret('patient', 'regcred', { 'fra.test': 'later' });
    await awaitUsers('patient', FROM, { 'ams.test': 'later' }, 90_000);
  });

  it('is one of a hundred', async () => {
    const names = Array.from({ length: 100 }, (_, number) => `many-${number}`);
    for (let from = 0; from < names.length; from += 10) {
      const some = names.slice(from, from + 10);
      await Promise.all(some.map((name) => world.makeNamespace(name, false)));
      await Promise.all(some.map((name) => world.makeSecret(name, 'regcred', { 'fra.test': name })));
    }
    const before = world.scene.counts().ready;
    await Promise.all(names.map((name) => world.label(name, 'true')));
    await waitFor('all of them to be served', 120_000, () =>
      Promise.resolve(world.scene.counts().ready >= before + 2 * names.length),
    );
    for (const name of names) await awaitUsers(name, FROM, { 'ams.test': name }, 0);
    expect(world.scene.counts().failed).toBe(0);
    expect(world.scene.thrown).toEqual([]);
  });

  it('is clean after an uninstall, but for what pods use, and a second one finds nothing', async () => {
    await world.makePod('first', 'user', 'ams.test/app', FROM);
    await world.scene.stop();
    const lines: string[] = [];
    const run = (): ReturnType<typeof cleanUp> =>
      cleanUp({
        api: world.api,
        install: INSTALL,
        say: (line) => lines.push(line),
        signal: AbortSignal.timeout(60_000),
      });
    const report = await run();
    expect(report).toMatchObject({ kept: [`first/${FROM}`], unfinished: [] });
    expect(lines).toContain(`  kubectl delete secret -n first ${FROM}`);
    const selector = 'labelSelector=registry-failover.io%2Fderived%3Dtrue';
    expect(await world.names(`/api/v1/secrets?${selector}`)).toEqual([FROM]);
    for (const name of [WEBHOOK, CONTROLLER]) {
      const path = '/apis/rbac.authorization.k8s.io/v1/rolebindings';
      expect(await world.names(`${path}?fieldSelector=metadata.name%3D${name}`)).toEqual([]);
    }
    expect(await run()).toMatchObject({ removed: 0, kept: [], unfinished: [] });
  });
});
