// The webhook's place at the API server: what is edited there is put right, being passed over is said, and calls share few connections.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../lab/run.ts';
import { AMS, FRA } from '../../lab/registries/records.ts';
import { Sets } from './sets.ts';
import { INSTALL_NAMESPACE, RELEASE, Stage, unique, waitFor } from './stage.ts';
import type { LivePod } from './stage.ts';

const WEBHOOK_PODS = 'labelSelector=app.kubernetes.io%2Fcomponent%3Dwebhook';
/** Four for calls, one for all watches (src/kubernetes/connection.ts). */
const MAX_CONNECTIONS = 5;

let stage: Stage;
let namespace: string;
let image: string;
beforeAll(async () => {
  stage = new Stage();
  namespace = await stage.open('presence');
  image = await stage.known(namespace, FRA, AMS);
});
afterAll(() => stage.close());

async function scale(replicas: number): Promise<void> {
  const deployment = `deployment/${RELEASE}-webhook`;
  await stage.kubectl('scale', '-n', INSTALL_NAMESPACE, deployment, `--replicas=${replicas}`);
}

describe('the webhook configuration', () => {
  it('its caBundle is put right when somebody edits it, and pods are judged again', async () => {
    const bundle = ['get', 'mutatingwebhookconfiguration', RELEASE, '-o'] as const;
    const read = (): Promise<string> =>
      stage.kubectl(...bundle, 'jsonpath={.webhooks[*].clientConfig.caBundle}');
    const before = await read();
    const foreign = readFileSync(stage.lab.registries.caFile).toString('base64');
    const patch = [{ op: 'replace', path: '/webhooks/0/clientConfig/caBundle', value: foreign }];
    await stage.kubectl(
      'patch',
      'mutatingwebhookconfiguration',
      RELEASE,
      '--type=json',
      '-p',
      JSON.stringify(patch),
    );
    await waitFor('the caBundle to be put right', 60_000, async () => (await read()) === before);
    await stage.waitJudged(namespace, `${FRA}/${image}`, 'upstream-available');
  });

  it('a pod that was made while there was no webhook is in the status, until it is made again', async () => {
    const sets = new Sets(stage);
    await scale(0);
    await waitFor('the webhook to be gone', 60_000, async () => {
      return (await stage.list<LivePod>('pods', INSTALL_NAMESPACE, WEBHOOK_PODS)).length === 0;
    });
    const name = unique('passed');
    const pod = stage.podManifest(namespace, name, 'crio', [`${FRA}/${image}`]);
    try {
      await stage.apply(pod);
      const unseen = { type: 'AdmissionActive', status: 'False', reason: 'PodsNotSeen' };
      const message = await sets.waitCondition('fra', unseen);
      expect(message).toContain(`1 pod (${namespace}/${name})`);
      expect(message).toContain(`kubectl -n ${INSTALL_NAMESPACE} get pods`);
    } finally {
      await scale(2);
    }
    const deployment = `deployment/${RELEASE}-webhook`;
    await stage.kubectl('rollout', 'status', '-n', INSTALL_NAMESPACE, deployment, '--timeout=60s');
    await stage.waitJudged(namespace, `${FRA}/${image}`, 'upstream-available');
    await stage.kubectl('delete', 'pod', '-n', namespace, name, '--grace-period=0', '--force');
    await stage.apply(pod);
    await sets.waitCondition('fra', { type: 'AdmissionActive', status: 'True', reason: 'PodsSeen' });
  });
});

describe('calls to the API server', () => {
  async function connectionsOf({ status }: LivePod): Promise<number> {
    const filter = `sport = :6443 and dst ${status.podIP ?? ''}`;
    const lines = await run('ss', ['-Htn', 'state', 'established', filter]);
    return lines.split('\n').filter((line) => line !== '').length;
  }

  it('share a few connections, whatever the number of pods and of secrets that are read for them', async () => {
    const judgeOne = (): Promise<LivePod> => {
      const pod = stage.podManifest(namespace, unique('many'), 'crio', [`${FRA}/${image}`]);
      const imagePullSecrets = [{ name: 'upstream' }, { name: unique('own') }];
      return stage.judgePod({ ...pod, spec: { ...(pod['spec'] as object), imagePullSecrets } });
    };
    for (let round = 0; round < 10; round += 1)
      await Promise.all(Array.from({ length: 20 }, () => judgeOne()));
    const pods = await stage.list<LivePod>('pods', INSTALL_NAMESPACE);
    const counts = await Promise.all(pods.map(connectionsOf));
    expect(counts.filter((count) => count > 0).length).toBeGreaterThanOrEqual(4);
    expect(Math.max(...counts)).toBeLessThanOrEqual(MAX_CONNECTIONS);
  });
});
