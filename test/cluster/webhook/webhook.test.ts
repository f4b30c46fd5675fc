// The webhook on a real API server: declarations, opt-in, pull secrets, ServiceAccounts and certificate from it, and without it.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { applyObject, callApi, getObject } from '../../lab/api-client.ts';
import { kubeconfigFile } from '../../lab/control-plane-files.ts';
import { startControlPlane } from '../../lab/control-plane.ts';
import type { ControlPlane } from '../../lab/control-plane.ts';
import { testCa } from '../../support/tls.ts';
import type { TestCa } from '../../support/tls.ts';
import { ClusterWebhook } from './process.ts';

const INSTALL = 'registry-failover';
const CRDS = path.join(import.meta.dirname, '../../../deploy/helm/registry-failover/files/crds.yaml');
const POLL = { timeout: 60_000, interval: 50 };
/** Nobody listens there. */
const UPSTREAM = '127.0.0.1:9';
const MIRROR = '127.0.0.2:9';

/** Who the webhook is, with the rights that the chart gives it and no others. */
const WEBHOOK_USER = { name: 'webhook', groups: [] };
const RBAC = '/apis/rbac.authorization.k8s.io/v1';

let plane: ControlPlane;
let webhook: ClusterWebhook;
let ca: TestCa;

function apply(at: string, object: object): Promise<void> {
  return applyObject(plane.access, at, object);
}

function core(namespace: string, kind: string, name: string, rest: object = {}): object {
  return { apiVersion: 'v1', kind, metadata: { namespace, name }, ...rest };
}

function applyNamespace(name: string, labels: Record<string, string> = {}): Promise<void> {
  return apply(`/api/v1/namespaces/${name}`, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels },
  });
}

function applySecret(namespace: string, name: string, type: string, stringData: object): Promise<void> {
  const at = `/api/v1/namespaces/${namespace}/secrets/${name}`;
  return apply(at, core(namespace, 'Secret', name, { type, stringData }));
}

async function applySet(name: string, spec: object): Promise<void> {
  await apply(`/apis/registry-failover.io/v1alpha1/registrymirrorsets/${name}`, {
    apiVersion: 'registry-failover.io/v1alpha1',
    kind: 'RegistryMirrorSet',
    metadata: { name },
    spec,
  });
}

function setOf(mirror: string): object {
  return {
    upstream: { prefix: UPSTREAM },
    mirrors: [{ endpoint: mirror, credential: { source: 'SameAsUpstream' } }],
  };
}

async function applyCertificate(): Promise<void> {
  const { certPem, keyPem } = await ca.issue({ names: ['localhost', '127.0.0.1'] });
  await applySecret(INSTALL, 'serving', 'kubernetes.io/tls', { 'tls.crt': certPem, 'tls.key': keyPem });
}

function applyConfiguration(): Promise<void> {
  const at = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/registry-failover';
  const url = `https://127.0.0.1:${webhook.port}/mutate`;
  const rules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }];
  return apply(at, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'registry-failover' },
    webhooks: [
      {
        name: 'pods.registry-failover.io',
        clientConfig: { url, caBundle: Buffer.from(ca.pem).toString('base64') },
        rules,
        namespaceSelector: { matchLabels: { 'registry-failover.io/enabled': 'true' } },
        failurePolicy: 'Ignore',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        timeoutSeconds: 3,
      },
    ],
  });
}

/** A role and its binding to the webhook's user; `namespace` undefined: everywhere. */
async function grant(name: string, namespace: string | undefined, rules: readonly object[]): Promise<void> {
  const [at, prefix] = namespace === undefined ? [RBAC, 'Cluster'] : [`${RBAC}/namespaces/${namespace}`, ''];
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  const [role, plural] = [`${prefix}Role`, `${prefix.toLowerCase()}role`];
  const apiGroup = 'rbac.authorization.k8s.io';
  await apply(`${at}/${plural}s/${name}`, { apiVersion, kind: role, metadata, rules });
  await apply(`${at}/${plural}bindings/${name}`, {
    apiVersion,
    kind: `${role}Binding`,
    metadata,
    roleRef: { apiGroup, kind: role, name },
    subjects: [{ apiGroup, kind: 'User', name: WEBHOOK_USER.name }],
  });
}

