// Never in the way: whatever of ours is killed, pods are created all the time and none is denied.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callApi } from '../../lab/api-client.ts';
import { pause } from '../../lab/wait.ts';
import { AMS, FRA } from '../../lab/registries/records.ts';
import { INSTALL_NAMESPACE, Stage, decisionOf, unique, waitFor } from './stage.ts';
import type { LivePod } from './stage.ts';

/** The webhook's time-out in the configuration, and a second for the API server itself. */
const LONGEST_MS = 4_000;
/** Creations, so that a bound on each of them says something. */
const ENOUGH = 10;

let stage: Stage;
let namespace: string;
let image: string;
beforeAll(async () => {
  stage = new Stage();
  namespace = await stage.open('faults');
  image = await stage.known(namespace, FRA, AMS);
});
afterAll(() => stage.close());

interface Created {
  readonly status: number;
  readonly ms: number;
  readonly annotated: boolean;
}

/** Creates pods (dry runs: admission is the same) one after the other until told to stop. */
class Stream {
  readonly created: Created[] = [];
  #isOn = true;
  readonly #done: Promise<void>;

  constructor() {
    this.#done = this.#run();
  }

  async #run(): Promise<void> {
    while (this.#isOn) {
      const began = performance.now();
      const body = stage.podManifest(namespace, unique('stream'), 'crio', [`${FRA}/${image}`]);
      try {
        const answer = await callApi(stage.lab.controlPlane.access, {
          method: 'POST',
          path: `/api/v1/namespaces/${namespace}/pods?dryRun=All`,
          body,
        });
        const annotated = answer.text.includes('registry-failover.io/decision');
        this.created.push({ status: answer.status, ms: performance.now() - began, annotated });
      } catch {
        // The API server itself is away: nobody can create anything.
        await pause(100);
      }
    }
  }

  /** Not before there are enough of them: the API server may wait out its time-out for a webhook whose address has just gone. */
  async stop(): Promise<readonly Created[]> {
    await waitFor('more pods', 60_000, () => Promise.resolve(this.created.length > ENOUGH));
    this.#isOn = false;
    await this.#done;
    return this.created;
  }
}

/** Those on their way out too: they may still answer. */
function allPodsOf(component: string): Promise<readonly LivePod[]> {
  return stage.list<LivePod>(
    'pods',
    INSTALL_NAMESPACE,
    `labelSelector=app.kubernetes.io%2Fcomponent%3D${component}`,
  );
}

async function podsOf(component: string): Promise<readonly LivePod[]> {
  return (await allPodsOf(component)).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

async function kill(pod: LivePod): Promise<void> {
  const { name } = pod.metadata;
  await stage.kubectl(
    'delete',
    'pod',
    '-n',
    INSTALL_NAMESPACE,
    name,
    '--grace-period=0',
    '--force',
    '--wait=false',
  );
}

async function waitReady(component: string, replicas: number): Promise<void> {
  await waitFor(`${replicas} ready ${component} pods`, 60_000, async () => {
    const pods = await podsOf(component);
    const isReady = (pod: LivePod): boolean =>
      (pod.status.containerStatuses as { ready: boolean }[] | undefined)?.every(({ ready }) => ready) ===
      true;
    return pods.length === replicas && pods.every(isReady);
  });
}

function expectAllCreated(created: readonly Created[]): void {
  expect(created.length).toBeGreaterThan(ENOUGH);
  expect(created.filter(({ status }) => status !== 201)).toEqual([]);
  expect(Math.max(...created.map(({ ms }) => ms))).toBeLessThan(LONGEST_MS);
}

describe('pods are created all the time', () => {
  it('while the webhook’s replicas are killed one by one', async () => {
    const stream = new Stream();
    for (const pod of await podsOf('webhook')) {
      await kill(pod);
      await pause(500);
      await waitReady('webhook', 2);
    }
    expectAllCreated(await stream.stop());
    await stage.waitJudged(namespace, `${FRA}/${image}`, 'upstream-available');
  });

  it('while both are killed at once', async () => {
    const stream = new Stream();
    await Promise.all((await podsOf('webhook')).map(kill));
    await pause(500);
    await waitReady('webhook', 2);
    expectAllCreated(await stream.stop());
    await stage.waitJudged(namespace, `${FRA}/${image}`, 'upstream-available');
  });

  it('while there is no webhook at all, unjudged', async () => {
    const scale = (replicas: number): Promise<string> =>
      stage.kubectl(
        'scale',
        '-n',
        INSTALL_NAMESPACE,
        'deployment/registry-failover-webhook',
        `--replicas=${replicas}`,
      );
    await scale(0);
    await waitFor('the webhook to be gone', 60_000, async () => (await allPodsOf('webhook')).length === 0);
    try {
      const stream = new Stream();
      await pause(1_000);
      const created = await stream.stop();
      expectAllCreated(created);
      expect(created.at(-1)?.annotated).toBe(false);
    } finally {
      // All other files need it.
      await scale(2);
      await waitReady('webhook', 2);
    }
    await stage.waitJudged(namespace, `${FRA}/${image}`, 'upstream-available');
  });

  it('while the controller is killed, and a secret is put back by the one that takes over', async () => {
    const stream = new Stream();
    await Promise.all((await podsOf('controller')).map(kill));
    await pause(500);
    await waitReady('controller', 2);
    expectAllCreated(await stream.stop());
    await stage.kubectl('delete', 'secret', '-n', namespace, 'registry-failover-set-fra');
    await waitFor('the derived secret to be back', 60_000, async () => {
      return (await stage.find('secrets', namespace, 'registry-failover-set-fra')) !== undefined;
    });
  });

  it('after the API server was restarted, judged as before', async () => {
    await stage.lab.controlPlane.restartApiServer();
    await stage.waitJudged(namespace, `${FRA}/${image}`, 'upstream-available');
    const pod = await stage.judge(namespace, [`${FRA}/${image}`]);
    expect(decisionOf(pod)['containers/c0']?.action).toBe('keep');
  });
});
