// Builders: domain values for tests, each with one obvious default.
import type { Answer } from '../../src/domain/answer.ts';
import { endpointOfPrefix, parseEndpoint } from '../../src/domain/endpoint.ts';
import type { Endpoint, TrustAnchor } from '../../src/domain/endpoint.ts';
import { Credential } from '../../src/domain/credential.ts';
import type { CredentialSource, Mirror, MirrorSet, NodePolicy } from '../../src/domain/mirror-set.ts';
import type { Outcome } from '../../src/domain/outcome.ts';
import type { ParsedPullSecret } from '../../src/domain/pull-secret.ts';
import { parsePrefix } from '../../src/domain/reference.ts';
import type { Problem } from '../../src/domain/problem.ts';
import type { Result } from '../../src/domain/result.ts';

export function must<T>(result: Result<T, Problem>): T {
  if (!result.ok) throw new Error(`${result.error.path}: ${result.error.message}`);
  return result.value;
}

export function makeEndpoint(text: string, trust?: TrustAnchor): Endpoint {
  return must(parseEndpoint(text, trust));
}

export function makeMirror(
  endpoint: string,
  over: Partial<Mirror> & { source?: CredentialSource; trust?: TrustAnchor } = {},
): Mirror {
  const { trust, ...rest } = over;
  return {
    endpoint: makeEndpoint(endpoint, trust),
    source: 'SameAsUpstream',
    secret: undefined,
    trustedByNodes: false,
    mayReceiveUpstreamCredential: false,
    ...rest,
  };
}

/** A set for every node, with nothing more allowed. */
export function makeNodePolicy(over: Partial<NodePolicy> = {}): NodePolicy {
  return {
    enabled: true,
    selector: { matchLabels: {}, matchExpressions: [] },
    credentials: 'None',
    wholeHost: false,
    ...over,
  };
}

export function makeSet(
  prefix: string,
  mirrors: readonly (string | Mirror)[],
  over: Partial<MirrorSet> = {},
): MirrorSet {
  const parsed = must(parsePrefix(prefix));
  return {
    name: over.name ?? prefix.replaceAll(/[^a-z0-9]+/g, '-'),
    generation: 1,
    createdAt: undefined,
    namespaceSelector: undefined,
    prefix: parsed,
    upstream: endpointOfPrefix(parsed),
    upstreamSecret: undefined,
    canary: undefined,
    mirrors: mirrors.map((mirror) => (typeof mirror === 'string' ? makeMirror(mirror) : mirror)),
    mode: 'Rewrite',
    on: new Set(['Unreachable', 'Failing', 'Throttled', 'Missing']),
    digestPolicy: 'Prefer',
    rescue: true,
    nodes: makeNodePolicy({ enabled: false }),
    ...over,
  };
}

export function makeAnswer(outcome: Outcome, over: Partial<Answer> = {}): Answer {
  return { outcome, fromMemory: false, endpointWide: false, ms: 1, ...over };
}

export function makeSecret(name: string, entries: Record<string, string>): ParsedPullSecret {
  return {
    name,
    entries: Object.entries(entries).map(([key, username]) => ({
      key,
      credential: new Credential({ username, password: `${username}-password` }),
    })),
  };
}

/** A pod as the API server sends it: defaults filled in, service account token mounted. */
export function makePod(
  images: readonly string[],
  over: { pullSecrets?: string[]; annotations?: Record<string, string> } = {},
) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: 'web-7d4b9c6f5d-',
      namespace: 'shop',
      labels: { app: 'web' },
      ...(over.annotations === undefined ? {} : { annotations: over.annotations }),
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-7d4b9c6f5d', uid: 'u', controller: true },
      ],
    },
    spec: {
      serviceAccountName: 'default',
      containers: images.map((image, index) => ({
        name: `c${index}`,
        image,
        imagePullPolicy: 'IfNotPresent',
        resources: {},
      })),
      ...(over.pullSecrets === undefined
        ? {}
        : { imagePullSecrets: over.pullSecrets.map((name) => ({ name })) }),
    },
  };
}