async function grantRights(): Promise<void> {
  const read = ['get', 'list', 'watch'];
  await grant('webhook', undefined, [
    { apiGroups: ['registry-failover.io'], resources: ['registrymirrorsets'], verbs: read },
    { apiGroups: [''], resources: ['namespaces'], verbs: read },
    { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['list', 'watch'] },
  ]);
  const install = [{ apiGroups: [''], resources: ['secrets', 'configmaps'], verbs: read }];
  await grant('install-webhook', INSTALL, install);
  await grant('webhook', 'shop', [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }]);
}

interface CreatedPod {
  readonly metadata: { readonly annotations?: Record<string, string> };
  readonly spec: { readonly imagePullSecrets?: readonly { readonly name: string }[] };
}

let count = 0;

/** Creates a pod as a user would, and gives what the API server has made of it. */
async function createPod(namespace: string, spec: object): Promise<CreatedPod> {
  count += 1;
  const name = `p${count}`;
  const containers = [{ name: 'c', image: `${UPSTREAM}/team/app:1` }];
  const body = core(namespace, 'Pod', name, { spec: { containers, ...spec } });
  const at = `/api/v1/namespaces/${namespace}/pods`;
  const answer = await callApi(plane.access, { method: 'POST', path: at, body });
  if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`);
  return (await getObject(plane.access, `${at}/${name}`)) as CreatedPod;
}

function secretsOf(pod: CreatedPod): string[] {
  return (pod.spec.imagePullSecrets ?? []).map(({ name }) => name);
}

function sets(): Promise<number> {
  return webhook.metric('registry_failover_mirror_sets');
}

function staleness(resource: string): Promise<number> {
  return webhook.metric(`registry_failover_cache_stale_seconds{resource="${resource}"}`);
}

const PULL = { imagePullSecrets: [{ name: 'pull' }] };

function startWebhook(): Promise<ClusterWebhook> {
  const kubeconfig = kubeconfigFile(plane.processes.folder, WEBHOOK_USER);
  return ClusterWebhook.start(kubeconfig, '--tls-secret', 'serving');
}

beforeAll(async () => {
  [plane, ca] = await Promise.all([
    startControlPlane({ controllerManager: true, users: [WEBHOOK_USER] }),
    testCa(),
  ]);
  for (const document of parseAllDocuments(readFileSync(CRDS, 'utf8'))) {
    const crd = document.toJS() as { readonly metadata: { readonly name: string } } | null;
    if (crd !== null)
      await apply(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crd.metadata.name}`, crd);
  }
  await applyNamespace(INSTALL);
  await applyNamespace('shop', { 'registry-failover.io/enabled': 'true' });
  await applyNamespace('plain');
  await grantRights();
  const auths = { [UPSTREAM]: { username: 'anna', password: 'geheim' } };
  for (const namespace of ['shop', 'plain'])
    await applySecret(namespace, 'pull', 'kubernetes.io/dockerconfigjson', {
      '.dockerconfigjson': JSON.stringify({ auths }),
    });
  const at = '/api/v1/namespaces/shop/serviceaccounts/strict';
  const annotations = { 'kubernetes.io/enforce-mountable-secrets': 'True' };
  await apply(at, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace: 'shop', name: 'strict', annotations },
    imagePullSecrets: [{ name: 'pull' }],
  });
  await vi.waitFor(async () => {
    for (const namespace of ['shop', 'plain'])
      await getObject(plane.access, `/api/v1/namespaces/${namespace}/serviceaccounts/default`);
  }, POLL);
  webhook = await startWebhook();
});

