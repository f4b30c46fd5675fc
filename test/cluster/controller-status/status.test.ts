// Status and events at a real API server: what kubectl shows of it, and that a restart changes nothing.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { annotationFor, MIRROR_IMAGE, UPSTREAM_IMAGE } from '../../controller/pod-objects.ts';
import { pause, waitFor } from '../../lab/wait.ts';
import { Controller, Stage } from './stage.ts';

const MS = 60_000;

let stage: Stage;
let controller: Controller | undefined;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.apply(mirrorSet('ocir', 'fra.ocir.io'));
  await pause(1_100);
  await stage.apply(mirrorSet('late', 'fra.ocir.io'));
  await stage.apply({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop', labels: { 'registry-failover.io/enabled': 'true' } },
  });
});
afterEach(() => {
  controller?.stop();
  controller = undefined;
});
afterAll(() => stage?.close());

function mirrorSet(name: string, prefix: string): unknown {
  return {
    apiVersion: 'registry-failover.io/v1alpha1',
    kind: 'RegistryMirrorSet',
    metadata: { name },
    spec: {
      upstream: { prefix },
      mirrors: [{ endpoint: 'ams.ocir.io', credential: { source: 'SameAsUpstream' } }],
    },
  };
}

/** A ReplicaSet as if its pods had been admitted: rewritten, by annotation. */
function replicaSet(name: string, image: string, reason: string | undefined, replicas = 2): unknown {
  const annotations =
    reason === undefined ? {} : { 'registry-failover.io/decision': annotationFor(image, reason) };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name, namespace: 'shop' },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name }, annotations },
        spec: { containers: [{ name: 'app', image }] },
      },
    },
  };
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration: number;
}

interface Status {
  readonly conditions?: readonly Condition[];
  readonly endpoints?: readonly {
    readonly endpoint: string;
    readonly health: string;
    readonly since: string;
  }[];
  readonly podsOnMirrors?: number;
}

async function statusOf(name: string): Promise<Status> {
  return ((await stage.json(['get', 'rms', name])) as { readonly status?: Status }).status ?? {};
}

async function condition(name: string, type: string): Promise<Condition | undefined> {
  return (await statusOf(name)).conditions?.find((each) => each.type === type);
}

function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  return waitFor(what, MS, holds);
}

/** A row of `kubectl get` without the age. */
async function row(name: string): Promise<readonly string[]> {
  const line = (await stage.kubectl(['get', 'rms', name, '--no-headers'])).trim();
  return line.split(/\s+/u).slice(0, 5);
}

const READY = {
  set: 'ocir',
  namespace: 'shop',
  secret: 'registry-failover-from-regcred',
  state: 'ready',
} as const;

async function start(): Promise<Controller> {
  controller = await Controller.start(stage, (fresh) => {
    fresh.up('fra.ocir.io');
    fresh.up('ams.ocir.io');
    fresh.credentials = [READY];
  });
  return controller;
}

describe('kubectl get rms', () => {
  it('tells a stranger that it works, and which set is not in force', async () => {
    await start();
    await until(
      'a status',
      async () =>
        (await condition('late', 'Valid')) !== undefined && (await condition('ocir', 'Valid')) !== undefined,
    );
    const [head] = (await stage.kubectl(['get', 'rms'])).split('\n');
    expect(head?.trim().split(/\s+/u)).toEqual(['NAME', 'UPSTREAM', 'UP', 'CREDENTIALS', 'NODES', 'AGE']);
    expect(await row('ocir')).toEqual(['ocir', 'fra.ocir.io', 'Serving', 'Ready', 'Disabled']);
    expect(await row('late')).toEqual(['late', 'fra.ocir.io', 'NotInForce', 'NotInForce', 'Disabled']);
    expect(await condition('late', 'Valid')).toMatchObject({ status: 'False', reason: 'PrefixTaken' });
    expect(controller?.failures).toEqual([]);
  });

  it('tells that the upstream is down and a credential is refused, and describe says what to do', async () => {
    const started = await start();
    started.refused = [
      {
        set: 'ocir',
        namespace: 'shop',
        secret: READY.secret,
        endpoint: 'ams.ocir.io',
        message: 'HTTP 401: no',
      },
    ];
    started.down('fra.ocir.io', 'connect ECONNREFUSED 127.0.0.2:443');
    await until('the outage', async () => (await row('ocir'))[2] === 'Unreachable');
    expect(await row('ocir')).toEqual(['ocir', 'fra.ocir.io', 'Unreachable', 'Refused', 'Disabled']);
    const described = await stage.kubectl(['describe', 'rms', 'ocir']);
    expect(described).toContain('New pods take their images from ams.ocir.io');
    expect(described).toContain(`kubectl -n shop describe secret ${READY.secret}`);
  });

  it('keeps the times over a restart, and writes nothing when nothing has changed', async () => {
    await start();
    await until('the end of the outage', async () => (await row('ocir'))[2] === 'Serving');
    const look = async (): Promise<string> => JSON.stringify(await stage.json(['get', 'rms', 'ocir']));
    let before = '';
    // What this controller had still to say has been said.
    await until('quiet', async () => {
      before = await look();
      await pause(2_000);
      return before === (await look());
    });
    controller?.stop();
    await start();
    await pause(5_000);
    expect(JSON.parse(await look())).toEqual(JSON.parse(before));
  });
});

