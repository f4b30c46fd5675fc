// The promise on the real thing: pods start while their registry is down, on both runtimes, with different credentials each.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RUNTIMES, Stage, decisionOf, unique } from './stage.ts';

const FRA = 'fra.registry.test';
const AMS = 'ams.registry.test';
const FRA2 = 'fra2.registry.test';
const DC1 = 'dc1.registry.test';
/** A kubelet that is told to pull from a dead registry needs 30 s for one try. */
const SOON_MS = 15_000;

let stage: Stage;
let namespace: string;
beforeAll(async () => {
  stage = new Stage();
  await stage.lab.registries.reset();
  namespace = await stage.namespace('outage');
});
afterEach(async () => {
  await stage.lab.registries.reset();
});
afterAll(() => stage.close());

type Host = typeof FRA | typeof AMS | typeof FRA2 | typeof DC1;

/** An image that every replica knows to be served by a healthy upstream. */
async function known(...hosts: readonly Host[]): Promise<string> {
  const image = await stage.image(...hosts);
  await stage.waitJudged(namespace, `${hosts[0]}/${image}`, 'upstream-available');
  return image;
}

/**
 * An image that nobody has asked for, while every replica sees the upstream healthy: the first pod finds the outage out. (One that is
 * known is kept for up to ten seconds, until the next ping: docs/limits.md.)
 */
async function unknown(...hosts: readonly Host[]): Promise<string> {
  await known(...hosts);
  return await stage.image(...hosts);
}

describe.each(RUNTIMES)('on %s', (runtime) => {
  it('a healthy upstream serves, and the mirror’s secret is there for later', async () => {
    const image = await known(FRA, AMS);
    const name = unique('well');
    await stage.apply(stage.podManifest(namespace, name, runtime, [`${FRA}/${image}`]));
    const pod = await stage.waitRunning(namespace, name, SOON_MS);
    expect(pod.spec.containers[0]?.image).toBe(`${FRA}/${image}`);
    expect(pod.spec.imagePullSecrets?.map((secret) => secret.name)).toEqual([
      'upstream',
      'registry-failover-set-fra',
    ]);
    expect(decisionOf(pod)['containers/c0']).toMatchObject({ action: 'keep', reason: 'upstream-available' });
    const secret = await stage.get<{ type: string; data: Record<string, string> }>(
      'secrets',
      namespace,
      'registry-failover-set-fra',
    );
    const config = Buffer.from(secret.data['.dockerconfigjson'] ?? '', 'base64').toString('utf8');
    expect(Object.keys((JSON.parse(config) as { auths: object }).auths)).toEqual([AMS]);
  });

  it('an upstream that is stopped: the pod runs by the mirror, with the mirror’s credential', async () => {
    const image = await unknown(FRA, AMS);
    await stage.lab.registries.stop(FRA);
    const name = unique('stopped');
    await stage.apply(stage.podManifest(namespace, name, runtime, [`${FRA}/${image}`]));
    const pod = await stage.waitRunning(namespace, name, SOON_MS);
    expect(pod.spec.containers[0]?.image).toBe(`${AMS}/${image}`);
    expect(decisionOf(pod)['containers/c0']).toMatchObject({
      action: 'rewrite',
      reason: 'upstream-unreachable',
      image: `${FRA}/${image}`,
    });
  });

  it('an upstream behind a firewall that drops everything', async () => {
    const image = await unknown(FRA, AMS);
    await stage.lab.registries.drop(FRA);
    const name = unique('dropped');
    await stage.apply(stage.podManifest(namespace, name, runtime, [`${FRA}/${image}`]));
    const pod = await stage.waitRunning(namespace, name, SOON_MS);
    expect(pod.spec.containers[0]?.image).toBe(`${AMS}/${image}`);
    expect(decisionOf(pod)['containers/c0']?.reason).toBe('upstream-unreachable');
  });

  it('an upstream that answers 429: the mirror serves, and sees its own account', async () => {
    const image = await known(FRA2, DC1);
    await stage.lab.registries.fault(FRA2, { status: 429, retryAfter: 60 });
    const began = Date.now();
    const name = unique('limited');
    const fresh = await stage.image(DC1);
    await stage.apply(stage.podManifest(namespace, name, runtime, [`${FRA2}/${fresh}`]));
    const pod = await stage.waitRunning(namespace, name, SOON_MS);
    expect(pod.spec.containers[0]?.image).toBe(`${DC1}/${fresh}`);
    expect(decisionOf(pod)['containers/c0']?.reason).toBe('upstream-throttled');
    const shown = stage.lab.registries.requests(DC1, began).flatMap(({ user }) => user ?? []);
    expect(new Set(shown)).toEqual(new Set(['dc1-puller']));
    expect(image).not.toBe(fresh);
  });

  it('an image that was deleted upstream stays where it is: a mirror’s own account must not grant it', async () => {
    const image = await known(FRA, AMS);
    const [repository = '', tag = ''] = image.split(':');
    await stage.lab.registries.deleteManifest({ host: FRA, repository, tag });
    // What was remembered of it is fresh for half a minute.
    await stage.waitJudged(namespace, `${FRA}/${image}`, 'no-mirror-available');
  });

  it('a stale tag at the mirror is better than no pod, and is said to be another image', async () => {
    const image = await known(FRA, AMS);
    const [repository = '', tag = ''] = image.split(':');
    await stage.lab.registries.push({ host: AMS, repository, tag, content: `${tag}-older` });
    await stage.lab.registries.stop(FRA);
    await stage.waitJudged(namespace, `${FRA}/${image}`, 'upstream-unreachable');
    const name = unique('stale');
    await stage.apply(stage.podManifest(namespace, name, runtime, [`${FRA}/${image}`]));
    const pod = await stage.waitRunning(namespace, name, SOON_MS);
    expect(decisionOf(pod)['containers/c0']).toMatchObject({ action: 'rewrite', digest: 'differs' });
  });

  it('everything down: the pod is admitted as it is, and says why', async () => {
    const image = await known(FRA, AMS);
    await stage.lab.registries.stop(FRA);
    await stage.lab.registries.stop(AMS);
    await stage.waitJudged(namespace, `${FRA}/${image}`, 'no-mirror-available');
  });
});
