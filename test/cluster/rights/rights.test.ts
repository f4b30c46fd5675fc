// What the accounts of webhook and controller may do at a real API server, and what it refuses them; by impersonation.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wantedBindings } from '../../../src/domain/rights.ts';
import { waitFor } from '../../lab/wait.ts';
import { account, applyBinding, install, InstalledChart, type Call, type Who } from './installed-chart.ts';

let cluster: InstalledChart;

const core = (namespace: string, rest: string): string => `/api/v1/namespaces/${namespace}/${rest}`;
const post = (path: string, body: unknown): Call => ({ method: 'POST', path, body });
const get = (path: string): Call => ({ method: 'GET', path });
const remove = (path: string): Call => ({ method: 'DELETE', path });
const merge = (path: string, body: unknown): Call => ({ method: 'PATCH', path, body, patch: 'merge' });
const json = (path: string, body: unknown): Call => ({ method: 'PATCH', path, body, patch: 'json' });

const derivedLabels = { 'registry-failover.io/derived': 'true' };
const data = { '.dockerconfigjson': Buffer.from('{"auths":{}}').toString('base64') };

function derived(name: string, change: object = {}): object {
  return {
    metadata: { name, labels: derivedLabels },
    type: 'kubernetes.io/dockerconfigjson',
    data,
    ...change,
  };
}