describe('pods', () => {
  it('have events, and so has their owner; those on mirrors are counted', async () => {
    await start();
    await stage.apply(replicaSet('checkout', MIRROR_IMAGE, 'upstream-unreachable'));
    await stage.apply(replicaSet('stuck', UPSTREAM_IMAGE, 'no-mirror-available', 1));
    await until('the count', async () => (await statusOf('ocir')).podsOnMirrors === 2);
    let owner = '';
    await until('the series', async () => {
      owner = await stage.kubectl(['describe', 'rs', '-n', 'shop', 'checkout']);
      return owner.includes('(x2 over');
    });
    expect(owner).toMatch(/Normal\s+ImageRerouted\s+.*registry-failover.io\/controller/u);
    expect(owner).toContain('app: fra.ocir.io/shop/checkout:1.0 is taken from ams.ocir.io.');
    const pod = (): Promise<string> => stage.kubectl(['describe', 'pod', '-n', 'shop', '-l', 'app=stuck']);
    await until('the warning', async () => /Warning\s+NoMirrorAvailable/u.test(await pod()));
    await until('admission', async () => (await condition('ocir', 'AdmissionActive'))?.reason === 'PodsSeen');
    expect(controller?.failures).toEqual([]);
  });

  it('that came without the webhook are an alarm', async () => {
    await start();
    // Younger than the margin after the opt-in is no evidence.
    await pause(6_500);
    await stage.apply(replicaSet('unseen', UPSTREAM_IMAGE, undefined, 3));
    await until('the alarm', async () => (await condition('ocir', 'AdmissionActive'))?.status === 'False');
    await until(
      'all three',
      async () => (await condition('ocir', 'AdmissionActive'))?.message.includes('3 pods') === true,
    );
    expect(await condition('ocir', 'AdmissionActive')).toMatchObject({ reason: 'PodsNotSeen' });
  });

  it('that are deleted young and made again are an event on their owner', async () => {
    const started = await start();
    await stage.apply(replicaSet('churn', MIRROR_IMAGE, 'upstream-unreachable', 1));
    const seen = new Set<string>();
    // Each pod has to be seen by the controller before it goes.
    const fresh = () =>
      started.book?.in('shop').find(({ name, uid }) => name.startsWith('churn-') && !seen.has(uid));
    for (let round = 0; round < 4; round += 1) {
      await until('a pod', () => Promise.resolve(fresh() !== undefined));
      seen.add(fresh()?.uid ?? '');
      await stage.kubectl(['delete', 'pod', '-n', 'shop', '-l', 'app=churn', '--grace-period=0', '--force']);
    }
    await until('the event', async () =>
      (await stage.kubectl(['describe', 'rs', '-n', 'shop', 'churn'])).includes('RewrittenPodsRecreated'),
    );
    expect(started.recreated).toBeGreaterThan(0);
  });

  it('go on being told of after the API server was away', async () => {
    const started = await start();
    await stage.plane.stopApiServer();
    started.down('fra.ocir.io', 'no route to host');
    await pause(2_000);
    await stage.plane.startApiServer();
    await until('the outage', async () => (await row('ocir'))[2] === 'Unreachable');
  });
});
