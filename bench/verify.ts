// Verify: decodes sampled answers, applies their patches, and checks that the pods are as they have to be.
import { applyPatch } from 'rfc6902';
import type { Operation } from 'rfc6902';

interface PodLike {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly containers: readonly { readonly image: string }[];
    readonly imagePullSecrets: readonly { readonly name: string }[];
  };
}

interface Response {
  readonly uid: string;
  readonly allowed: boolean;
  readonly patch?: string;
}

/** What images have to be after the patch. */
export type Expected = 'unchanged' | { readonly hosts: readonly string[] };

/** Reviews by uid, as they were sent. */
export type SentReviews = ReadonlyMap<string, string>;

export function indexReviews(bodies: readonly string[]): SentReviews {
  return new Map(
    bodies.map((body) => [(JSON.parse(body) as { request: { uid: string } }).request.uid, body]),
  );
}

function podOf(body: string): PodLike {
  return (JSON.parse(body) as { request: { object: PodLike } }).request.object;
}

/** Is the pod as it was, or at the hosts it should have been moved to? */
function isPlaced(before: PodLike, after: PodLike, expected: Expected): boolean {
  const images = after.spec.containers.map((container) => container.image);
  if (expected === 'unchanged')
    return images.every((image, index) => image === before.spec.containers[index]?.image);
  return images.every((image) => expected.hosts.includes(image.split('/')[0] ?? ''));
}

/** What is wrong with the answer itself, or whether the pod came to where it should be. */
function judge(response: Response, sent: SentReviews, expected: Expected): string | boolean {
  const body = sent.get(response.uid);
  if (body === undefined) return `an answer to nobody's question: ${response.uid}`;
  if (!response.allowed) return 'denied';
  if (response.patch === undefined) return 'no patch';
  const before = podOf(body);
  const after = podOf(body);
  const operations = JSON.parse(Buffer.from(response.patch, 'base64').toString('utf8')) as Operation[];
  if (applyPatch(after, operations).some((error) => error !== null)) return 'the patch does not apply';
  const decision = after.metadata.annotations?.['registry-failover.io/decision'];
  const { slots } = JSON.parse(decision ?? '{"slots":{}}') as { slots: object };
  if (Object.keys(slots).length !== 3) return `the decision is of ${Object.keys(slots).length} slots`;
  const secrets = after.spec.imagePullSecrets.map(({ name }) => name);
  if (secrets[0] !== 'regcred' || secrets.length !== 2) return `pull secrets: ${secrets.join(', ')}`;
  return isPlaced(before, after, expected);
}

export interface Verified {
  readonly looked: number;
  /** Pods that were not where they were expected to be. */
  readonly misplaced: number;
}

/** Both together. */
export function addVerified(one: Verified, other: Verified): Verified {
  return { looked: one.looked + other.looked, misplaced: one.misplaced + other.misplaced };
}

/** Throws when a sampled answer is broken; counts those that are sound and not what was expected. */
export function verifySample(sample: readonly string[], sent: SentReviews, expected: Expected): Verified {
  let misplaced = 0;
  for (const line of sample) {
    const verdict = judge((JSON.parse(line) as { response: Response }).response, sent, expected);
    if (typeof verdict === 'string') {
      throw new Error(`a sampled answer is wrong: ${verdict}\n${line.slice(0, 2_000)}`);
    }
    if (!verdict) misplaced += 1;
  }
  return { looked: sample.length, misplaced };
}
