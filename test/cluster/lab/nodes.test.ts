// Agents on both runtimes: files are laid down, pulls outlive their registry without any webhook, and an uninstall gives back what was there.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RegistryHost } from '../../lab/registries/records.ts';
import { declare, install, uninstall } from './product.ts';
import { mirror, Sets } from './sets.ts';
import { INSTALL_NAMESPACE, NODES, RUNTIMES, Stage, unique, waitFor } from './stage.ts';
import type { Runtime } from './stage.ts';
import {
  declarePublic,
  describeStates,
  FOREIGN,
  hasStates,
  installWithNodes,
  PLATFORM,
  PUBLIC,
  putForeignFiles,
  removeForeignFiles,
  SECRET_MS,
  snapshot,
  waitFirst,
  waitStates,
  WHOLE,
} from './nodes-stage.ts';

const PRIVATE = 'fra2.registry.test/private';
const DC1 = 'dc1.registry.test/private';
/** The design's figure for a pull with the upstream black-holed. */
const FAILOVER_MS = 3_000;

let stage: Stage;
let sets: Sets;
/** Not opted in: no webhook sees its pods. */
let namespace: string;
const before = new Map<string, Readonly<Record<string, string>>>();

const nodes = () => RUNTIMES.map((runtime) => stage.lab.node(NODES[runtime]));
const snapshots = (): Record<string, Readonly<Record<string, string>>> =>
  Object.fromEntries(nodes().map(({ name, etc }) => [name, snapshot(etc)]));

beforeAll(async () => {
  stage = new Stage();
  sets = new Sets(stage);
  await stage.lab.registries.reset();
  namespace = await stage.namespace('plain', { optedIn: false });
  putForeignFiles(nodes());
  for (const [name, files] of Object.entries(snapshots())) before.set(name, files);
  await installWithNodes(stage);
  await declarePublic(sets);
  await sets.declare({
    name: 'nodes-private',
    prefix: PRIVATE,
    mirrors: [mirror(DC1, { source: 'Secret', secretRef: { name: 'dc1-pull' } })],
    further: { nodes: { ...WHOLE, credentials: 'NodeAuth' } },
  });
});
afterEach(async () => {
  await stage.lab.registries.reset();
});
afterAll(async () => {
  await sets.close();
  removeForeignFiles(nodes());
  // Other files expect the product as they found it.
  await install();
  await declare();
  await stage.close();
});

/** Pulls on that node by the kubelet, without a pull secret unless told so; answers how long it took until it ran, in ms. */
async function pull(runtime: Runtime, image: string, secrets: readonly string[] = []): Promise<number> {
  const name = unique(runtime);
  const manifest = stage.podManifest(namespace, name, runtime, [image]);
  const spec = {
    ...(manifest['spec'] as object),
    imagePullSecrets: secrets.map((secret) => ({ name: secret })),
  };
  const began = performance.now();
  await stage.apply({ ...manifest, spec });
  await stage.waitRunning(namespace, name, 20_000);
  return performance.now() - began;
}

/** Images for `pullSoon`: a few for each runtime, all of this host. They are there before anybody counts requests. */
async function imagesOf(
  repository: string,
  host: RegistryHost,
): Promise<Readonly<Record<Runtime, string[]>>> {
  const three = () => Promise.all([1, 2, 3].map(() => stage.imageOf(repository, host)));
  return { crio: await three(), containerd: await three() };
}

/** The quickest pull of a few images, in ms, ended by the first that is quick enough: the machine may have other work. */
async function pullSoon(runtime: Runtime, host: RegistryHost, images: readonly string[]): Promise<number> {
  let took = Infinity;
  for (const image of images)
    if (took >= FAILOVER_MS) took = Math.min(took, await pull(runtime, `${host}/${image}`, ['upstream']));
  return took;
}

