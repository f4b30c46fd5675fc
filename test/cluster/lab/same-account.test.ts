// One account that is valid at an upstream and at its mirror: what is derived from pods' own pull secrets, from the label to its end.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Account } from '../../lab/registries/records.ts';
import { DC1, FRA2 } from '../../lab/registries/records.ts';
import { Sets, mirror, secretOf, waitEvent } from './sets.ts';
import { RELEASE, Stage, decisionOf, unique, waitFor } from './stage.ts';

const DERIVED = 'registry-failover-from-upstream';
/** From a changed source to what is derived from it. */
const SOON_MS = 2_000;

let stage: Stage;
let sets: Sets;
let namespace: string;
/** The name of the set, and the first component of its repositories. */
let name: string;

/** The upstream's account and another one; both registries take both. */
let first: Account;
const second: Account = { user: 'second-puller', password: 'of-the-second' };

async function open(): Promise<void> {
  const { registries } = stage.lab;
  await registries.reset();
  const mirrors = registries.record(DC1).account;
  if (mirrors === undefined) throw new Error('the mirror asks nobody');
  await registries.setAccounts(FRA2, [first, second]);
  await registries.setAccounts(DC1, [mirrors, first, second]);
}

beforeAll(async () => {
  stage = new Stage();
  sets = new Sets(stage);
  first = stage.lab.registries.record(FRA2).account ?? second;
  name = unique('same');
  await open();
  await sets.declare({
    name,
    prefix: `${FRA2}/${name}`,
    mirrors: [mirror(`${DC1}/${name}`, { source: 'SameAsUpstream' })],
  });
  await sets.waitValid(name);
});
beforeEach(async () => {
  await open();
  namespace = await stage.namespace('same');
  await waitDerived((users) => users.includes(first.user));
});
afterAll(async () => {
  await sets.close();
  await stage.close();
});

/** The user names in the derived secret; empty when there is none. */
async function derivedUsers(): Promise<readonly string[]> {
  const secret = await stage.find<{ data: Record<string, string> }>('secrets', namespace, DERIVED);
  if (secret === undefined) return [];
  const text = Buffer.from(secret.data['.dockerconfigjson'] ?? '', 'base64').toString('utf8');
  const { auths } = JSON.parse(text) as { auths: Record<string, { username: string }> };
  return Object.values(auths).map(({ username }) => username);
}

async function waitDerived(isRight: (users: readonly string[]) => boolean, withinMs = 60_000): Promise<void> {
  await waitFor(`the derived secret of ${namespace}`, withinMs, async () => isRight(await derivedUsers()));
}

/** An image that is known at a healthy upstream, which then goes. */
async function imageInOutage(): Promise<string> {
  const image = await stage.imageOf(`${name}/app`, FRA2, DC1);
  await stage.waitJudged(namespace, `${FRA2}/${image}`, 'upstream-available');
  await stage.stopped(namespace, FRA2, image);
  return image;
}

async function runPod(image: string): Promise<string> {
  const pod = unique('pod');
  await stage.apply(stage.podManifest(namespace, pod, 'crio', [`${FRA2}/${image}`]));
  const live = await stage.waitRunning(namespace, pod);
  expect(live.spec.containers[0]?.image).toBe(`${DC1}/${image}`);
  expect(live.spec.imagePullSecrets?.map((secret) => secret.name)).toEqual(['upstream', DERIVED]);
  return pod;
}

describe('the credential', () => {
  it('is rotated in place within two seconds of its source, and a pull uses the new one', async () => {
    const image = await imageInOutage();
    const before = await stage.get<{ metadata: { uid: string } }>('secrets', namespace, DERIVED);
    const took: number[] = [];
    for (const account of [second, first, second]) {
      const began = performance.now();
      await stage.apply(secretOf(namespace, 'upstream', { [FRA2]: account }));
      await waitDerived((users) => users.join() === account.user);
      took.push(performance.now() - began);
    }
    // The quickest: the others may have waited for a busy machine.
    expect(Math.min(...took)).toBeLessThan(SOON_MS);
    const after = await stage.get<{ metadata: { uid: string } }>('secrets', namespace, DERIVED);
    expect(after.metadata.uid).toBe(before.metadata.uid);
    const since = Date.now();
    const pod = await runPod(image);
    const node = (await stage.pod(namespace, pod)).spec.nodeName;
    expect(node).toBe('node1');
    const users = stage.lab.registries
      .requests(DC1, since)
      .filter(({ path }) => path.includes('/blobs/'))
      .flatMap(({ user }) => user ?? []);
    expect(new Set(users)).toEqual(new Set([second.user]));
  });

  it('serves an image that was deleted upstream: whoever may read it there may read it here', async () => {
    const image = await stage.imageOf(`${name}/app`, DC1);
    await stage.waitJudged(namespace, `${FRA2}/${image}`, 'upstream-missing');
    await runPod(image);
  });

  it('is put right when somebody edits it, and made again when somebody deletes it', async () => {
    const path = ['secret', '-n', namespace, DERIVED] as const;
    const { data } = secretOf(namespace, DERIVED, { [DC1]: { user: 'somebody', password: 'else' } });
    await stage.kubectl('patch', ...path, '-p', JSON.stringify({ data }));
    await waitDerived((users) => users.includes(first.user));
    // What was written beside it goes as what is no longer declared does: after a few seconds.
    await waitDerived((users) => users.join() === first.user);
    // It waits until the object of that uid is gone.
    await stage.kubectl('delete', ...path);
    await waitDerived((users) => users.join() === first.user);
  });
});

