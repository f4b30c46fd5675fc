// An upstream and a mirror with different credentials, both real servers over TLS, and the real engine in front of them.
import { createEngine } from '../../src/commands/engine.ts';
import type { Engine } from '../../src/commands/engine.ts';
import type { AuditRecord } from '../../src/domain/audit-record.ts';
import { endpointOfPrefix, parseEndpoint } from '../../src/domain/endpoint.ts';
import type { PullSecretObject } from '../../src/domain/pull-secret.ts';
import { parsePullSecret } from '../../src/domain/pull-secret.ts';
import type { MirrorSet } from '../../src/domain/mirror-set.ts';
import type { NamesOptions } from '../../src/transport/names.ts';
import { makeMirror, makeSet, must } from './make.ts';
import { MisbehavingRegistry, indexManifest } from './misbehaving-registry.ts';

export const FRA = { username: 'fra-robot', password: 'fra-secret-1' };
export const AMS = { username: 'ams-robot', password: 'ams-secret-2' };

/** What has to be known of two registries to declare them. */
export interface Places {
  readonly fra: Pick<MisbehavingRegistry, 'address' | 'hostPort' | 'trust'>;
  readonly ams: Pick<MisbehavingRegistry, 'address' | 'hostPort' | 'trust'>;
}

export interface Pair extends Places {
  readonly fra: MisbehavingRegistry;
  readonly ams: MisbehavingRegistry;
  stop(): Promise<void>;
}

/** Starts both registries with the same image. */
export async function startPair(addresses: readonly [string, string]): Promise<Pair> {
  const images = {
    'team/app': { '1.0': indexManifest() },
    'team/other': { '1.0': indexManifest(undefined, 'other') },
  };
  const [fra, ams] = await Promise.all([
    MisbehavingRegistry.start({ name: 'fra.registry.test', address: addresses[0], credential: FRA, images }),
    MisbehavingRegistry.start({ name: 'ams.registry.test', address: addresses[1], credential: AMS, images }),
  ]);
  return { fra, ams, stop: async () => void (await Promise.all([fra.stop(), ams.stop()])) };
}

export function dockerConfigSecret(
  namespace: string,
  name: string,
  host: string,
  credential: { readonly username: string; readonly password: string },
): PullSecretObject & { readonly namespace: string } {
  const text = JSON.stringify({ auths: { [host]: credential } });
  return {
    namespace,
    name,
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(text).toString('base64') },
  };
}

/** The set of the pair: the mirror brings its own credential, and the nodes trust both CAs. */
export function pairSet({ fra, ams }: Places, over: Partial<MirrorSet> = {}): MirrorSet {
  const secret = must(parsePullSecret(dockerConfigSecret('install', 'ams-pull', ams.hostPort, AMS)));
  const mirror = makeMirror(ams.hostPort, {
    source: 'Secret',
    secret,
    trust: ams.trust,
    trustedByNodes: true,
  });
  const set = makeSet(fra.hostPort, [mirror], { name: 'pair', ...over });
  return { ...set, upstream: endpointOfPrefix(set.prefix, fra.trust) };
}

/** The same, but the pod's own credential is valid at the mirror too. */
export function sharedCredentialSet({ fra, ams }: Pair, over: Partial<MirrorSet> = {}): MirrorSet {
  const mirror = {
    ...makeMirror(ams.hostPort, { source: 'SameAsUpstream', trustedByNodes: true }),
    endpoint: must(parseEndpoint(ams.hostPort, ams.trust)),
  };
  const set = makeSet(fra.hostPort, [mirror], { name: 'shared', ...over });
  return { ...set, upstream: endpointOfPrefix(set.prefix, fra.trust) };
}

export interface OutageBench {
  readonly engine: Engine;
  readonly records: AuditRecord[];
}

/** Short times, so that a table of thirty faults is asked in seconds. The proportions are the product's. */
export const TIMES = { probeTimeoutMs: 400, budgetMs: 600, hedgeMs: 80, probeIntervalMs: 60_000 };

export function startEngine(
  pair: Places,
  sets: readonly MirrorSet[],
  over: { watch?: boolean; times?: Partial<typeof TIMES>; names?: NamesOptions } = {},
): OutageBench {
  const records: AuditRecord[] = [];
  const none = (): void => {};
  const engine = createEngine({
    settings: { ...TIMES, ...over.times, cluster: 'test', excludedOwners: new Set() },
    transport: {
      names: over.names ?? {
        fixed: { 'fra.registry.test': [pair.fra.address], 'ams.registry.test': [pair.ams.address] },
      },
    },
    audit: { append: (entries) => void records.push(...entries.records()) },
    listeners: {
      admission: none,
      decision: none,
      internalError: none,
      recalled: none,
      probed: none,
      healthChanged: none,
      internalErrorCaught: (error) => {
        throw error;
      },
    },
    watch: over.watch ?? false,
  });
  engine.declare({
    sets,
    namespaceLabels: new Map(),
    secrets: [dockerConfigSecret('shop', 'fra-pull', pair.fra.hostPort, FRA)],
    standIn: undefined,
  });
  return { engine, records };
}

/** Every `user:password` a registry was shown. */
export function shownTo(registry: MisbehavingRegistry): string[] {
  return [...new Set(registry.requests.flatMap((request) => request.basic ?? []))];
}
