// A credential that its mirror refuses: found out before an outage, and said where people look; mended by a new one.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DC1, FRA } from '../../lab/registries/records.ts';
import { Sets, mirror, waitEvent } from './sets.ts';
import { Stage, unique, waitFor } from './stage.ts';

let stage: Stage;
let sets: Sets;
let namespace: string;
beforeAll(async () => {
  stage = new Stage();
  sets = new Sets(stage);
  namespace = await stage.open('refused');
});
afterAll(async () => {
  await sets.close();
  await stage.close();
});

describe('a credential that its mirror refuses', () => {
  it('is in the status, in an event, and in a warning for whoever makes a pod; a valid one ends that', async () => {
    // An account of its own: one name is not tried often at one registry.
    const name = unique('refused');
    const account = { user: name, password: 'right' };
    const mirrors = stage.lab.registries.record(DC1).account;
    await stage.lab.registries.setAccounts(DC1, [...(mirrors === undefined ? [] : [mirrors]), account]);
    await sets.secret(name, { [DC1]: { user: name, password: 'wrong' } });
    const image = await stage.imageOf(`${name}/app`, FRA, DC1);
    await sets.declare({
      name,
      prefix: `${FRA}/${name}`,
      canary: image.slice(name.length + 1),
      mirrors: [mirror(`${DC1}/${name}`, { source: 'Secret', secretRef: { name } })],
    });
    const refused = { type: 'CredentialsReady', status: 'False', reason: 'Refused' };
    const message = await sets.waitCondition(name, refused);
    expect(message).toContain(`${DC1}/${name} refuses the credential`);
    expect(await stage.kubectl('get', 'rms', name, '--no-headers')).toContain('Refused');
    const secret = `registry-failover-set-${name}`;
    const wanted = { reason: 'CredentialRefused', kind: 'Secret', name: secret };
    expect((await waitEvent(stage, namespace, wanted)).note).toContain(`${DC1}/${name}`);
    await stage.waitJudged(namespace, `${FRA}/${image}`, 'upstream-available');
    const podOf = (stem: string) => stage.podManifest(namespace, unique(stem), 'crio', [`${FRA}/${image}`]);
    // 120 characters are all that a client shows. The webhook's replicas read the status by watches of their own.
    const warning = `Warning: registry-failover: ${DC1}/${name} refuses the credential in registry-fail`;
    await waitFor('the warning', 20_000, async () => {
      return (await stage.applyAloud(podOf('warned'))).includes(warning);
    });
    await sets.secret(name, { [DC1]: account });
    await sets.waitCondition(name, { type: 'CredentialsReady', status: 'True', reason: 'Ready' });
    // The webhook's replicas read the status by watches of their own.
    await waitFor('the warning to end', 20_000, async () => {
      return !(await stage.applyAloud(podOf('content'))).includes('Warning');
    });
  });
});
