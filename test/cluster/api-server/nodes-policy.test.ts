// What agents and controller may write about nodes at a real API server, with the tokens that a kubelet would ask for.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { host, state, wanted } from '../../config/node-mirror-state-examples.ts';
import { CANARY_LABEL, printCanaryPod } from '../../../src/controller/nodes/node-canary-pod.ts';
import { waitFor } from '../../lab/wait.ts';
import { account, install, InstalledChart, type Call, type Reply } from '../rights/installed-chart.ts';

const AGENT = 'registry-failover-agent';
const NOTHING_BUT_STATUS = /nothing but the status/;
// Two policies refuse it, and which of them the API server names depends on the order in which it found them.
const NOT_OF_AN_AGENT = /nothing but the status|those who may update RegistryMirrorSets/;
const states = `/apis/registry-failover.io/v1alpha1/namespaces/${install.namespace}/nodemirrorstates`;
const inNamespace = (rest: string, namespace = install.namespace): string =>
  `/api/v1/namespaces/${namespace}/${rest}`;
const post = (path: string, body: unknown): Call => ({ method: 'POST', path, body });
const get = (path: string): Call => ({ method: 'GET', path });
const remove = (path: string): Call => ({ method: 'DELETE', path });
const merge = (path: string, body: unknown): Call => ({ method: 'PATCH', path, body, patch: 'merge' });
const apply = (path: string, body: unknown): Call => ({
  method: 'PATCH',
  path: `${path}?fieldManager=registry-failover&force=true`,
  body,
  patch: 'apply',
});
const upToDate = { status: { state: 'UpToDate' } };
const restore = { spec: { wanted: { action: 'Restore', hosts: [] } } };

let cluster: InstalledChart;
/** A token of a pod of the agent on each node, as its kubelet gets it. */
const tokens = new Map<string, string>();

async function makeAgent(node: string): Promise<string> {
  await cluster.expectDone(post('/api/v1/nodes', { metadata: { name: node } }));
  const spec = {
    nodeName: node,
    serviceAccountName: AGENT,
    containers: [{ name: 'agent', image: 'registry.invalid/agent' }],
  };
  const metadata = { name: `agent-${node}` };
  const made = await cluster.expectDone(post(inNamespace('pods'), { metadata, spec }));
  const { uid } = (made.body as { metadata: { uid: string } }).metadata;
  return await tokenOf(AGENT, { kind: 'Pod', apiVersion: 'v1', name: metadata.name, uid });
}

async function tokenOf(serviceAccount: string, boundObjectRef?: object): Promise<string> {
  const asked = post(inNamespace(`serviceaccounts/${serviceAccount}/token`), { spec: { boundObjectRef } });
  return ((await cluster.expectDone(asked)).body as { status: { token: string } }).status.token;
}

