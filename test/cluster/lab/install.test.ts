// Installing, upgrading, rolling back and uninstalling: what is there before is there after, and nothing else but the CRDs.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AMS, FRA } from '../../lab/registries/records.ts';
import { declare, helm, install, uninstall } from './product.ts';
import { Sets } from './sets.ts';
import { INSTALL_NAMESPACE, OPT_IN, RELEASE, Stage, unique, waitFor } from './stage.ts';

let stage: Stage;
beforeAll(() => {
  stage = new Stage();
});
afterAll(async () => {
  // Other files expect the product as they found it.
  await install();
  await declare();
  await stage.close();
});

/** Kinds that come and go by themselves. */
const PASSING = new Set(['events', 'events.events.k8s.io', 'leases.coordination.k8s.io', 'endpoints']);

/** Every object of the cluster that is not in one of these namespaces, as `kind/namespace/name`. */
async function everything(): Promise<ReadonlySet<string>> {
  const kinds = (await stage.kubectl('api-resources', '--verbs=list', '-o', 'name')).trim().split('\n');
  const listed = kinds.filter((kind) => !PASSING.has(kind)).join(',');
  const columns = 'custom-columns=K:.kind,NS:.metadata.namespace,N:.metadata.name';
  const text = await stage.kubectl('get', listed, '-A', '--no-headers', '-o', columns);
  return new Set(
    text
      .split('\n')
      .map((line) => line.trim().replaceAll(/\s+/g, '/'))
      .filter((line) => line !== ''),
  );
}

function difference(a: ReadonlySet<string>, b: ReadonlySet<string>): string[] {
  // Pods of the system may be made anew at any time.
  return [...a].filter((one) => !b.has(one) && !one.startsWith('Pod/')).toSorted();
}

describe('the release', () => {
  it('leaves no object behind but its CRDs when it is uninstalled', async () => {
    await uninstall();
    await stage.kubectl('delete', 'namespace', INSTALL_NAMESPACE, '--ignore-not-found', '--wait=true');
    const before = await everything();
    await install();
    await declare();
    const namespace = unique('tenant');
    await stage.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: OPT_IN } });
    await waitFor('the derived secret', 30_000, async () => {
      return (await stage.find('secrets', namespace, 'registry-failover-set-fra')) !== undefined;
    });
    // The mirror sets stay with their CRD, and are of no effect.
    await uninstall();
    const secrets = await stage.list<{ metadata: { name: string } }>('secrets', namespace);
    const bindings = await stage.list<{ metadata: { name: string } }>('rolebindings', namespace);
    expect([...secrets, ...bindings].map((one) => one.metadata.name)).toEqual([]);
    await stage.kubectl('delete', 'namespace', namespace, INSTALL_NAMESPACE, '--wait=true');
    const left = difference(await everything(), before).filter(
      (one) => !one.startsWith('CustomResourceDefinition/'),
    );
    expect(left).toEqual([]);
  });

  it('survives an upgrade and a rollback with its certificates, its credentials and its opted-in namespaces', async () => {
    await install();
    await declare();
    const namespace = await stage.namespace('kept');
    const image = await stage.known(namespace, FRA, AMS);
    const uidOf = async (): Promise<string> =>
      (await stage.get<{ metadata: { uid: string } }>('secrets', namespace, 'registry-failover-set-fra'))
        .metadata.uid;
    const before = await uidOf();
    const bundle = await stage.kubectl(
      'get',
      'mutatingwebhookconfiguration',
      RELEASE,
      '-o',
      'jsonpath={.webhooks[0].clientConfig.caBundle}',
    );
    expect(bundle.length).toBeGreaterThan(100);
    await install('--set', 'allowedEndpoints={fra.registry.test,ams.registry.test}');
    const sets = new Sets(stage);
    const refused = { type: 'Valid', status: 'False', reason: 'EndpointNotAllowed' };
    expect(await sets.waitCondition('fra2', refused)).toContain('fra2.registry.test');
    await stage.waitJudged(namespace, `${FRA}/${image}`, 'upstream-available');
    await helm(['rollback', RELEASE, '-n', INSTALL_NAMESPACE, '--wait', '--timeout', '2m']);
    await stage.waitJudged(namespace, `${FRA}/${image}`, 'upstream-available');
    await sets.waitValid('fra2');
    expect(await uidOf()).toBe(before);
    expect(
      await stage.kubectl(
        'get',
        'mutatingwebhookconfiguration',
        RELEASE,
        '-o',
        'jsonpath={.webhooks[0].clientConfig.caBundle}',
      ),
    ).toBe(bundle);
  });

  it('passes its own helm test', async () => {
    const said = await helm(['test', RELEASE, '-n', INSTALL_NAMESPACE, '--timeout', '2m']);
    expect(said).toContain('Succeeded');
  });
});
