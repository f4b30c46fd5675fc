// What can go wrong on nodes: drift, somebody else's file in the way, a mirror that nodes may not use, agents that are gone, a pull that fails.
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findProcesses } from '../../lab/proc.ts';
import type { RegistryHost } from '../../lab/registries/records.ts';
import { declare, install, uninstall } from './product.ts';
import { mirror, Sets } from './sets.ts';
import { INSTALL_NAMESPACE, RELEASE, RUNTIMES, NODES, Stage, unique, waitFor } from './stage.ts';
import type { Runtime } from './stage.ts';
import {
  declarePublic,
  installWithNodes,
  openMirror,
  PLATFORM,
  PUBLIC,
  snapshot,
  waitFirst,
  waitStates,
  WHOLE,
} from './nodes-stage.ts';
import type { NodeState } from './nodes-stage.ts';

const DROP_IN = 'containers/registries.conf.d/90-registry-failover.conf';
const HOSTS = 'containerd/certs.d/fra.registry.test/hosts.toml';

let stage: Stage;
let sets: Sets;
let namespace: string;

const etcOf = (runtime: Runtime): string => stage.lab.node(NODES[runtime]).etc;
const upToDate = () =>
  waitStates(
    stage,
    'both nodes to be up to date',
    ({ spec, status }) => status?.state === 'UpToDate' && status.observedRevision === spec.wanted.revision,
  );

beforeAll(async () => {
  stage = new Stage();
  sets = new Sets(stage);
  await stage.lab.registries.reset();
  namespace = await stage.namespace('plain', { optedIn: false });
  await installWithNodes(stage);
  await declarePublic(sets);
  await waitFirst(stage, PUBLIC, PUBLIC);
});
afterEach(async () => {
  await stage.lab.registries.reset();
});
afterAll(async () => {
  await sets.close();
  await uninstall();
  // Other files expect the product as they found it.
  await install();
  await declare();
  await stage.close();
});

async function pull(runtime: Runtime, image: string, withinMs: number): Promise<void> {
  const name = unique(runtime);
  await stage.apply(stage.podManifest(namespace, name, runtime, [image]));
  await stage.waitRunning(namespace, name, withinMs);
}

/** Waits until the pull has failed, and the kubelet says that it was this host which did not answer. */
async function expectNoPull(runtime: Runtime, image: string, host: RegistryHost): Promise<void> {
  const name = unique(runtime);
  await stage.apply(stage.podManifest(namespace, name, runtime, [image]));
  let said = '';
  await waitFor(`the pull of ${image} on ${runtime} to fail`, 60_000, async () => {
    const pod = await stage.pod(namespace, name);
    said = JSON.stringify(pod.status.containerStatuses ?? []);
    return said.includes('ErrImagePull') || said.includes('ImagePullBackOff');
  });
  expect(said).toContain(host);
  await stage.kubectl('delete', 'pod', '-n', namespace, name, '--wait=false');
}

/** As the chart starts it. */
const AGENT = 'node --max-semi-space-size=1 --max-old-space-size=48 /app/agent.mjs';

/** Kills every agent that runs, and answers how many did. */
function killAgents(): number {
  const pids = findProcesses(AGENT);
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  return pids.length;
}

/** How many agents there are. */
async function agents(): Promise<number> {
  const pods = await stage.list(
    'pods',
    INSTALL_NAMESPACE,
    'labelSelector=app.kubernetes.io%2Fcomponent%3Dagent',
  );
  return pods.length;
}

describe('a file of ours', () => {
  it.each<[string, Runtime, string, (file: string) => void]>([
    ['is made anew when somebody deletes it', 'crio', DROP_IN, (file) => rmSync(file)],
    [
      'is put right when somebody changes it',
      'containerd',
      HOSTS,
      (file) => appendFileSync(file, '# mine\n'),
    ],
  ])('%s', async (_name, runtime, name, spoil) => {
    await upToDate();
    const file = path.join(etcOf(runtime), name);
    const was = readFileSync(file, 'utf8');
    spoil(file);
    await waitFor(`${name} to be as it was`, 30_000, () =>
      Promise.resolve(existsSync(file) && readFileSync(file, 'utf8') === was),
    );
  });
});

describe('somebody else’s file', () => {
  it('is left alone, reported, and makes room when it goes', async () => {
    const folder = path.join(etcOf('containerd'), 'containerd/certs.d/fra2.registry.test');
    const file = path.join(folder, 'hosts.toml');
    const text = 'server = "https://fra2.registry.test"\n';
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, text);
    const prefix = 'fra2.registry.test/public';
    await sets.declare({ name: 'nodes-taken', prefix, mirrors: [openMirror], further: { nodes: WHOLE } });
    const conflict = { path: '/etc/containerd/certs.d/fra2.registry.test/hosts.toml', reason: 'NotOurs' };
    const isReported = ({ status, metadata }: NodeState): boolean =>
      metadata.name === 'node1' || (status?.conflicts?.length ?? 0) > 0;
    const states = await waitStates(stage, 'the conflict to be reported', isReported);
    expect(states.node2.status?.conflicts).toEqual([expect.objectContaining(conflict)]);
    expect(readFileSync(file, 'utf8')).toBe(text);
    rmSync(file);
    await waitStates(stage, 'the conflict to be gone', ({ status }) => status?.conflicts?.length === 0);
    await waitFor('our file to be there', 30_000, () => Promise.resolve(existsSync(file)));
    await sets.delete('nodes-taken');
    await waitFor('our file to be gone', 60_000, () => Promise.resolve(!existsSync(file)));
  });
});

