// What a declaration grants, and to whom: namespaces that a set is not for, nodes' own credentials, CAs that nodes do not have, sets that cannot be in force.
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AMS, FRA, PLATFORM } from '../../lab/registries/records.ts';
import { LAB_CA, Sets, mirror } from './sets.ts';
import { Stage, decisionOf, unique, waitFor } from './stage.ts';

const AMS_PULL = { source: 'Secret', secretRef: { name: 'ams-pull' } };

let stage: Stage;
let sets: Sets;
let namespace: string;
beforeAll(async () => {
  stage = new Stage();
  sets = new Sets(stage);
  namespace = await stage.open('grants');
});
afterEach(async () => {
  await stage.lab.registries.reset();
});
afterAll(async () => {
  await sets.close();
  await stage.close();
});

describe('namespaceSelector with source: Secret', () => {
  it('a namespace that it does not select gets neither the secret nor its name', async () => {
    const name = unique('granted');
    const repository = `${name}/app`;
    const selected = await stage.namespace('selected', { labels: { team: name } });
    await sets.declare({
      name,
      prefix: `${FRA}/${name}`,
      mirrors: [mirror(`${AMS}/${name}`, AMS_PULL)],
      further: { namespaceSelector: { matchLabels: { team: name } } },
    });
    const secret = `registry-failover-set-${name}`;
    await waitFor('the secret where it is granted', 60_000, async () => {
      return (await stage.find('secrets', selected, secret)) !== undefined;
    });
    const image = await stage.imageOf(repository, FRA, AMS);
    await stage.waitJudged(selected, `${FRA}/${image}`, 'upstream-available');
    const namesOf = async (where: string): Promise<readonly string[]> =>
      (await stage.judge(where, [`${FRA}/${image}`])).spec.imagePullSecrets?.map((one) => one.name) ?? [];
    // The webhook's replicas learn of the set by watches of their own.
    await waitFor('the set to be in force at the webhook', 20_000, async () =>
      (await namesOf(selected)).includes(secret),
    );
    expect(await namesOf(selected)).toEqual(['upstream', secret]);
    // It has the set of the whole host, which is for everybody.
    expect(await namesOf(namespace)).toEqual(['upstream', 'registry-failover-set-fra']);
    expect(await stage.find('secrets', namespace, secret)).toBeUndefined();
  });
});

describe('source: Node', () => {
  it('nothing is added to the pod, which the node’s own way of pulling serves', async () => {
    const name = unique('node');
    await sets.declare({
      name,
      prefix: `${FRA}/${name}`,
      mirrors: [mirror(`${PLATFORM}/${name}`, { source: 'Node' })],
    });
    await sets.waitValid(name);
    const image = await stage.imageOf(`${name}/app`, FRA, PLATFORM);
    await stage.waitJudged(namespace, `${FRA}/${image}`, 'upstream-available');
    await stage.stopped(namespace, FRA, image);
    const pod = unique('node');
    await stage.apply(stage.podManifest(namespace, pod, 'containerd', [`${FRA}/${image}`]));
    const live = await stage.waitRunning(namespace, pod);
    expect(live.spec.containers[0]?.image).toBe(`${PLATFORM}/${image}`);
    expect(live.spec.imagePullSecrets).toEqual([{ name: 'upstream' }]);
    const { message } = (await sets.condition(name, 'CredentialsReady')) ?? {};
    expect(message).toBe('No mirror of this set needs a pull secret from us.');
  });
});

describe('a mirror with a private CA', () => {
  it('is not taken unless nodes are said to trust it', async () => {
    const name = unique('untrusted');
    await sets.declare({
      name,
      prefix: `${FRA}/${name}`,
      mirrors: [{ endpoint: `${AMS}/${name}`, credential: AMS_PULL, caBundle: LAB_CA }],
    });
    await sets.waitValid(name);
    const image = await stage.imageOf(`${name}/app`, FRA, AMS);
    await stage.waitJudged(namespace, `${FRA}/${image}`, 'upstream-available');
    await stage.lab.registries.stop(FRA);
    await stage.waitJudged(namespace, `${FRA}/${name}/app:${unique('new')}`, 'mirror-not-trusted-by-nodes');
    const pod = stage.podManifest(namespace, unique('untrusted'), 'crio', [`${FRA}/${name}/app:new`]);
    expect(await stage.applyAloud(pod)).toContain('Warning: registry-failover: c0: fra.registry.test');
  });
});

describe('a set that cannot be in force', () => {
  it('the younger of two for one prefix says which one has it, until that one goes', async () => {
    const [older, younger] = [unique('older'), unique('younger')];
    const request = { prefix: `${FRA}/${older}`, mirrors: [mirror(`${AMS}/${older}`, AMS_PULL)] };
    await sets.declare({ ...request, name: older });
    await sets.waitValid(older);
    await sets.declare({ ...request, name: younger });
    const taken = { type: 'Valid', status: 'False', reason: 'PrefixTaken' };
    expect(await sets.waitCondition(younger, taken)).toContain(older);
    await sets.waitValid(older);
    await sets.delete(older);
    await sets.waitValid(younger);
  });

  it('one that refers to what is not there says what to make, and is in force once it is', async () => {
    const name = unique('dangling');
    const caBundle = { configMapRef: { name, key: 'ca.crt' } };
    await sets.declare({
      name,
      prefix: `${FRA}/${name}`,
      mirrors: [{ endpoint: `${AMS}/${name}`, credential: AMS_PULL, caBundle, trustedByNodes: true }],
    });
    const missing = { type: 'Valid', status: 'False', reason: 'CaBundleMissing' };
    const message = await sets.waitCondition(name, missing);
    expect(message).toContain('spec.mirrors[0].caBundle');
    expect(message).toContain(name);
    const row = await stage.kubectl('get', 'rms', name, '--no-headers');
    expect(row).toContain('NotInForce');
    await sets.configMap(name, { 'ca.crt': readFileSync(stage.lab.registries.caFile, 'utf8') });
    await sets.waitValid(name);
  });

  it('one whose secret is not there is in force without that credential, and says so', async () => {
    const name = unique('keyless');
    await sets.declare({
      name,
      prefix: `${FRA}/${name}`,
      mirrors: [mirror(`${AMS}/${name}`, { source: 'Secret', secretRef: { name } })],
    });
    const message = await sets.waitCondition(name, {
      type: 'CredentialsReady',
      status: 'False',
      reason: 'SourceMissing',
    });
    expect(message).toContain(name);
    // The status is the controller's: the webhook's replicas learn of the set by watches of their own. Until then the set of the
    // whole host has the image.
    let judged = await stage.judge(namespace, [`${FRA}/${name}/app:v1`]);
    let inARow = 0;
    await waitFor('the set to be in force at the webhook', 20_000, async () => {
      judged = await stage.judge(namespace, [`${FRA}/${name}/app:v1`]);
      inARow = judged.spec.imagePullSecrets?.length === 1 ? inARow + 1 : 0;
      return inARow === 4;
    });
    expect(judged.spec.imagePullSecrets).toEqual([{ name: 'upstream' }]);
    expect(decisionOf(judged)['containers/c0']?.action).toBe('keep');
  });
});