beforeAll(async () => {
  cluster = await InstalledChart.start();
  await cluster.install('--set', 'nodes.enabled=true');
  await cluster.makeNamespace('shop', { 'registry-failover.io/enabled': 'true' });
  for (const node of ['node1', 'node2']) tokens.set(node, await makeAgent(node));
  // What somebody may have given away by mistake: the policies stand against it.
  const generous = (name: string, namespace: string, serviceAccount: string): Call =>
    post(`/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: serviceAccount, namespace: install.namespace }],
    });
  await cluster.expectDone(generous('generous-agent', install.namespace, AGENT));
  await cluster.expectDone(generous('generous-agent', 'shop', AGENT));
  await cluster.expectDone(generous('generous-controller', install.namespace, account.controller));
  await cluster.expectDone(generous('generous-default', install.namespace, 'default'));
  await waitFor('the policy of agents to be in force', 20_000, async () => {
    const call = post(`${inNamespace('configmaps')}?dryRun=All`, { metadata: { name: 'a' } });
    // Without the right it would be a 403 as well.
    return NOTHING_BUT_STATUS.test((await cluster.withToken(tokens.get('node1') ?? '', call)).message);
  });
  const token = await tokenOf('default');
  await waitFor('the policy of states to be in force', 20_000, async () => {
    const call = post(`${states}?dryRun=All`, state({}, 'node1'));
    return (await cluster.withToken(token, call)).message.includes('those who may update RegistryMirrorSets');
  });
  await waitFor('the right in another namespace', 20_000, async () => {
    return (await as('node1', get(inNamespace('secrets', 'shop')))).status === 200;
  });
});

afterAll(() => cluster?.stop());

const as = (node: string, call: Call): Promise<Reply> => cluster.withToken(tokens.get(node) ?? '', call);

function expectDone({ status, message }: Reply): void {
  expect({ done: status < 300, message }).toEqual({ done: true, message: '' });
}

describe('the policies', () => {
  it.each(['nodemirrorstates', 'agents', 'secrets', 'pods', 'rolebindings'])(
    'have no expression that the API server doubts: %s',
    async (name) => {
      const path = `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/${install.fullname}-${name}`;
      let found: { status?: { observedGeneration?: number; typeChecking?: object } } = {};
      await waitFor(`the type check of ${name}`, 20_000, async () => {
        found = (await cluster.expectDone(get(path))).body as typeof found;
        return found.status?.observedGeneration !== undefined;
      });
      expect(found.status?.typeChecking).toEqual({});
    },
  );
});

describe('the controller', () => {
  it('writes what is wanted of a node, by server-side apply', async () => {
    for (const node of ['node1', 'node2'])
      expectDone(await cluster.as('controller', apply(`${states}/${node}`, state({}, node))));
    const changed = state({ hosts: [host('fra.ocir.io', ['ams.ocir.io'])] }, 'node2');
    expectDone(await cluster.as('controller', apply(`${states}/node2`, changed)));
  });

  it('is told what the schema does not allow', async () => {
    const wrong = state(
      { hosts: [host('fra.ocir.io', ['ams.ocir.io'], { order: ['a.io', 'b.io'] })] },
      'node1',
    );
    const { status, message } = await cluster.as('controller', apply(`${states}/node1`, wrong));
    expect(status).toBe(422);
    expect(message).toContain('order does not name every source exactly once');
  });

  it('shows to whoever asks how the nodes are', async () => {
    await as(
      'node1',
      merge(`${states}/node1/status`, {
        status: { state: 'UpToDate', observedRevision: '0123456789abcdef' },
      }),
    );
    const said = await cluster.run('kubectl', ['get', 'nms', '-n', install.namespace]);
    const [head = '', first = ''] = said.split('\n');
    expect(head.split(/\s+/)).toEqual(['NAME', 'RUNTIME', 'WANTED', 'OBSERVED', 'STATE', 'AGE']);
    expect(first.split(/\s+/).slice(0, 5)).toEqual([
      'node1',
      'crio',
      '0123456789abcdef',
      '0123456789abcdef',
      'UpToDate',
    ]);
  });
});

describe('an agent', () => {
  it('reads what is wanted, and watches it', async () => {
    const { body } = await as('node1', get(`${states}?fieldSelector=metadata.name%3Dnode1`));
    expect((body as { items: { spec: unknown }[] }).items.map(({ spec }) => spec)).toEqual([
      { wanted: wanted() },
    ]);
  });

  it('writes the status of its own node', async () => {
    expectDone(await as('node1', merge(`${states}/node1/status`, upToDate)));
    expectDone(await as('node2', merge(`${states}/node2/status`, upToDate)));
    const { body } = await cluster.expectDone(get(`${states}/node2`));
    expect(body).toMatchObject(upToDate);
  });

  it('changes nothing but the status by it', async () => {
    const patch = { ...restore, ...upToDate, metadata: { labels: { a: 'b' } } };
    await as('node1', merge(`${states}/node1/status`, patch));
    const { spec, metadata } = (await cluster.expectDone(get(`${states}/node1`))).body as {
      spec: unknown;
      metadata: object;
    };
    expect(spec).toEqual({ wanted: wanted() });
    expect(metadata).not.toHaveProperty('labels');
  });

  it.each<[string, Call, RegExp]>([
    ['the status of another node', merge(`${states}/node2/status`, upToDate), /this token is of node node1/],
    ['what is wanted of its node', merge(`${states}/node1`, restore), NOT_OF_AN_AGENT],
    ['what is wanted of another', merge(`${states}/node2`, restore), NOT_OF_AN_AGENT],
    ['a state of its own', post(states, state({}, 'node3')), NOT_OF_AN_AGENT],
    ['its state away', remove(`${states}/node1`), NOTHING_BUT_STATUS],
    ['a pod', post(inNamespace('pods'), pod()), NOTHING_BUT_STATUS],
    ['a pod away', remove(inNamespace('pods/agent-node2')), NOTHING_BUT_STATUS],
    [
      'a token of another pod',
      post(inNamespace('serviceaccounts/default/token'), { spec: {} }),
      NOTHING_BUT_STATUS,
    ],
    [
      'a secret elsewhere',
      post(inNamespace('secrets', 'shop'), { metadata: { name: 'a' } }),
      NOTHING_BUT_STATUS,
    ],
    ['into a pod', post(inNamespace('pods/agent-node2/exec?command=id'), undefined), NOTHING_BUT_STATUS],
  ])('may not write %s, whatever rights somebody has given it', async (_name, call, why) => {
    const { status, message } = await as('node1', call);
    expect(status).toBe(403);
    expect(message).toMatch(why);
  });

  it('may write nothing with a token that is bound to no node', async () => {
    const token = await tokenOf(AGENT);
    const { status, message } = await cluster.withToken(token, merge(`${states}/node1/status`, upToDate));
    expect(status).toBe(403);
    expect(message).toContain('this token is of no node');
  });

  it('has few rights even without the policies', async () => {
    // `can-i` asks for the rights alone.
    const user = `--as=system:serviceaccount:${install.namespace}:${AGENT}`;
    await cluster.expectDone(
      remove(
        `/apis/rbac.authorization.k8s.io/v1/namespaces/${install.namespace}/rolebindings/generous-agent`,
      ),
    );
    let listed = '';
    await waitFor('what was given away to be taken back', 20_000, async () => {
      listed = await cluster.run('kubectl', ['auth', 'can-i', '--list', '-n', install.namespace, user]);
      return !/^\*\.\* /m.test(listed);
    });
    const ours = listed.split('\n').filter((line) => /registry-failover|secrets|pods/.test(line));
    expect(ours.map((line) => line.trim().replaceAll(/\s+/g, ' ')).sort()).toEqual([
      'nodemirrorstates.registry-failover.io [] [] [list watch]',
      'nodemirrorstates.registry-failover.io/status [] [] [patch]',
    ]);
  });
});

describe('what is wanted of nodes', () => {
  it('is not for others to write who have all rights in the namespace', async () => {
    const token = await tokenOf('default');
    const { status, message } = await cluster.withToken(token, merge(`${states}/node1`, restore));
    expect(status).toBe(403);
    expect(message).toContain('those who may update RegistryMirrorSets');
    expect((await cluster.withToken(token, post(states, state({}, 'node3')))).status).toBe(403);
    // What the garbage collector and people do beside the spec.
    expectDone(
      await cluster.withToken(token, merge(`${states}/node1`, { metadata: { labels: { a: 'b' } } })),
    );
  });

  it('is for cluster administrators to write and to take away', async () => {
    expectDone(await cluster.as('admin', merge(`${states}/node1`, restore)));
    expectDone(await cluster.as('admin', remove(`${states}/node1`)));
  });
});

interface PodChange {
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: object;
  readonly container?: object;
}

const canaryLabels = { [CANARY_LABEL]: 'true' };

/** A canary as the controller makes it, with something else about it. */
function pod({ labels = canaryLabels, spec = {}, container = {} }: PodChange = {}): object {
  return {
    metadata: { name: 'registry-failover-canary-00000000', labels },
    spec: {
      nodeName: 'node1',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      restartPolicy: 'Never',
      tolerations: [{ operator: 'Exists' }],
      imagePullSecrets: [{ name: 'fra-probe' }],
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'canary',
          image: 'fra.ocir.io/health/canary:1',
          imagePullPolicy: 'Always',
          resources: { requests: { cpu: '1m', memory: '8Mi' }, limits: { memory: '8Mi' } },
          command: ['/none'],
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          ...container,
        },
      ],
      ...spec,
    },
  };
}

describe('the canaries of the controller', () => {
  const dryRun = (body: object, namespace = install.namespace): Call =>
    post(`${inNamespace('pods', namespace)}?dryRun=All`, body);

  it('may be made and deleted', async () => {
    expectDone(await cluster.as('controller', dryRun(pod())));
    const canary = printCanaryPod({
      namespace: install.namespace,
      name: 'registry-failover-canary-00000000',
      node: 'node1',
      image: 'fra.ocir.io/health/canary:1',
      secret: 'fra-probe',
    });
    expectDone(await cluster.as('controller', post(inNamespace('pods'), canary)));
    expectDone(await cluster.as('controller', remove(inNamespace('pods/registry-failover-canary-00000000'))));
  });

  const privileged = { capabilities: { drop: ['ALL'] }, privileged: true };
  it.each<[string, object]>([
    ['without the label', pod({ labels: {} })],
    ['on the node’s network', pod({ spec: { hostNetwork: true } })],
    ['among the node’s processes', pod({ spec: { hostPID: true } })],
    ['with the node’s semaphores', pod({ spec: { hostIPC: true } })],
    [
      'with a folder of the node',
      pod({
        spec: { volumes: [{ name: 'v', hostPath: { path: '/' } }] },
        container: { volumeMounts: [{ name: 'v', mountPath: '/v' }] },
      }),
    ],
    ['with a token', pod({ spec: { automountServiceAccountToken: true } })],
    ['as somebody', pod({ spec: { serviceAccountName: account.controller } })],
    ['on any node', pod({ spec: { nodeName: undefined } })],
    ['with two pull secrets', pod({ spec: { imagePullSecrets: [{ name: 'a' }, { name: 'b' }] } })],
    ['with a secret in its environment', pod({ container: { envFrom: [{ secretRef: { name: 'a' } }] } })],
    ['with a port of the node', pod({ container: { ports: [{ containerPort: 80, hostPort: 80 }] } })],
    ['with privileges', pod({ container: { securityContext: privileged } })],
    [
      'with a capability',
      pod({
        container: {
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'], add: ['SYS_ADMIN'] },
          },
        },
      }),
    ],
    ['with the rights of a usual container', pod({ container: { securityContext: {} } })],
    ['with a second container', pod({ spec: { initContainers: [{ name: 'b', image: 'b' }] } })],
  ])('may not be %s', async (_name, body) => {
    const { status, message } = await cluster.as('controller', dryRun(body));
    expect({ status, message }).toEqual({
      status: 403,
      message: expect.stringMatching(/no pods but canaries|a canary of registry-failover/) as string,
    });
  });

  it('may not be elsewhere, nor may other pods be deleted', async () => {
    expect((await cluster.as('controller', dryRun(pod(), 'shop'))).status).toBe(403);
    expect((await cluster.as('controller', remove(inNamespace('pods/agent-node1')))).status).toBe(403);
  });
});

describe('the Secret that nodes pull with', () => {
  const secret = (name: string, type = 'kubernetes.io/dockerconfigjson'): object => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    type,
    data: { '.dockerconfigjson': Buffer.from('{"auths":{}}').toString('base64') },
  });
  const at = (name: string): string => inNamespace(`secrets/${name}`);

  it('is written and removed by the controller, by its name', async () => {
    const name = 'registry-failover-node-auth';
    expectDone(await cluster.as('controller', apply(at(name), secret(name))));
    expectDone(await cluster.as('controller', remove(at(name))));
  });

  it.each([
    ['of another type', 'registry-failover-node-auth', 'Opaque'],
    ['of another name', 'registry-failover-other', 'kubernetes.io/dockerconfigjson'],
  ])('is not one %s', async (_what, name, type) => {
    const { status, message } = await cluster.as('controller', apply(at(name), secret(name, type)));
    expect(status).toBe(403);
    expect(message).toContain('and what nodes pull with');
  });
});
