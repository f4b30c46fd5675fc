// A release with agents at a real API server: which Pod Security lets them run, and how nodes are turned off again.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chart } from '../../../deploy/artifacts.ts';
import { state } from '../../config/node-mirror-state-examples.ts';
import { waitFor } from '../../lab/wait.ts';
import { install, InstalledChart, type Reply } from '../rights/installed-chart.ts';

const { namespace, fullname } = install;
const states = `/apis/registry-failover.io/v1alpha1/namespaces/${namespace}/nodemirrorstates`;

let cluster: InstalledChart;
beforeAll(async () => {
  cluster = await InstalledChart.start();
  await cluster.install('--set', 'nodes.enabled=true');
});
afterAll(() => cluster?.stop());

function upgrade(...values: readonly string[]): Promise<string> {
  return cluster.run('helm', ['upgrade', fullname, chart, '--namespace', namespace, ...values]);
}

function tryPod(body: object): Promise<Reply> {
  const path = `/api/v1/namespaces/${namespace}/pods?dryRun=All`;
  return cluster.as('admin', { method: 'POST', path, body });
}

/** What admission makes of a pod of this component where the namespace enforces a level. */
async function judge(kind: string, component: string, level: string): Promise<Reply> {
  const labels = { 'pod-security.kubernetes.io/enforce': level };
  await cluster.expectDone({
    method: 'PATCH',
    path: `/api/v1/namespaces/${namespace}`,
    body: { metadata: { labels } },
    patch: 'merge',
  });
  await waitFor(`${level} to be enforced`, 20_000, async () => {
    const spec = { hostNetwork: true, containers: [{ name: 'probe', image: 'probe' }] };
    const { status, message } = await tryPod({ metadata: { name: 'probe' }, spec });
    return level === 'privileged' ? status === 201 : message.includes(`violates PodSecurity "${level}:`);
  });
  const path = `/apis/apps/v1/namespaces/${namespace}/${kind}/${fullname}-${component}`;
  const { body } = await cluster.expectDone({ method: 'GET', path });
  const { spec } = (body as { spec: { template: { spec: object } } }).spec.template;
  return await tryPod({ metadata: { name: 'tried' }, spec });
}

describe('a namespace that enforces', () => {
  it.each(['privileged'])('%s lets agents run', async (level) => {
    const { status, message } = await judge('daemonsets', 'agent', level);
    expect({ status, message }).toEqual({ status: 201, message: '' });
  });

  it.each(['baseline', 'restricted'])('%s refuses agents, and takes the rest', async (level) => {
    const { status, message } = await judge('daemonsets', 'agent', level);
    expect(status).toBe(403);
    expect(message).toContain('host namespaces (hostNetwork=true, hostPID=true)');
    expect((await judge('deployments', 'controller', level)).status).toBe(201);
  });
});

describe('nodes.enabled=false', () => {
  it('is refused as long as nodes have files, with what to do', async () => {
    const body = state({}, 'node1');
    await cluster.expectDone({ method: 'POST', path: states, body });
    await expect(upgrade('--set', 'nodes.enabled=false')).rejects.toThrow(
      /1 nodes still have files of this release.*kubectl -n registry-failover get nodemirrorstates.*--owner registry-failover\/registry-failover/s,
    );
    // Nothing else about the release is held up.
    await upgrade('--set', 'nodes.enabled=true', '--set', 'clusterName=second');
  });

  it('takes the agents away once no node has any', async () => {
    await cluster.expectDone({ method: 'DELETE', path: `${states}/node1` });
    await upgrade('--set', 'nodes.enabled=false');
    const left = await cluster.run('kubectl', [
      'get',
      'daemonsets,roles,rolebindings,serviceaccounts,validatingadmissionpolicies',
      '-n',
      namespace,
      '-o',
      'name',
    ]);
    expect(left).not.toMatch(/agent|nodemirrorstates/);
    expect(left).toContain('registry-failover-controller');
  });
});
