// Reviews: one valid AdmissionReview for each case, around an object that was mutated.
import { mutate, anyValue } from './mutations.ts';
import { plausiblePod } from './pods.ts';
import type { Random } from './random.ts';
import type { SceneHosts } from './images.ts';
import { printWithRaws } from './raw-json.ts';
import { NAMESPACES } from './sets.ts';

/** Below the server's limit, and above anything the API server sends. */
const MAX_BODY = 7 * 1024 * 1024;

const URLS = [
  '/mutate?timeout=3s',
  '/mutate?timeout=10s',
  '/mutate',
  '/mutate?timeout=1s',
  '/mutate?timeout=0s',
  '/mutate?timeout=999999999999m',
  '/mutate?timeout=-1s&timeout=abc',
  '/mutate?timeout=%00&__proto__=1',
] as const;

const UIDS = ['uid-1', 'ünï-😀', '__proto__', ' ', '"\\\u0000', '\ud800'] as const;

type Json = Record<string, unknown>;

function subject(random: Random): Json {
  const dice = random.next();
  const resource = { group: '', version: 'v1', resource: 'pods' };
  if (dice < 0.8) return { resource, operation: 'CREATE' };
  if (dice < 0.93) return { resource, subResource: 'ephemeralcontainers', operation: 'UPDATE' };
  return random.pick<Json>([
    { resource, operation: 'UPDATE' },
    { resource, operation: 'DELETE' },
    { resource: { ...resource, resource: 'deployments' }, operation: 'CREATE' },
    { resource: anyValue(random), operation: anyValue(random), subResource: anyValue(random) },
    {},
  ]);
}

function requestOf(random: Random, hosts: SceneHosts): Json {
  const dice = random.next();
  const rounds = dice < 0.15 ? 0 : 1 + random.below(6);
  const object = mutate(random, plausiblePod(random, hosts), rounds);
  const old = random.chance(0.1) ? mutate(random, plausiblePod(random, hosts), rounds) : null;
  return {
    uid: random.chance(0.9) ? `uid-${random.below(1e9)}` : random.pick(UIDS),
    ...subject(random),
    namespace: random.chance(0.7) ? 'shop' : random.pick<unknown>([...NAMESPACES, anyValue(random)]),
    userInfo: random.chance(0.95) ? { username: 'system:serviceaccount:x' } : anyValue(random),
    dryRun: random.chance(0.9) ? false : random.pick<unknown>([true, anyValue(random)]),
    object,
    oldObject: old,
  };
}

export interface Review {
  readonly url: string;
  readonly text: string;
}

/** Makes a case's review; one that came out too large is made again with what follows in the stream. */
export function makeReview(random: Random, hosts: SceneHosts): Review {
  for (;;) {
    const request = requestOf(random, hosts);
    const text = printWithRaws({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request });
    if (Buffer.byteLength(text) < MAX_BODY) return { url: random.pick(URLS), text };
  }
}