const adminOf = (who: 'webhook' | 'controller', namespace: string): Call =>
  post(`/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`, {
    metadata: { name: `generous-${who}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name: account[who], namespace: install.namespace }],
  });

/** Three lists' worth of things that could be changed. */
const pod = {
  metadata: { name: 'web', labels: { app: 'web' }, annotations: { 'registry-failover.io/decision': '{}' } },
  spec: {
    initContainers: [{ name: 'init', image: 'up.example/init:1' }],
    containers: [
      { name: 'web', image: 'up.example/web:1', env: [{ name: 'A', value: 'b' }] },
      { name: 'side', image: 'up.example/side:1' },
    ],
    schedulingGates: [{ name: 'example.com/wait' }],
    tolerations: [{ key: 'a', operator: 'Exists' }],
  },
};

beforeAll(async () => {
  cluster = await InstalledChart.start();
  await cluster.install();
  await cluster.optIn('shop');
  await cluster.makeNamespace('other');
  await cluster.expectDone(merge('/api/v1/namespaces/kube-system', { metadata: { labels: labelled } }));
  await cluster.expectDone(
    merge(`/api/v1/namespaces/${install.namespace}`, { metadata: { labels: labelled } }),
  );
  await cluster.makeNamespace('generous', labelled);
  await cluster.expectDone(adminOf('webhook', 'generous'));
  await cluster.expectDone(adminOf('controller', 'generous'));
  for (const namespace of ['shop', 'other', 'kube-system', install.namespace]) {
    const secret = { metadata: { name: 'theirs' }, type: 'kubernetes.io/dockerconfigjson', data };
    await cluster.expectDone(post(core(namespace, 'secrets'), secret));
  }
  await cluster.expectDone(post(core('shop', 'pods'), pod));
  await cluster.expectDone(post(core('generous', 'pods'), pod));
  await cluster.expectDone(post('/apis/registry-failover.io/v1alpha1/registrymirrorsets', mirrorSet));
});

afterAll(() => cluster?.stop());

const labelled = { 'registry-failover.io/enabled': 'true' };
const mirrorSet = {
  apiVersion: 'registry-failover.io/v1alpha1',
  kind: 'RegistryMirrorSet',
  metadata: { name: 'fra' },
  spec: {
    upstream: { prefix: 'up.example' },
    mirrors: [{ endpoint: 'mirror.example', credential: { source: 'SameAsUpstream' } }],
  },
};

type Row = readonly [name: string, call: Call];

function allows(who: Who, rows: readonly Row[]): void {
  it.each(rows)('may %s', async (_name, call) => {
    const { status, message } = await cluster.as(who, call);
    expect({ status, message }).toEqual({
      status: expect.toSatisfy((code: number) => code < 300),
      message: '',
    });
  });
}

function refuses(who: Who, rows: readonly Row[]): void {
  it.each(rows)('may not %s', async (_name, call) => {
    const { status, message } = await cluster.as(who, call);
    expect({ status, message }).toMatchObject({ status: 403 });
  });
}

const secretsOf = (namespace: string): readonly Row[] => [
  ['get a secret', get(core(namespace, 'secrets/theirs'))],
  ['list secrets', get(core(namespace, 'secrets'))],
  ['make a secret', post(core(namespace, 'secrets'), derived('registry-failover-from-a'))],
  ['change a secret', merge(core(namespace, 'secrets/theirs'), { data: {} })],
  ['delete a secret', remove(core(namespace, 'secrets/theirs'))],
];

const mirrorSets = '/apis/registry-failover.io/v1alpha1/registrymirrorsets';
const configurations = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
const rolebindings = (namespace: string): string =>
  `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`;
const allBindings = '/apis/rbac.authorization.k8s.io/v1/rolebindings';
const lease = (name: string): string =>
  `/apis/coordination.k8s.io/v1/namespaces/${install.namespace}/leases/${name}`;
const configMap = post(core(install.namespace, 'configmaps'), { metadata: { name: 'any' } });

describe('the webhook', () => {
  allows('webhook', [
    ['get a secret of an opted-in namespace', get(core('shop', 'secrets/theirs'))],
    ['read the secrets of the install namespace', get(core(install.namespace, 'secrets'))],
    ['read its ConfigMaps', get(core(install.namespace, 'configmaps'))],
    ['read mirror sets', get(mirrorSets)],
    ['read namespaces', get('/api/v1/namespaces')],
    ['list service accounts', get('/api/v1/serviceaccounts')],
  ]);
  describe('in a namespace without the label', () => refuses('webhook', secretsOf('other')));
  describe('in kube-system', () => refuses('webhook', secretsOf('kube-system')));
  refuses('webhook', [
    ['list secrets of an opted-in namespace', get(core('shop', 'secrets'))],
    ['list all secrets', get('/api/v1/secrets')],
    ['list pods', get('/api/v1/pods')],
    ['make a secret', post(core('shop', 'secrets'), derived('registry-failover-from-a'))],
    [
      'change a secret of the install namespace',
      merge(core(install.namespace, 'secrets/theirs'), { data: {} }),
    ],
    ['make a ConfigMap', configMap],
    ['bind its own role', applyBinding(wantedBindings('shop', install).webhook)],
    ['change a pod', json(core('shop', 'pods/web'), [image('/spec/containers/0', 'a')])],
    ['write a status', merge(`${mirrorSets}/fra/status`, { status: {} })],
    [
      'change the webhook configuration',
      merge(`${configurations}/registry-failover`, { metadata: { labels: { a: 'b' } } }),
    ],
    ['take the Lease', merge(lease(account.controller), { spec: {} })],
  ]);
});

describe('the controller', () => {
  allows('controller', [
    ['read mirror sets', get(mirrorSets)],
    ['write their status', merge(`${mirrorSets}/fra/status`, { status: {} })],
    ['read all pods', get('/api/v1/pods')],
    ['read namespaces', get('/api/v1/namespaces')],
    ['read its own binding', get(`${rolebindings('shop')}/${account.controller}`)],
    [
      'list its bindings of all namespaces',
      get(`${allBindings}?fieldSelector=metadata.name%3D${account.controller}`),
    ],
    ['write events', post('/apis/events.k8s.io/v1/namespaces/shop/events', event('first'))],
    [
      'watch the one webhook configuration',
      get(`${configurations}?fieldSelector=metadata.name%3Dregistry-failover`),
    ],
    ['write its caBundle', json(`${configurations}/registry-failover`, [caBundle])],
    ['read its Lease', get(lease(account.controller))],
    ['take its Lease', merge(lease(account.controller), { spec: { holderIdentity: 'a' } })],
  ]);
  refuses('controller', [
    ['write mirror sets', merge(`${mirrorSets}/fra`, { spec: {} })],
    ['make mirror sets', post(mirrorSets, { ...mirrorSet, metadata: { name: 'b' } })],
    ['delete mirror sets', remove(`${mirrorSets}/fra`)],
    ['list all webhook configurations', get(configurations)],
    ['change another one', merge(`${configurations}/other`, { metadata: { labels: { a: 'b' } } })],
    ['delete its own', remove(`${configurations}/registry-failover`)],
    ['take another Lease', merge(lease('kube-scheduler'), { spec: { holderIdentity: 'a' } })],
    ['list all secrets', get('/api/v1/secrets')],
    ['list all bindings', get(allBindings)],
    ['list other bindings', get(`${allBindings}?fieldSelector=metadata.name%3Dadmins`)],
    ['delete events', remove('/apis/events.k8s.io/v1/namespaces/shop/events/first')],
    ['label a namespace', merge('/api/v1/namespaces/other', { metadata: { labels: labelled } })],
    ['make a service account’s token', post(core('shop', 'serviceaccounts/default/token'), {})],
    ['look into a pod', post(core('shop', 'pods/web/exec?command=id'), undefined)],
  ]);
  describe('in a namespace without the label', () => refuses('controller', secretsOf('other')));
  describe('in kube-system', () => refuses('controller', secretsOf('kube-system')));
});

describe('the RoleBindings that the controller makes', () => {
  const { webhook, controller } = wantedBindings('shop', install);
  allows('controller', [
    ['be the webhook’s', applyBinding(webhook)],
    ['be its own', applyBinding(controller)],
  ]);
  const clusterAdmin = { ...controller.roleRef, name: 'cluster-admin' };
  const [subject] = controller.subjects;
  const elsewhere = (namespace: string): Call => applyBinding(wantedBindings(namespace, install).controller);
  refuses('controller', [
    [
      'have another name',
      applyBinding({ ...controller, metadata: { ...controller.metadata, name: 'mine' } }),
    ],
    ['be made by POST', post(rolebindings('shop'), controller)],
    ['be in a namespace without the label', elsewhere('other')],
    ['be in kube-system, though somebody has labelled it', elsewhere('kube-system')],
    ['be in the install namespace, though somebody has labelled it', elsewhere(install.namespace)],
    ['have another subject', applyBinding({ ...controller, subjects: [{ ...subject, name: 'default' }] })],
    ['have a user as subject', applyBinding({ ...controller, subjects: [{ kind: 'User', name: 'eve' }] })],
    [
      'have the account of the same name of another namespace as subject',
      applyBinding({ ...controller, subjects: [{ ...subject, namespace: 'other' }] }),
    ],
    [
      'have a second subject',
      applyBinding({ ...controller, subjects: [subject, { ...subject, namespace: 'other' }] }),
    ],
    ['have no subject', applyBinding({ ...controller, subjects: [] })],
  ]);

  it('may not give any other role, where there is no such binding yet', async () => {
    await cluster.makeNamespace('fresh', labelled);
    for (const name of ['cluster-admin', 'admin', webhook.roleRef.name]) {
      const binding = { ...wantedBindings('fresh', install).controller, roleRef: { ...clusterAdmin, name } };
      expect(await cluster.as('controller', applyBinding(binding))).toMatchObject({ status: 403 });
    }
  });

  it('may not give a Role that somebody has made under the name of the right one', async () => {
    await cluster.makeNamespace('tricky', labelled);
    const roles = '/apis/rbac.authorization.k8s.io/v1/namespaces/tricky/roles';
    const everything = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];
    await cluster.expectDone(post(roles, { metadata: { name: controller.roleRef.name }, rules: everything }));
    const binding = wantedBindings('tricky', install).controller;
    const local = { ...binding, roleRef: { ...binding.roleRef, kind: 'Role' } };
    expect(await cluster.as('controller', applyBinding(local))).toMatchObject({ status: 403 });
  });

  it('go when the label has gone', async () => {
    await cluster.optIn('leaving');
    const unlabel = { metadata: { labels: { 'registry-failover.io/enabled': null } } };
    await cluster.expectDone(merge('/api/v1/namespaces/leaving', unlabel));
    // The policy sees the namespace as the API server's own watch has brought it.
    await waitFor('the policy to see that the label has gone', 20_000, async () => {
      const { status, message } = await cluster.as('controller', elsewhere('leaving'));
      return status === 403 && message.includes('enabled=true');
    });
    for (const name of Object.values(account)) {
      const { status } = await cluster.as('controller', remove(`${rolebindings('leaving')}/${name}`));
      expect(status).toBe(200);
    }
    await waitFor('the rights to go with the bindings', 20_000, async () => {
      return (await cluster.as('webhook', get(core('leaving', 'secrets/any')))).status === 403;
    });
  });
});

describe('the secrets that the controller writes', () => {
  const here = core('shop', 'secrets');
  const at = (name: string): string => core('shop', `secrets/${name}`);

  it('are derived ones, from their making to their end', async () => {
    const call = async (one: Call): Promise<number> => (await cluster.as('controller', one)).status;
    expect(await call(post(here, derived('registry-failover-from-own')))).toBe(201);
    expect(
      await call(merge(at('registry-failover-from-own'), { metadata: { annotations: { a: 'b' } } })),
    ).toBe(200);
    const applied = { apiVersion: 'v1', kind: 'Secret', ...derived('registry-failover-set-fra') };
    const apply: Call = {
      method: 'PATCH',
      path: `${at('registry-failover-set-fra')}?fieldManager=registry-failover&force=true`,
      body: applied,
      patch: 'apply',
    };
    expect(await call(apply)).toBe(201);
    expect(await call(get(`${here}?fieldSelector=type!%3Dhelm.sh%2Frelease.v1`))).toBe(200);
    expect(await call(remove(at('registry-failover-from-own')))).toBe(200);
    expect(await call(remove(at('registry-failover-set-fra')))).toBe(200);
  });

  const own = 'registry-failover-from-kept';
  const taken = 'registry-failover-from-taken';
  beforeAll(async () => {
    await cluster.expectDone(post(here, derived(own)));
    await cluster.expectDone(post(here, derived(taken, { metadata: { name: taken } })));
  });
  refuses('controller', [
    [
      'be without the label',
      post(here, derived('registry-failover-from-a', { metadata: { name: 'registry-failover-from-a' } })),
    ],
    [
      'have the label with another value',
      post(
        here,
        derived('x', {
          metadata: { name: 'registry-failover-a', labels: { 'registry-failover.io/derived': 'false' } },
        }),
      ),
    ],
    ['be of another type', post(here, derived('registry-failover-from-a', { type: 'Opaque' }))],
    [
      'be service account tokens',
      post(here, {
        metadata: {
          name: 'registry-failover-from-a',
          labels: derivedLabels,
          annotations: { 'kubernetes.io/service-account.name': 'default' },
        },
        type: 'kubernetes.io/service-account-token',
      }),
    ],
    ['have another name', post(here, derived('team-pull'))],
    ['be somebody else’s', merge(at('theirs'), { data })],
    ['become ours by a label', merge(at('theirs'), { metadata: { labels: derivedLabels } })],
    [
      'become ours by a label, where the name is right',
      merge(at(taken), { metadata: { labels: derivedLabels } }),
    ],
    ['be changed where only the name is right', merge(at(taken), { data })],
    ['lose the label', merge(at(own), { metadata: { labels: { 'registry-failover.io/derived': null } } })],
    ['be deleted when they are somebody else’s', remove(at('theirs'))],
    ['be deleted all at once', remove(here)],
  ]);
});

describe('the secrets of the install namespace', () => {
  const here = core(install.namespace, 'secrets');
  const certificate = (name: string): object => ({ metadata: { name }, type: 'Opaque', data: {} });

  it.each(['ca', 'tls'])(
    'are written by the controller where they are its certificates: %s',
    async (kind) => {
      const name = `${account.webhook}-${kind}`;
      const call = async (one: Call): Promise<number> => (await cluster.as('controller', one)).status;
      expect(await call(post(here, certificate(name)))).toBe(201);
      expect(await call({ method: 'PUT', path: `${here}/${name}`, body: certificate(name) })).toBe(200);
      expect(await call(remove(`${here}/${name}`))).toBe(200);
    },
  );

  refuses('controller', [
    ['be made under another name', post(here, certificate('other'))],
    ['be made as derived ones', post(here, derived('registry-failover-from-a'))],
    ['be changed when they are somebody else’s', merge(`${here}/theirs`, { data })],
    ['be deleted when they are somebody else’s', remove(`${here}/theirs`)],
  ]);
});

function image(place: string, to: string): object {
  return { op: 'replace', path: `${place}/image`, value: `mirror.example/${to}:1` };
}

/** Adds or replaces one value of the pod. */
function replaceAt(place: string, value: unknown): Call {
  return json(core('shop', 'pods/web'), [{ op: 'add', path: place, value }]);
}

function event(name: string): object {
  return {
    metadata: { name },
    eventTime: '2026-01-01T00:00:00.000000Z',
    reportingController: 'registry-failover.io/controller',
    reportingInstance: 'a',
    action: 'Test',
    reason: 'Test',
    type: 'Normal',
    regarding: { kind: 'Pod', namespace: 'shop', name: 'web' },
  };
}

const caBundle = {
  op: 'add',
  path: '/webhooks/0/clientConfig/caBundle',
  value: Buffer.from('').toString('base64'),
};

describe('what the controller changes of a pod', () => {
  const at = core('shop', 'pods/web');
  allows('controller', [
    ['be an image', json(at, [image('/spec/containers/0', 'web')])],
    ['be an init container’s image', json(at, [image('/spec/initContainers/0', 'init')])],
    ['be several images', json(at, [image('/spec/containers/0', 'a'), image('/spec/containers/1', 'b')])],
    ['be nothing', json(at, [image('/spec/containers/0', 'a')])],
  ]);
  refuses('controller', [
    ['be a label', merge(at, { metadata: { labels: { app: 'other' } } })],
    ['be a label that goes', merge(at, { metadata: { labels: { app: null } } })],
    ['be all labels', json(at, [{ op: 'remove', path: '/metadata/labels' }])],
    ['be an annotation', merge(at, { metadata: { annotations: { a: 'b' } } })],
    [
      'be the decision',
      merge(at, { metadata: { annotations: { 'registry-failover.io/decision': '{"v":2}' } } }),
    ],
    ['be a finalizer', merge(at, { metadata: { finalizers: ['example.com/never'] } })],
    [
      'be an owner',
      merge(at, { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'a', uid: 'b' }] } }),
    ],
    ['be a deadline', merge(at, { spec: { activeDeadlineSeconds: 1 } })],
    [
      'be a toleration',
      json(at, [{ op: 'add', path: '/spec/tolerations/-', value: { key: 'b', operator: 'Exists' } }]),
    ],
    ['be a scheduling gate', json(at, [{ op: 'remove', path: '/spec/schedulingGates' }])],
    ['be where it runs, while it is gated', merge(at, { spec: { nodeSelector: { a: 'b' } } })],
    [
      'be an image and a label',
      json(at, [image('/spec/containers/0', 'z'), { op: 'add', path: '/metadata/labels/a', value: 'b' }]),
    ],
    ['be its resources', json(`${at}/resize`, [])],
    ['be its status', merge(`${at}/status`, { status: { phase: 'Failed' } })],
    ['be its existence', remove(at)],
    ['be an eviction', post(`${at}/eviction`, { metadata: { name: 'web', namespace: 'shop' } })],
  ]);

  // The API server refuses these by itself as well, with 422.
  it.each<Row>([
    ['be a command', replaceAt('/spec/containers/0/command', ['sh'])],
    ['be an environment', replaceAt('/spec/containers/0/env/0/value', 'c')],
    ['be a container more', replaceAt('/spec/containers/-', { name: 'more', image: 'up.example/more:1' })],
    ['be an init container’s name', replaceAt('/spec/initContainers/0/name', 'other')],
  ])('may not %s', async (_name, call) => {
    const { status } = await cluster.as('controller', call);
    expect([403, 422]).toContain(status);
  });

  it('can be the images of a pod of a hundred containers: the cost of the policy is bounded', async () => {
    const containers = Array.from({ length: 100 }, (_none, index) => ({
      name: `c${index}`,
      image: 'up.example/web:1',
      env: Array.from({ length: 20 }, (_also, at) => ({ name: `V${at}`, value: 'x'.repeat(100) })),
    }));
    await cluster.expectDone(
      post(core('shop', 'pods'), { metadata: { name: 'large' }, spec: { containers } }),
    );
    const images = containers.map((_one, index) => image(`/spec/containers/${index}`, 'web'));
    const { status, message } = await cluster.as('controller', json(core('shop', 'pods/large'), images));
    expect({ status, message }).toEqual({ status: 200, message: '' });
  });
});

describe('where somebody has given both accounts every right', () => {
  const here = (rest: string): string => core('generous', rest);
  const cases = (who: Who, rows: readonly Row[]): void => {
    it.each(rows)('the policies still refuse the %s', async (_name, call) => {
      const { status, message } = await cluster.as(who, call);
      expect({ status, message }).toMatchObject({
        status: 403,
        message: expect.stringMatching(/ValidatingAdmissionPolicy .* denied request/),
      });
    });
  };
  const bindings = wantedBindings('generous', install);
  cases('webhook', [
    ['webhook a secret', post(here('secrets'), derived('registry-failover-from-a'))],
    ['webhook a binding', applyBinding(bindings.webhook)],
    ['webhook an image', json(here('pods/web'), [image('/spec/containers/0', 'a')])],
  ]);
  const stranger = { ...bindings.controller, metadata: { name: 'eve', namespace: 'generous' } };
  const withRole = (change: object) => ({
    ...bindings.controller,
    roleRef: { ...bindings.controller.roleRef, ...change },
  });
  const debug = { name: 'debug', image: 'up.example/debug:1', targetContainerName: 'web' };
  cases('controller', [
    ['controller a pod', post(here('pods'), { ...pod, metadata: { name: 'second' } })],
    ['controller a pod’s end', remove(here('pods/web'))],
    [
      'controller an ephemeral container',
      merge(here('pods/web/ephemeralcontainers'), { spec: { ephemeralContainers: [debug] } }),
    ],
    ['controller a binding by another name', applyBinding(stranger)],
    ['controller the webhook’s role', applyBinding(withRole({ name: bindings.webhook.roleRef.name }))],
    ['controller another ClusterRole', applyBinding(withRole({ name: 'view' }))],
    ['controller a Role of the same name', applyBinding(withRole({ kind: 'Role' }))],
    ['controller a binding by POST', post(rolebindings('generous'), stranger)],
    ['controller a secret', post(here('secrets'), { metadata: { name: 'any' } })],
  ]);
});

describe('the roles that people have', () => {
  it.each(['admin', 'edit', 'view'])('%s says nothing of mirror sets', async (name) => {
    const path = `/apis/rbac.authorization.k8s.io/v1/clusterroles/${name}`;
    const { body } = await cluster.expectDone(get(path));
    expect(JSON.stringify(body)).not.toContain('registry-failover');
  });
});
