// Agents on both runtimes: files are laid down, pulls outlive their registry without any webhook, and an uninstall gives back what was there.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RegistryHost } from '../../lab/registries/records.ts';
import { declare, install, uninstall } from './product.ts';
import { mirror, Sets } from './sets.ts';
import { INSTALL_NAMESPACE, NODES, RUNTIMES, Stage, unique, waitFor } from './stage.ts';
import type { Runtime } from './stage.ts';
import { letStrangerStandIn } from './stranger.ts';
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
/** A pull before the order is turned: the lab's CRI-O dials a black-holed upstream twice, 30 s each. */
const AT_ONCE_MS = 100_000;

interface Pair {
  readonly prefix: string;
  readonly upstream: RegistryHost;
  /** The mirror's prefix, and where it is. */
  readonly first: string;
  readonly mirror: RegistryHost;
  readonly repository: string;
}

const OPEN: Pair = {
  prefix: PUBLIC,
  upstream: 'fra.registry.test',
  first: PLATFORM,
  mirror: 'platform.registry.test',
  repository: 'public/app',
};
/** With accounts of their own, both of them. */
const CLOSED: Pair = {
  prefix: PRIVATE,
  upstream: 'fra2.registry.test',
  first: DC1,
  mirror: 'dc1.registry.test',
  repository: 'private/app',
};

let stage: Stage;
let sets: Sets;
/** Not opted in: no webhook sees its pods. */
let namespace: string;
let sendStrangerAway: (() => Promise<void>) | undefined;
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
  await sendStrangerAway?.();
  sendStrangerAway = undefined;
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
async function pull(
  runtime: Runtime,
  image: string,
  secrets: readonly string[] = [],
  withinMs = 20_000,
): Promise<number> {
  const name = unique(runtime);
  const manifest = stage.podManifest(namespace, name, runtime, [image]);
  const spec = {
    ...(manifest['spec'] as object),
    imagePullSecrets: secrets.map((secret) => ({ name: secret })),
  };
  const began = performance.now();
  await stage.apply({ ...manifest, spec });
  await stage.waitRunning(namespace, name, withinMs);
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

/** One image for each runtime, of this host. */
async function imagePer(repository: string, host: RegistryHost): Promise<Readonly<Record<Runtime, string>>> {
  return {
    crio: await stage.imageOf(repository, host),
    containerd: await stage.imageOf(repository, host),
  };
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
  it.each([OPEN, CLOSED])(
    'serves pulls as before: $prefix',
    async ({ upstream, mirror: host, repository }) => {
      const image = await imagePer(repository, upstream);
      const since = Date.now();
      for (const runtime of RUNTIMES) await pull(runtime, `${upstream}/${image[runtime]}`, ['upstream']);
      if (host === 'dc1.registry.test') expectNotAsked(host, Object.values(image), since);
    },
  );
});

describe('an upstream that cannot serve', () => {
  const { stop, drop, standIn } = {
    stop: (host: RegistryHost) => stage.lab.registries.stop(host),
    drop: (host: RegistryHost) => stage.lab.registries.drop(host),
    standIn: async (host: RegistryHost) => {
      sendStrangerAway = await letStrangerStandIn(stage.lab.registries, host);
    },
  };

  // By turns, so that one pair gets well while the other is out.
  it.each([
    { what: 'refuses connections', pair: CLOSED, breakIt: stop },
    { what: 'shows a certificate that nobody trusts', pair: OPEN, breakIt: standIn },
    { what: 'is black-holed', pair: CLOSED, breakIt: drop },
    { what: 'refuses connections', pair: OPEN, breakIt: stop },
    { what: 'shows a certificate that nobody trusts', pair: CLOSED, breakIt: standIn },
  ])(
    'when it $what, a mirror serves pods that no webhook has seen, before the order is turned and after: $pair.prefix',
    async ({ pair, breakIt }) => {
      const { upstream, mirror: host, repository } = pair;
      await waitFirst(stage, pair.prefix, pair.prefix);
      const atOnce = await imagesOf(repository, host);
      const later = await imagesOf(repository, host);
      const since = Date.now();
      await breakIt(upstream);
      await Promise.all(
        RUNTIMES.map((runtime) =>
          pull(runtime, `${upstream}/${atOnce[runtime][0]}`, ['upstream'], AT_ONCE_MS),
        ),
      );
      await waitFirst(stage, pair.prefix, pair.first);
      for (const runtime of RUNTIMES) {
        const took = await pullSoon(runtime, upstream, later[runtime]);
        expect({ runtime, isSoon: took < FAILOVER_MS, took }).toMatchObject({ isSoon: true });
      }
      if (host === 'dc1.registry.test') expectOnlyOwnAccount(host, since);
    },
  );
});

/** Whatever else it was asked, for its health, it was not asked for these. */
function expectNotAsked(host: 'dc1.registry.test', images: readonly string[], since: number): void {
  const tags = images.map((image) => image.split(':')[1] ?? image);
  const paths = stage.lab.registries.requests(host, since).map((request) => request.path);
  expect(paths.filter((asked) => tags.some((tag) => asked.includes(tag)))).toEqual([]);
}

/** Whoever came with a credential came with that of the node. */
function expectOnlyOwnAccount(host: 'dc1.registry.test', since: number): void {
  const users = stage.lab.registries.requests(host, since).map((request) => request.user);
  expect(new Set(users.filter((user) => user !== undefined && user !== ''))).toEqual(
    new Set([stage.lab.registries.record(host).account?.user]),
  );
}

describe('with the mirror out', () => {
  it.each([OPEN, CLOSED])(
    'pulls go to the upstream as before: $prefix',
    async ({ upstream, mirror: host, repository }) => {
      const image = await imagePer(repository, upstream);
      await stage.lab.registries.stop(host);
      for (const runtime of RUNTIMES) await pull(runtime, `${upstream}/${image[runtime]}`, ['upstream']);
    },
  );
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
