// Pods of every shape that a cluster makes them in, through the real API server: each is seen, and each starts in an outage.
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AMS, FRA } from '../../lab/registries/records.ts';
import { INSTALL_NAMESPACE, NODES, RUNTIMES, Stage, decisionOf, unique, waitFor } from './stage.ts';
import type { LivePod, Manifest } from './stage.ts';

let stage: Stage;
let namespace: string;
/** An image that both have and no node has seen; the upstream is down for all of this file. */
let image: string;
let further: string;
beforeAll(async () => {
  stage = new Stage();
  namespace = await stage.open('shapes');
  image = await stage.known(namespace, FRA, AMS);
  further = await stage.known(namespace, FRA, AMS);
  await stage.stopped(namespace, FRA, image);
});
afterAll(() => stage.close());

const up = (): string => `${FRA}/${image}`;
const down = (): string => `${AMS}/${image}`;

function template(labels: Readonly<Record<string, string>>, spec: object = {}): object {
  return {
    metadata: { labels },
    spec: {
      terminationGracePeriodSeconds: 0,
      imagePullSecrets: [{ name: 'upstream' }],
      containers: [{ name: 'c0', image: up() }],
      ...spec,
    },
  };
}

async function podsOf(app: string): Promise<readonly LivePod[]> {
  return stage.list<LivePod>('pods', namespace, `labelSelector=app%3D${app}`);
}

describe.each(RUNTIMES)('pods on %s', (runtime) => {
  it('with an init container and a sidecar', async () => {
    const name = unique('init');
    const pod = stage.podManifest(namespace, name, runtime, [up()]);
    const initContainers = [
      { name: 'first', image: `${FRA}/team/init:v1` },
      { name: 'side', image: `${FRA}/${further}`, restartPolicy: 'Always' },
    ];
    await stage.apply({ ...pod, spec: { ...(pod['spec'] as object), initContainers } });
    const live = await stage.waitRunning(namespace, name);
    expect(live.spec.initContainers?.map((one) => one.image)).toEqual([
      `${AMS}/team/init:v1`,
      `${AMS}/${further}`,
    ]);
    expect(Object.keys(decisionOf(live)).toSorted()).toEqual([
      'containers/c0',
      'initContainers/first',
      'initContainers/side',
    ]);
  });

  it('with an ephemeral container by kubectl debug', async () => {
    const name = unique('debug');
    await stage.apply(stage.podManifest(namespace, name, runtime, [up()]));
    await stage.waitRunning(namespace, name);
    await stage.kubectl(
      'debug',
      '-n',
      namespace,
      name,
      `--image=${FRA}/${further}`,
      '--container=look',
      '--',
      'true',
    );
    const live = await stage.pod(namespace, name);
    expect(live.spec.ephemeralContainers?.map((one) => one.image)).toEqual([`${AMS}/${further}`]);
  });

  it('by digest', async () => {
    const [repository = '', tag = ''] = image.split(':');
    const digest = await stage.lab.registries.digestOf({ host: AMS, repository, tag });
    const name = unique('digest');
    await stage.apply(stage.podManifest(namespace, name, runtime, [`${FRA}/${repository}@${digest ?? ''}`]));
    const live = await stage.waitRunning(namespace, name);
    expect(live.spec.containers[0]?.image).toBe(`${AMS}/${repository}@${digest ?? ''}`);
  });

  it('with an image volume', async () => {
    const name = unique('volume');
    const pod = stage.podManifest(namespace, name, runtime, [up()]);
    const spec = {
      ...(pod['spec'] as { containers: object[] }),
      volumes: [{ name: 'data', image: { reference: `${FRA}/${further}`, pullPolicy: 'IfNotPresent' } }],
    };
    spec.containers = spec.containers.map((one) => ({
      ...one,
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
    }));
    await stage.apply({ ...pod, spec });
    const live = await stage.waitRunning(namespace, name);
    expect(live.spec.volumes?.find((volume) => volume.name === 'data')?.image?.reference).toBe(
      `${AMS}/${further}`,
    );
  });

  it('that are static: nothing is changed, and the record says why', async () => {
    const name = unique('static');
    const file = path.join(stage.lab.node(NODES[runtime]).folder, 'manifests', `${name}.json`);
    const pod = stage.podManifest(namespace, name, runtime, [up()]);
    // A kubelet takes no file that names a secret.
    const { imagePullSecrets: _none, ...spec } = pod['spec'] as Record<string, unknown>;
    writeFileSync(file, JSON.stringify({ ...pod, spec }));
    try {
      const mirror = `${name}-${NODES[runtime]}`;
      await waitFor(`the mirror pod ${mirror}`, 40_000, async () => {
        return (await stage.find('pods', namespace, mirror)) !== undefined;
      });
      const live = await stage.pod(namespace, mirror);
      expect(live.spec.containers[0]?.image).toBe(up());
      expect(decisionOf(live)['containers/c0']?.reason).toBe('static-pod');
    } finally {
      rmSync(file);
    }
  });
});