describe('the agents', () => {
  it('lay down what both sets want, and say so', async () => {
    const states = await waitStates(
      stage,
      'both nodes to be up to date with both sets',
      ({ spec, status }) =>
        status?.state === 'UpToDate' &&
        status.observedRevision === spec.wanted.revision &&
        spec.wanted.hosts.length === 2,
    );
    expect(states.node1.spec.wanted.runtime).toEqual({ name: 'crio', version: '1.34.0' });
    expect(states.node2.spec.wanted.runtime.name).toBe('containerd');
    for (const node of nodes()) {
      const { status } = states[node.name];
      expect(status?.conflicts).toEqual([]);
      const said = Object.fromEntries((status?.files ?? []).map(({ path: file, sha256 }) => [file, sha256]));
      expect(Object.keys(said)).not.toEqual([]);
      const found = snapshot(node.etc);
      for (const [file, sha256] of Object.entries(said))
        expect(found[path.relative('/etc', file)]).toContain(sha256);
    }
    const table = await describeStates(stage);
    expect(table).toMatch(/node1 +crio +([0-9a-f]{16}) +\1 +UpToDate/);
    expect(table).toMatch(/node2 +containerd +([0-9a-f]{16}) +\1 +UpToDate/);
  });

  it('take up the credential of the node when it has come to them', async () => {
    await waitStates(
      stage,
      'both nodes to leave nothing out',
      ({ status }) => status?.state === 'UpToDate' && status.leftOut?.length === 0,
      SECRET_MS,
    );
    // Not before: a mirror whose credential is still on its way is left out of the files.
    const condition = { type: 'NodesReady', status: 'True', reason: 'UpToDate' };
    await sets.waitCondition('nodes-public', condition);
    await sets.waitCondition('nodes-private', condition);
  });

  it('leave alone what is not theirs', () => {
    for (const { name, etc } of nodes()) {
      for (const [file, text] of Object.entries(FOREIGN[name]))
        if (!file.endsWith('auth.json')) expect(readFileSync(path.join(etc, file), 'utf8')).toBe(text);
    }
    // The operator's entry stays among ours.
    const auth = readFileSync(path.join(stage.lab.node('node1').etc, 'containers/auth.json'), 'utf8');
    const { auths } = JSON.parse(auth) as { auths: Record<string, { auth: string }> };
    expect(auths['operators.example']).toEqual({ auth: 'b3BlcmF0b3I6c2VjcmV0' });
    expect(Object.keys(auths)).toHaveLength(2);
  });
});

describe('a healthy upstream', () => {
  it.each(RUNTIMES)('serves pulls through %s as before', async (runtime) => {
    const image = await stage.imageOf('public/app', 'fra.registry.test');
    await pull(runtime, `fra.registry.test/${image}`, ['upstream']);
  });
});

describe('with the upstream black-holed', () => {
  it('a public mirror serves pods that no webhook has seen, as soon as the order is turned', async () => {
    const images = await imagesOf('public/app', 'platform.registry.test');
    await stage.lab.registries.drop('fra.registry.test');
    await waitFirst(stage, PUBLIC, PLATFORM);
    for (const runtime of RUNTIMES) {
      const took = await pullSoon(runtime, 'fra.registry.test', images[runtime]);
      expect({ runtime, isSoon: took < FAILOVER_MS, took }).toMatchObject({ isSoon: true });
    }
  });

  it('static pods are served too', async () => {
    const image = await stage.imageOf('public/app', 'platform.registry.test');
    await stage.lab.registries.drop('fra.registry.test');
    await waitFirst(stage, PUBLIC, PLATFORM);
    for (const node of nodes()) {
      const name = unique('static');
      const file = path.join(node.folder, 'manifests', `${name}.json`);
      const manifest = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: [{ name: 'c', image: `fra.registry.test/${image}` }],
        },
      };
      writeFileSync(file, JSON.stringify(manifest));
      try {
        await waitFor(`the static pod on ${node.name}`, 40_000, async () => {
          const pod = await stage.find<{ status: { phase: string } }>(
            'pods',
            namespace,
            `${name}-${node.name}`,
          );
          return pod?.status.phase === 'Running';
        });
      } finally {
        rmSync(file);
      }
    }
  });

  it('the node’s own credential opens a private mirror, and no pod’s credential goes there', async () => {
    const images = await imagesOf('private/app', 'dc1.registry.test');
    await stage.lab.registries.drop('fra2.registry.test');
    await waitFirst(stage, PRIVATE, DC1);
    const since = Date.now();
    for (const runtime of RUNTIMES) {
      const took = await pullSoon(runtime, 'fra2.registry.test', images[runtime]);
      expect({ runtime, isSoon: took < FAILOVER_MS, took }).toMatchObject({ isSoon: true });
    }
    const users = stage.lab.registries.requests('dc1.registry.test', since).map((request) => request.user);
    expect(new Set(users.filter((user) => user !== undefined && user !== ''))).toEqual(
      new Set([stage.lab.registries.record('dc1.registry.test').account?.user]),
    );
  });

  it('the upstream comes first again once it has been well for a while', async () => {
    await waitFirst(stage, PUBLIC, PUBLIC);
    await waitFirst(stage, PRIVATE, PRIVATE);
  });
});

describe('helm uninstall', () => {
  it('gives both nodes back what was there before, byte for byte', async () => {
    await uninstall();
    expect(snapshots()).toEqual(Object.fromEntries(before));
    expect(await hasStates(stage)).toBe(false);
    // A pod that is told to end has its grace period.
    await waitFor('everything of the agents to be gone', 60_000, async () => {
      const left = await stage.kubectl('get', 'all,secrets,roles', '-n', INSTALL_NAMESPACE, '-o', 'name');
      return !/agent|node-auth|canary/.test(left);
    });
  });
});