describe('a source that does not parse', () => {
  it('is said in the status and by an event; its pods are as without us', async () => {
    const entry = { auths: { [FRA2]: { auth: 'no base64!' } } };
    await stage.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'broken', namespace },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from(JSON.stringify(entry)).toString('base64') },
    });
    const failed = { type: 'CredentialsReady', status: 'False', reason: 'Failed' };
    const message = await sets.waitCondition(name, failed);
    expect(message).toContain(`${namespace}/`);
    expect(message).toContain('broken');
    expect(await stage.kubectl('get', 'rms', name, '--no-headers')).toContain('Failed');
    const wanted = { reason: 'PullSecretUnreadable', kind: 'Secret', name: 'broken' };
    expect((await waitEvent(stage, namespace, wanted)).type).toBe('Warning');
    const pod = stage.podManifest(namespace, unique('broken'), 'crio', [`${FRA2}/${name}/app:v1`]);
    const spec = { ...(pod['spec'] as object), imagePullSecrets: [{ name: 'broken' }] };
    const judged = await stage.judgePod({ ...pod, spec });
    expect(judged.spec.imagePullSecrets).toEqual([{ name: 'broken' }]);
    expect(judged.spec.containers[0]?.image).toBe(`${FRA2}/${name}/app:v1`);
    await stage.kubectl('delete', 'secret', '-n', namespace, 'broken');
    await sets.waitCondition(name, { type: 'CredentialsReady', status: 'True', reason: 'Ready' });
  });
});

describe('when the label goes', () => {
  const controllerBinding = `${RELEASE}-controller`;
  const isBound = async (binding: string): Promise<boolean> =>
    (await stage.find('rolebindings', namespace, binding)) !== undefined;

  it('what no pod uses goes at once, the rights after the secrets; what a living pod uses goes with the pod', async () => {
    const image = await imageInOutage();
    const pod = await runPod(image);
    await stage.kubectl('label', 'namespace', namespace, 'registry-failover.io/enabled-');
    await waitFor('the shared set’s secret to go', 60_000, async () => {
      return (await stage.find('secrets', namespace, 'registry-failover-set-fra')) === undefined;
    });
    await waitFor('the webhook’s right to go', 60_000, async () => !(await isBound(`${RELEASE}-webhook`)));
    expect(await derivedUsers()).toEqual([first.user]);
    expect(await isBound(controllerBinding)).toBe(true);
    await stage.kubectl('delete', 'pod', '-n', namespace, pod, '--grace-period=0', '--force');
    await waitFor('the rights to go', 60_000, async () => {
      const bound = await isBound(controllerBinding);
      // Asked in this order, a secret that is left behind is seen.
      const left = (await derivedUsers()).length;
      if (!bound) expect(left).toBe(0);
      return !bound;
    });
    const judged = await stage.judge(namespace, [`${FRA2}/${image}`]);
    expect(judged.spec.imagePullSecrets).toEqual([{ name: 'upstream' }]);
    expect(judged.metadata.annotations).toBeUndefined();
  });

  it('and when the set goes, so does what a living pod does not use', async () => {
    const own = unique('brief');
    await sets.declare({
      name: own,
      prefix: `${FRA2}/${own}`,
      mirrors: [mirror(`${DC1}/${own}`, { source: 'SameAsUpstream' })],
    });
    const pods = await stage.judge(namespace, [`${FRA2}/${name}/app:v1`]);
    expect(decisionOf(pods)['containers/c0']?.action).toBe('keep');
    await waitDerived((users) => users.length === 2);
    await sets.delete(own);
    await waitDerived((users) => users.length === 1);
  });
});
