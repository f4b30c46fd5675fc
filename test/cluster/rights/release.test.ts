// The release at a real API server: every object is taken, upgrade and rollback leave alone what the controller has written,
// and uninstall leaves nothing but the CRDs.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chart, installArtifact } from '../../../deploy/artifacts.ts';
import { readManifests, type Manifest } from '../../deploy/kubernetes-schema.ts';
import { waitFor } from '../../lab/wait.ts';
import { account, install, InstalledChart, type Call } from './installed-chart.ts';

const configuration = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/registry-failover';
const lease = `/apis/coordination.k8s.io/v1/namespaces/${install.namespace}/leases/${account.controller}`;
const secrets = `/api/v1/namespaces/${install.namespace}/secrets`;
const restricted = { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } };

let cluster: InstalledChart;
let before: readonly string[];

beforeAll(async () => {
  cluster = await InstalledChart.start();
  await cluster.makeNamespace(install.namespace);
  before = await everyObject();
});

afterAll(() => cluster?.stop());

const helm = (...args: string[]): Promise<string> =>
  cluster.run('helm', [...args, '--namespace', install.namespace]);

/** kind/namespace/name of all that the API server stores, but for what comes and goes by itself. */
async function everyObject(): Promise<readonly string[]> {
  const listed = await cluster.run('kubectl', ['api-resources', '--verbs=list', '-o', 'name']);
  const kinds = listed
    .split('\n')
    .filter((name) => name !== '' && !/^(events|.*\.metrics\.k8s\.io)/.test(name));
  const columns = '-ocustom-columns=K:.kind,NS:.metadata.namespace,N:.metadata.name';
  const lines = await cluster.run('kubectl', ['get', kinds.join(','), '-A', '--no-headers', columns]);
  return lines
    .split('\n')
    .map((line) => line.trim().replaceAll(/\s+/g, '/'))
    .filter((line) => line !== '')
    .sort();
}

async function read<T>(from: string): Promise<T> {
  return (await cluster.expectDone({ method: 'GET', path: from })).body as T;
}

describe('a new API server', () => {
  it('takes every object of install.yaml, by server-side dry run', async () => {
    const rendered = installArtifact().text;
    // A dry run stores no namespace, and this one is there.
    const said = await cluster.run('kubectl', ['apply', '--dry-run=server', '-f', '-'], rendered);
    const lines = said.split('\n').filter((line) => line.endsWith('(server dry run)'));
    expect(lines).toHaveLength(readManifests(rendered).length);
  });

  it('takes the release by helm, without a warning about any expression of a policy', async () => {
    await cluster.install();
    for (const name of ['rolebindings', 'secrets', 'pods']) {
      const policy = `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/registry-failover-${name}`;
      // The controller manager checks the types of every expression.
      await waitFor(`the type check of ${name}`, 20_000, async () => {
        const { status } = await read<Manifest>(policy);
        return status?.observedGeneration !== undefined;
      });
      expect((await read<Manifest>(policy))['status'].typeChecking).toEqual({});
    }
  });

  it('runs every pod of it, the hooks’ as well, in a namespace that enforces `restricted`', async () => {
    await cluster.expectDone(patchMerge(`/api/v1/namespaces/${install.namespace}`, restricted));
    // Admission sees the label once its own watch has brought it.
    await waitFor('the level to be enforced', 20_000, async () => {
      const bad = { metadata: { name: 'bad' }, spec: { containers: [{ name: 'bad', image: 'a' }] } };
      const path = `/api/v1/namespaces/${install.namespace}/pods?dryRun=All`;
      const { message } = await cluster.as('admin', { method: 'POST', path, body: bad });
      return message.includes('violates PodSecurity "restricted');
    });
    const hooks = readManifests(await helm('get', 'hooks', install.fullname));
    const installed = readManifests(await helm('get', 'manifest', install.fullname));
    const pods = [...installed, ...hooks].flatMap((one) => podOf(one) ?? []);
    expect(pods.map(({ metadata }) => metadata.name).sort()).toEqual([
      'cleanup',
      'controller',
      'test',
      'webhook',
    ]);
    for (const pod of pods) {
      const reply = await cluster.as('admin', {
        method: 'POST',
        path: `/api/v1/namespaces/${install.namespace}/pods?dryRun=All`,
        body: pod,
      });
      expect({ pod: pod.metadata.name, message: reply.message }).toEqual({
        pod: pod.metadata.name,
        message: '',
      });
    }
  });
});