describe('a mirror that needs a credential which nodes have not got', () => {
  it('is in no file, the set says why, and no pod’s credential comes to it while the upstream is out', async () => {
    const mirrors = [
      mirror('dc1.registry.test/closed', { source: 'Secret', secretRef: { name: 'dc1-pull' } }),
    ];
    await sets.declare({
      name: 'nodes-closed',
      prefix: 'fra2.registry.test/closed',
      mirrors,
      further: { nodes: WHOLE },
    });
    let said = '';
    await waitFor('the set to say so', 60_000, async () => {
      said = (await sets.condition('nodes-closed', 'NodesReady'))?.message ?? '';
      return said.includes('dc1.registry.test/closed');
    });
    expect(said).toContain('NodeAuth');
    for (const runtime of RUNTIMES) {
      const etc = etcOf(runtime);
      for (const name of Object.keys(snapshot(etc)))
        expect(readFileSync(path.join(etc, name), 'utf8')).not.toContain('dc1.registry.test');
    }
    await upToDate();
    const image = await stage.imageOf('closed/app', 'dc1.registry.test');
    const since = Date.now();
    await stage.lab.registries.stop('fra2.registry.test');
    await Promise.all(
      RUNTIMES.map((runtime) => expectNoPull(runtime, `fra2.registry.test/${image}`, 'fra2.registry.test')),
    );
    const own = stage.lab.registries.record('dc1.registry.test').account?.user;
    const users = stage.lab.registries.requests('dc1.registry.test', since).map(({ user }) => user ?? '');
    expect(users.filter((user) => user !== '' && user !== own)).toEqual([]);
    await sets.delete('nodes-closed');
  });
});

// Before any outage: for as long as its upstream is out, and 30 s longer, no canary is asked for.
describe('a canary', () => {
  it('proves a pull on one node before the others get the files', async () => {
    const { account } = stage.lab.registries.record('fra.registry.test');
    if (account === undefined) throw new Error('fra has no account');
    await sets.secret('fra-probe', { 'fra.registry.test': account });
    const tag = unique('canary');
    await stage.lab.registries.push({
      host: 'fra.registry.test',
      repository: 'proved/canary',
      tag,
      content: tag,
    });
    const prefix = 'fra.registry.test/proved';
    const caBundle = { configMapRef: { name: 'lab-ca', key: 'ca.crt' } };
    const upstream = (canary: string): object => ({
      prefix,
      canary,
      caBundle,
      credential: { source: 'Secret', secretRef: { name: 'fra-probe' } },
    });
    const declareProved = (canary: string): Promise<void> =>
      sets.declare({
        name: 'nodes-proved',
        prefix,
        mirrors: [{ ...openMirror, endpoint: 'platform.registry.test/proved' }],
        further: { nodes: WHOLE, upstream: upstream(canary) },
      });
    await declareProved(`canary:${tag}`);
    let said: unknown;
    await waitFor('the set to be on both nodes', 120_000, async () => {
      const condition = await sets.condition('nodes-proved', 'NodesReady');
      said = condition;
      return condition?.status === 'True';
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}; it says ${JSON.stringify(said)}`, { cause: error });
    });
    const log = await stage.kubectl(
      'logs',
      '-n',
      INSTALL_NAMESPACE,
      '-l',
      'app.kubernetes.io/component=controller',
      '--tail=200',
    );
    expect(log).toContain('canary image pulled on the node');
    await waitFor('the canary pod to be gone', 30_000, async () => {
      const left = await stage.list(
        'pods',
        INSTALL_NAMESPACE,
        'labelSelector=registry-failover.io%2Fcanary%3Dtrue',
      );
      return left.length === 0;
    });
    await sets.delete('nodes-proved');
    await waitStates(
      stage,
      'both nodes to be without the set',
      ({ spec, status }) =>
        spec.wanted.hosts.every((host) => host.prefix !== prefix) &&
        status?.observedRevision === spec.wanted.revision,
    );
  });
});

describe('agents that are gone', () => {
  it('leave nodes that reach the upstream when it is back, though they were killed and the mirror is dead by then', async () => {
    await stage.lab.registries.drop('fra.registry.test');
    await waitFirst(stage, PUBLIC, PLATFORM);
    const patch = (value: string): string =>
      JSON.stringify({
        spec: { template: { spec: { nodeSelector: { 'lab/none': value === '' ? null : value } } } },
      });
    const daemonset = [
      '-n',
      INSTALL_NAMESPACE,
      'patch',
      'daemonset',
      `${RELEASE}-agent`,
      '--type=merge',
      '-p',
    ];
    expect(killAgents()).toBe(2);
    await stage.kubectl(...daemonset, patch('none'));
    try {
      await waitFor('the agents to be gone', 60_000, async () => {
        // A kubelet starts it anew until it has heard that it is to go.
        killAgents();
        return (await agents()) === 0;
      });
      await stage.lab.registries.heal('fra.registry.test');
      const images = await Promise.all(RUNTIMES.map(() => stage.imageOf('public/app', 'fra.registry.test')));
      await stage.lab.registries.stop('platform.registry.test');
      for (const [index, runtime] of RUNTIMES.entries())
        await pull(runtime, `fra.registry.test/${images[index]}`, 60_000);
    } finally {
      await stage.lab.registries.reset();
      await stage.kubectl(...daemonset, patch(''));
    }
    await waitFor('the agents to be back', 60_000, async () => (await agents()) === 2);
    await waitFirst(stage, PUBLIC, PUBLIC);
  });
});
