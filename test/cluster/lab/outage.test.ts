// The promise on the real thing: pods start while their registry is down, on both runtimes, with different credentials each.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AMS, DC1, FRA, FRA2 } from '../../lab/registries/records.ts';
import { secretOf } from './sets.ts';
import { RUNTIMES, Stage, decisionOf, unique } from './stage.ts';
import type { LivePod, SlotRecord } from './stage.ts';

/** A kubelet that is told to pull from a dead registry needs 30 s for one try. */
const SOON_MS = 25_000;

let stage: Stage;
let namespace: string;
beforeAll(async () => {
  stage = new Stage();
  namespace = await stage.open('outage');
});
afterEach(async () => {
  await stage.lab.registries.reset();
});
afterAll(() => stage.close());

type Host = typeof FRA | typeof AMS | typeof FRA2 | typeof DC1;

/** An image that is known to be served by a healthy upstream. */
function known(...hosts: readonly [Host, ...Host[]]): Promise<string> {
  return stage.known(namespace, ...hosts);
}

interface Run {
  readonly pod: LivePod;
  readonly slot: SlotRecord | undefined;
}

/** A pod on each node at once, each with its own of these images of a host; waits until both run. */
async function runOnEach(host: Host, images: readonly string[], where = namespace): Promise<readonly Run[]> {
  return await Promise.all(
    RUNTIMES.map(async (runtime, index) => {
      const name = unique(runtime);
      await stage.apply(stage.podManifest(where, name, runtime, [`${host}/${images[index] ?? ''}`]));
      const pod = await stage.waitRunning(where, name, SOON_MS);
      return { pod, slot: decisionOf(pod)['containers/c0'] };
    }),
  );
}

function expectMoved(
  runs: readonly Run[],
  images: readonly string[],
  { from, to, reason }: { readonly from: Host; readonly to: Host; readonly reason: string },
): void {
  const [found, wanted] = [runs.map(({ pod }) => pod.spec.containers[0]?.image), images];
  expect(found).toEqual(wanted.map((image) => `${to}/${image}`));
  expect(runs.map(({ slot }) => slot)).toMatchObject(
    images.map((image) => ({ action: 'rewrite', reason, image: `${from}/${image}` })),
  );
}

describe('on CRI-O and on containerd', () => {
  it('a healthy upstream serves, and the mirror’s secret is there for later', async () => {
    const images = [await known(FRA, AMS), await known(FRA, AMS)];
    const runs = await runOnEach(FRA, images);
    expect(runs.map(({ pod }) => pod.spec.containers[0]?.image)).toEqual(
      images.map((image) => `${FRA}/${image}`),
    );
    for (const { pod, slot } of runs) {
      expect(slot).toMatchObject({ action: 'keep', reason: 'upstream-available' });
      const secrets = pod.spec.imagePullSecrets?.map((secret) => secret.name);
      expect(secrets).toEqual(['upstream', 'registry-failover-set-fra']);
    }
    const secret = await stage.get<{ data: Record<string, string> }>(
      'secrets',
      namespace,
      'registry-failover-set-fra',
    );
    const config = Buffer.from(secret.data['.dockerconfigjson'] ?? '', 'base64').toString('utf8');
    expect(Object.keys((JSON.parse(config) as { auths: object }).auths)).toEqual([AMS]);
  });

  // Nobody has asked for these images: the first pod finds the outage out. (One that is known is kept for up to ten seconds, until
  // the next ping: docs/limits.md.)
  it.each([
    ['that is stopped', () => stage.lab.registries.stop(FRA)],
    ['behind a firewall that drops everything', () => stage.lab.registries.drop(FRA)],
  ])('an upstream %s: pods run by the mirror, with the mirror’s credential', async (_what, breakIt) => {
    await known(FRA, AMS);
    const images = [await stage.image(FRA, AMS), await stage.image(FRA, AMS)];
    await breakIt();
    const runs = await runOnEach(FRA, images);
    expectMoved(runs, images, { from: FRA, to: AMS, reason: 'upstream-unreachable' });
  });

  it.each([
    ['503', 'upstream-failing', { status: 503 }],
    ['429', 'upstream-throttled', { status: 429, retryAfter: 60 }],
  ])(
    'an upstream that answers %s: the mirror serves, and sees its own account',
    async (status, reason, fault) => {
      // A limit is remembered for its credential, so each has one of its own.
      const account = { user: `caller-${status}`, password: 'of-a-caller' };
      const own = stage.lab.registries.record(FRA2).account ?? account;
      await stage.lab.registries.setAccounts(FRA2, [own, account]);
      const there = await stage.namespace('limited');
      await stage.apply(secretOf(there, 'upstream', { [FRA2]: account }));
      await known(FRA2, DC1);
      const images = [await stage.image(DC1), await stage.image(DC1)];
      await stage.lab.registries.fault(FRA2, fault);
      const began = Date.now();
      const runs = await runOnEach(FRA2, images, there);
      expectMoved(runs, images, { from: FRA2, to: DC1, reason });
      const shown = stage.lab.registries.requests(DC1, began).flatMap(({ user }) => user ?? []);
      expect(new Set(shown)).toEqual(new Set(['dc1-puller']));
    },
  );

  it('a stale tag at the mirror is better than no pod, and is said to be another image', async () => {
    const images = [await stage.image(FRA), await stage.image(FRA)];
    for (const image of images) {
      const [repository = '', tag = ''] = image.split(':');
      // Before anybody asks: what a mirror has answered is remembered for half a minute.
      await stage.lab.registries.push({ host: AMS, repository, tag, content: `${tag}-older` });
      await stage.waitJudged(namespace, `${FRA}/${image}`, 'upstream-available');
    }
    for (const image of images) await stage.stopped(namespace, FRA, image);
    const runs = await runOnEach(FRA, images);
    // Only a replica that has seen the upstream's digest can tell that the mirror's is another; one that has not says so.
    for (const { slot } of runs) expect(slot?.digest).toMatch(/^(?:differs|unverified)$/);
  });
});

describe('what no runtime has to do with', () => {
  it('an image that was deleted upstream stays where it is: a mirror’s own account must not grant it', async () => {
    await known(FRA, AMS);
    const image = await stage.image(FRA, AMS);
    const [repository = '', tag = ''] = image.split(':');
    await stage.lab.registries.deleteManifest({ host: FRA, repository, tag });
    await stage.waitJudged(namespace, `${FRA}/${image}`, 'no-mirror-available');
  });

  it('an upstream that is connected and never answers is an outage as soon as a ping says so too', async () => {
    const image = await known(FRA2, DC1);
    await stage.lab.registries.fault(FRA2, 'hang');
    await stage.waitJudged(namespace, `${FRA2}/${image}`, 'upstream-unreachable');
  });

  it('everything down: the pod is admitted as it is, and says why', async () => {
    const image = await known(FRA, AMS);
    await stage.lab.registries.stop(FRA);
    await stage.lab.registries.stop(AMS);
    await stage.waitJudged(namespace, `${FRA}/${image}`, 'no-mirror-available');
    const judged = await stage.judge(namespace, [`${FRA}/${image}`]);
    expect(judged.spec.containers[0]?.image).toBe(`${FRA}/${image}`);
  });
});