function patchMerge(at: string, body: object): Call {
  return { method: 'PATCH', path: at, body, patch: 'merge' };
}

/** The pod that a manifest makes, called by its component. */
function podOf(manifest: Manifest): Manifest | undefined {
  const template = manifest.kind === 'Pod' ? manifest : manifest['spec']?.template;
  if (template?.spec?.containers === undefined) return undefined;
  const name = template.metadata.labels['app.kubernetes.io/component'] as string;
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: template.spec };
}

interface Written {
  readonly bundles: readonly unknown[];
  readonly holder: unknown;
  readonly certificates: readonly unknown[];
}

/** What the controller writes while it runs, as it is now. */
async function written(): Promise<Written> {
  const { webhooks } = await read<{ webhooks: { clientConfig: { caBundle?: string } }[] }>(configuration);
  const { spec } = await read<{ spec: { holderIdentity?: string } }>(lease);
  const uids = await Promise.all(
    ['ca', 'tls'].map(async (kind) => {
      const { metadata, data } = await read<Manifest>(`${secrets}/${account.webhook}-${kind}`);
      return { uid: metadata['uid'], data };
    }),
  );
  return {
    bundles: webhooks.map(({ clientConfig }) => clientConfig.caBundle),
    holder: spec.holderIdentity,
    certificates: uids,
  };
}

describe('what the controller has written', () => {
  beforeAll(async () => {
    const as = async (call: Call): Promise<void> => {
      const { status, message } = await cluster.as('controller', call);
      expect({ status: status < 300, message }).toEqual({ status: true, message: '' });
    };
    const value = Buffer.from(readFileSync(path.join(cluster.plane.caFile))).toString('base64');
    const add = { op: 'add', path: '/webhooks/0/clientConfig/caBundle', value };
    await as({ method: 'PATCH', path: configuration, body: [add], patch: 'json' });
    const spec = { holderIdentity: 'leader', leaseDurationSeconds: 15, leaseTransitions: 1 };
    const held = await read<Manifest>(lease);
    await as({ method: 'PUT', path: lease, body: { ...held, spec } });
    for (const kind of ['ca', 'tls']) {
      const name = `${account.webhook}-${kind}`;
      await as({ method: 'POST', path: secrets, body: { metadata: { name }, data: { 'tls.crt': value } } });
    }
  });

  it.each([
    ['an upgrade', () => helm('upgrade', install.fullname, chart, '--set', 'clusterName=second')],
    [
      'an upgrade with other certificates’ worth of values',
      () => helm('upgrade', install.fullname, chart, '--set', 'webhook.replicas=3'),
    ],
    ['a rollback', () => helm('rollback', install.fullname, '1')],
  ])('outlives %s', async (_name, change) => {
    const then = await written();
    expect(then).toMatchObject({ bundles: [expect.stringMatching(/./)], holder: 'leader' });
    await change();
    expect(await written()).toEqual(then);
  });

  it('comes to a Lease that the release brings, and that goes with it', async () => {
    const manifest = readManifests(await helm('get', 'manifest', install.fullname));
    expect(manifest.filter(({ kind }) => kind === 'Lease').map(({ metadata }) => metadata.name)).toEqual([
      account.controller,
    ]);
  });
});

describe('helm uninstall', () => {
  it('leaves the CRDs, and what the clean-up would have taken back', async () => {
    // No node runs the clean-up here; test/cluster/lab does that.
    await helm('uninstall', install.fullname, '--no-hooks', '--wait');
    for (const kind of ['ca', 'tls'])
      await cluster.expectDone({ method: 'DELETE', path: `${secrets}/${account.webhook}-${kind}` });
    await waitFor('the pods to go with their Deployments', 60_000, async () => {
      const { items } = await read<{ items: unknown[] }>(`/api/v1/namespaces/${install.namespace}/pods`);
      return items.length === 0;
    });
    const left = (await everyObject()).filter((one) => !before.includes(one));
    expect(left).toEqual([
      // The API server's own entry for the CRDs' group.
      'APIService/<none>/v1alpha1.registry-failover.io',
      'CustomResourceDefinition/<none>/nodemirrorstates.registry-failover.io',
      'CustomResourceDefinition/<none>/registrymirrorsets.registry-failover.io',
    ]);
  });
});