describe('workloads', () => {
  it('a DaemonSet, on every node', async () => {
    const app = unique('daemon');
    await stage.apply({
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: app, namespace },
      spec: { selector: { matchLabels: { app } }, template: template({ app }) },
    });
    await waitFor(`the DaemonSet ${app}`, 40_000, async () => {
      const pods = await podsOf(app);
      return pods.length === 2 && pods.every((pod) => pod.status.phase === 'Running');
    });
    expect((await podsOf(app)).map((pod) => pod.spec.containers[0]?.image)).toEqual([down(), down()]);
  });

  it('a Job, to its end', async () => {
    const app = unique('job');
    const containers = [{ name: 'c0', image: `${FRA}/team/job:v1` }];
    await stage.apply({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: app, namespace },
      spec: { template: template({ app }, { restartPolicy: 'Never', containers }) },
    });
    await waitFor(`the Job ${app}`, 40_000, async () => {
      const job = await stage.get<{ status?: { succeeded?: number } }>('jobs', namespace, app);
      return job.status?.succeeded === 1;
    });
  });

  it('a ReplicaSet of 50: every pod is judged and moved', async () => {
    const app = unique('fifty');
    await stage.apply({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: app, namespace },
      // They are judged and never scheduled: fifty containers at once would measure this machine.
      spec: {
        replicas: 50,
        selector: { matchLabels: { app } },
        template: template({ app }, { nodeSelector: { none: 'such' } }),
      },
    });
    await waitFor('50 pods', 60_000, async () => (await podsOf(app)).length === 50);
    const images = new Set((await podsOf(app)).map((pod) => pod.spec.containers[0]?.image));
    expect(images).toEqual(new Set([down()]));
    await stage.kubectl('delete', 'replicaset', '-n', namespace, app, '--wait=false');
  });

  it('pods made by a ServiceAccount with a secret of its own', async () => {
    const account = unique('builder');
    await stage.apply(stage.pullSecret(namespace, `${account}-pull`, [FRA]), {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: account, namespace },
      imagePullSecrets: [{ name: `${account}-pull` }],
    });
    const name = unique('account');
    const pod = stage.podManifest(namespace, name, 'crio', [up()]);
    const { imagePullSecrets: _none, ...spec } = pod['spec'] as Record<string, unknown>;
    await stage.apply({ ...pod, spec: { ...spec, serviceAccountName: account } });
    const live = await stage.waitRunning(namespace, name);
    expect(live.spec.containers[0]?.image).toBe(down());
    expect(live.spec.imagePullSecrets?.map((one) => one.name)).toEqual([
      `${account}-pull`,
      'registry-failover-set-fra',
    ]);
  });
});

describe('what changes nothing', () => {
  it('a server-side dry run shows the decision and creates nothing', async () => {
    const name = unique('dry');
    const pod = stage.podManifest(namespace, name, 'crio', [up()]);
    const said = await stage.lab.kubectl(
      ['apply', '--dry-run=server', '-o', 'json', '-f', '-'],
      JSON.stringify(pod),
    );
    expect((JSON.parse(said) as LivePod).spec.containers[0]?.image).toBe(down());
    expect(await stage.find('pods', namespace, name)).toBeUndefined();
  });

  it('kubectl diff of a Deployment that is as declared finds no difference', async () => {
    const app = unique('same');
    const deployment: Manifest = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: app, namespace },
      spec: { replicas: 1, selector: { matchLabels: { app } }, template: template({ app }) },
    };
    await stage.lab.kubectl(['apply', '-f', '-'], JSON.stringify(deployment));
    // Until then its controller writes the status, and diff looks twice.
    await stage.kubectl('rollout', 'status', '-n', namespace, `deployment/${app}`, '--timeout=60s');
    // It exits with 1 when there is one.
    expect(await stage.lab.kubectl(['diff', '-f', '-'], JSON.stringify(deployment))).toBe('');
  });

  it('pods of a namespace without the label are what was sent', async () => {
    const other = await stage.namespace('outside', { optedIn: false });
    const judged = await stage.judge(other, [up()]);
    expect(judged.spec.containers[0]?.image).toBe(up());
    expect(judged.metadata.annotations).toBeUndefined();
    expect(judged.spec.imagePullSecrets).toEqual([{ name: 'upstream' }]);
  });

  it('pods of the product itself', async () => {
    const pods = await stage.list<LivePod>('pods', INSTALL_NAMESPACE);
    expect(pods.length).toBeGreaterThanOrEqual(4);
    for (const pod of pods)
      expect(pod.metadata.annotations?.['registry-failover.io/decision']).toBeUndefined();
  });
});