afterAll(async () => {
  await webhook?.stop();
  await plane?.stop();
});

describe('webhook --from-cluster --tls-secret', () => {
  it('lives without a certificate, says what is missing, and opens once there is one', async () => {
    await expect.poll(() => webhook.ops('/livez').then(({ status }) => status), POLL).toBe(200);
    await expect
      .poll(() => webhook.ops('/readyz'), POLL)
      .toEqual({ status: 503, text: 'not ready: no certificate yet\n' });
    expect(await webhook.serial(ca.pem)).toBeUndefined();
    await applyCertificate();
    await expect.poll(() => webhook.ops('/readyz').then(({ status }) => status), POLL).toBe(200);
    expect(await webhook.serial(ca.pem)).toBeDefined();
  });

  it('puts a set in force that is applied, and judges the pods of a namespace with the label', async () => {
    await applySet('local', setOf(MIRROR));
    await expect.poll(sets, POLL).toBe(1);
    await applyConfiguration();
    // The API server takes a moment to call a webhook that is new to it, and a busy machine may give it no answer in time.
    let pod = await createPod('shop', PULL);
    await expect
      .poll(async () => {
        pod = await createPod('shop', PULL);
        return JSON.parse(pod.metadata.annotations?.['registry-failover.io/decision'] ?? '{}') as unknown;
      }, POLL)
      .toMatchObject({ slots: { 'containers/c': { reason: 'no-mirror-available' } } });
    expect(Object.keys(pod.metadata.annotations ?? {})).toEqual(['registry-failover.io/decision']);
    expect(secretsOf(pod)).toEqual(['pull', 'registry-failover-from-pull']);
    expect((await createPod('plain', PULL)).metadata.annotations).toBeUndefined();
  });

  it('reads pull secrets with the right of the namespace alone', async () => {
    const containers = [{ name: 'c', image: `${UPSTREAM}/team/app:1` }];
    const judge = async (namespace: string): Promise<string | undefined> => {
      const pod = core(namespace, 'Pod', 'p', {
        spec: { containers, serviceAccountName: 'default', ...PULL },
      });
      await webhook.review(ca.pem, pod, namespace);
      const ofIt = (line: string): boolean =>
        line.includes('"kind":"audit"') && line.includes(`"namespace":"${namespace}"`);
      return webhook.output.split('\n').findLast(ofIt);
    };
    // An audit line comes after the answer: the last one may be of the review before.
    await expect.poll(() => judge('shop'), POLL).toMatch(/^(?!.*unread).*"reason":"no-mirror-available"/);
    // There the API server would not even ask; the right is missing all the same.
    await expect.poll(() => judge('plain'), POLL).toContain('"credential":"unread"');
    // None of the watches was refused.
    expect(webhook.output).not.toContain('cannot be watched');
  });

  it('adds nothing where the ServiceAccount enforces mountable secrets, so that the pod is accepted', async () => {
    const pod = await createPod('shop', { serviceAccountName: 'strict' });
    expect(secretsOf(pod)).toEqual(['pull']);
    expect(pod.metadata.annotations).toHaveProperty(['registry-failover.io/decision']);
    // The fact it rests on: with one more name the API server refuses the pod.
    const more = { serviceAccountName: 'strict', imagePullSecrets: [{ name: 'pull' }, { name: 'x' }] };
    await expect(createPod('shop', more)).rejects.toThrow('403');
  });

  it('follows the labels of namespaces into sets with a selector', async () => {
    const selective = { namespaceSelector: { matchLabels: { tier: 'gold' } }, ...setOf(MIRROR) };
    await applySet('local', selective);
    const reasonIn = async (): Promise<unknown> => {
      const decision = (await createPod('shop', PULL)).metadata.annotations?.[
        'registry-failover.io/decision'
      ];
      return (JSON.parse(decision ?? '{}') as { slots?: Record<string, { reason?: string }> }).slots?.[
        'containers/c'
      ]?.reason;
    };
    await expect.poll(reasonIn, POLL).toBe('no-mirror-set');
    await applyNamespace('shop', { 'registry-failover.io/enabled': 'true', tier: 'gold' });
    await expect.poll(reasonIn, POLL).toBe('no-mirror-available');
  });

  it('warns of a derived secret that the status says is refused, without declaring anything anew', async () => {
    const inForce = (): number => webhook.output.split('declarations in force').length;
    await expect.poll(sets, POLL).toBe(1);
    const before = inForce();
    const refused = [{ namespace: 'shop', secret: 'registry-failover-from-pull', endpoint: MIRROR }];
    await apply('/apis/registry-failover.io/v1alpha1/registrymirrorsets/local/status', {
      apiVersion: 'registry-failover.io/v1alpha1',
      kind: 'RegistryMirrorSet',
      metadata: { name: 'local' },
      status: { refused },
    });
    const containers = [{ name: 'c', image: `${UPSTREAM}/team/app:1` }];
    const pod = core('shop', 'Pod', 'p', { spec: { containers, serviceAccountName: 'default', ...PULL } });
    await expect
      .poll(() => webhook.review(ca.pem, pod, 'shop').then(({ warnings }) => warnings), POLL)
      .toContain(`registry-failover: ${MIRROR} refuses the credential in registry-failover-from-pull`);
    expect(inForce()).toBe(before);
  });

  it('swaps the certificate without a restart, and keeps the last good one', async () => {
    const before = await webhook.serial(ca.pem);
    await applySecret(INSTALL, 'serving', 'kubernetes.io/tls', { 'tls.crt': 'x', 'tls.key': 'y' });
    await expect.poll(() => webhook.output, POLL).toContain('the last good one stays');
    expect(await webhook.serial(ca.pem)).toBe(before);
    await applyCertificate();
    await expect.poll(() => webhook.serial(ca.pem), POLL).not.toBe(before);
    expect(await webhook.serial(ca.pem)).toBeDefined();
  });

  it('goes on from memory while the API server is away, and catches up when it is back', async () => {
    const containers = [{ name: 'c', image: `${UPSTREAM}/team/app:1` }];
    const pod = core('shop', 'Pod', 'p', { spec: { containers, serviceAccountName: 'default', ...PULL } });
    const patchOf = async (): Promise<string> =>
      Buffer.from((await webhook.review(ca.pem, pod, 'shop')).patch ?? '', 'base64').toString();
    await expect.poll(patchOf, POLL).toContain('registry-failover-from-pull');
    await plane.stopApiServer();
    await expect.poll(() => staleness('registrymirrorsets'), POLL).toBeGreaterThan(0);
    expect(await patchOf()).toContain('registry-failover-from-pull');
    expect((await webhook.ops('/readyz')).status).toBe(200);
    expect(await sets()).toBe(1);
    await plane.startApiServer();
    await expect.poll(() => staleness('registrymirrorsets'), { ...POLL, timeout: 90_000 }).toBe(0);
    await applySet('second', { ...setOf(MIRROR), upstream: { prefix: '127.0.0.1:10' } });
    await expect.poll(sets, POLL).toBe(2);
    expect(webhook.output).not.toContain('geheim');
    expect(webhook.output).not.toContain('internal error');
  });

  it('starts without an API server, lives, and is ready when it comes', async () => {
    await plane.stopApiServer();
    const late = await startWebhook();
    try {
      await expect.poll(() => late.ops('/livez').then(({ status }) => status), POLL).toBe(200);
      expect((await late.ops('/readyz')).text).toContain(
        'no certificate yet; declarations have not been read yet',
      );
      await plane.startApiServer();
      await expect
        .poll(() => late.ops('/readyz').then(({ status }) => status), { ...POLL, timeout: 90_000 })
        .toBe(200);
    } finally {
      expect(await late.stop()).toBe(0);
    }
  });
});
