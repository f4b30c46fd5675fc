// Pods: objects as the API server sends them, with everything in them that admission reads, before anything is mutated.
import { anyImage, plausibleImage } from './images.ts';
import type { SceneHosts } from './images.ts';
import type { Random } from './random.ts';
import { SECRET_NAMES } from './sets.ts';

export const DECISION = 'registry-failover.io/decision';
export const SKIP = 'registry-failover.io/skip';
const STATIC = 'kubernetes.io/config.mirror';

type Json = Record<string, unknown>;

const CONTAINER_NAMES = ['app', 'sidecar', 'app', 'init', '', '__proto__', 'a/b~c', 'öß'] as const;
const POLICIES = ['IfNotPresent', 'Always', 'Never', undefined] as const;

function container(random: Random, hosts: SceneHosts): Json {
  const policy = random.pick(POLICIES);
  return {
    name: random.chance(0.8) ? `c${random.below(20)}` : random.pick(CONTAINER_NAMES),
    image: anyImage(random, hosts),
    ...(policy === undefined ? {} : { imagePullPolicy: policy }),
    resources: {},
    env: [{ name: 'A', value: 'b' }],
  };
}

function volume(random: Random, hosts: SceneHosts): Json {
  if (random.chance(0.5)) return { name: 'tmp', emptyDir: {} };
  const pullPolicy = random.pick(POLICIES);
  return { name: 'img', image: { reference: anyImage(random, hosts), pullPolicy } };
}

function ownerReferences(random: Random): Json[] {
  const apiVersion = random.pick(['apps/v1', 'batch/v1', 'v1', 'postgresql.cnpg.io/v1', 'x/y/z', '']);
  return [{ apiVersion, kind: 'ReplicaSet', name: 'web', uid: 'u', controller: true }];
}

/** A decision that we did not write, or wrote for another pod: what backup tools and attackers bring along. */
function forgedDecision(random: Random, images: readonly string[], hosts: SceneHosts): string {
  const slots: Json = {};
  images.forEach((image, index) => {
    const original = random.chance(0.5) ? image : plausibleImage(random, hosts);
    slots[`containers/c${index}`] = { image: original, action: 'rewrite', reason: 'upstream-unreachable' };
  });
  if (random.chance(0.7)) return JSON.stringify({ v: 1, slots });
  return random.pick([
    JSON.stringify({ v: 2, slots }),
    JSON.stringify({ v: 1, slots: { __proto__: { image: 'x' }, 'containers/0': null, 'volumes/img': 7 } }),
    '{"v":1,"slots":{"__proto__":{"image":"fra.example/app:1"}}}',
    '{"v":1,"slots":[]}',
    '{"v":1',
    '',
    `{"v":1,"slots":${'['.repeat(50_000)}`,
    `{"v":1,"slots":{"containers/c0":{"image":"${'x'.repeat(200_000)}"}}}`,
  ]);
}

function annotations(random: Random, images: readonly string[], hosts: SceneHosts): Json | undefined {
  if (random.chance(0.4)) return undefined;
  const found: Json = { 'example.com/note': 'kept' };
  if (random.chance(0.35)) found[DECISION] = forgedDecision(random, images, hosts);
  if (random.chance(0.06)) found[SKIP] = random.pick(['true', 'false', 'True', '']);
  if (random.chance(0.04)) found[STATIC] = 'hash';
  if (random.chance(0.005)) found['example.com/large'] = 'x'.repeat(262_144 - random.below(3_000));
  return found;
}

/** A container that stands where an earlier pass of ours would have put it: at a mirror, with its original on record. */
function moved(random: Random, hosts: SceneHosts): { readonly image: string; readonly original: string } {
  const rest = `app:v${random.below(5)}`;
  return {
    image: `${random.pick(hosts.mirrors)}/${rest}`,
    original: `${random.pick(hosts.prefixes)}/${rest}`,
  };
}

function movedPod(random: Random, hosts: SceneHosts): Json {
  const { image, original } = moved(random, hosts);
  const record = { image: original, action: 'rewrite', reason: 'upstream-unreachable' };
  const decision = JSON.stringify({ v: 1, slots: { 'containers/app': record } });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'moved', namespace: 'shop', annotations: { [DECISION]: decision } },
    spec: { containers: [{ name: 'app', image }], imagePullSecrets: [{ name: 'two-hosts' }] },
  };
}

/** A pod as it could be, with 1 to 5 containers, and some of everything else. */
export function plausiblePod(random: Random, hosts: SceneHosts): Json {
  if (random.chance(0.1)) return movedPod(random, hosts);
  const containers = random.several(1 + random.below(3), () => container(random, hosts));
  const notes = annotations(
    random,
    containers.map((one) => String(one['image'])),
    hosts,
  );
  const spec: Json = { serviceAccountName: 'default', containers };
  if (random.chance(0.3)) spec['initContainers'] = [container(random, hosts)];
  if (random.chance(0.15)) spec['ephemeralContainers'] = [container(random, hosts)];
  if (random.chance(0.3)) spec['volumes'] = [volume(random, hosts), volume(random, hosts)];
  if (random.chance(0.6)) {
    spec['imagePullSecrets'] = random.several(random.below(4), () => ({ name: random.pick(SECRET_NAMES) }));
  }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: 'web-7d4b9c6f5d-',
      namespace: 'shop',
      ...(notes === undefined ? {} : { annotations: notes }),
      ...(random.chance(0.5) ? { ownerReferences: ownerReferences(random) } : {}),
    },
    spec,
  };
}
