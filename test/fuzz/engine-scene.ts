// Engine scene: the real engine with real registries over loopback TLS, each in another state.
import type { AdmissionRequest } from '../../src/admission/review.ts';
import { createEngine } from '../../src/commands/engine.ts';
import type { Engine } from '../../src/commands/engine.ts';
import { buildImage } from '../../src/demo/image.ts';
import type { Fault } from '../../src/demo/faults.ts';
import { DemoRegistry } from '../../src/demo/registry.ts';
import type { MirrorSet } from '../../src/domain/mirror-set.ts';
import { endpointOfPrefix } from '../../src/domain/endpoint.ts';
import { parsePrefix } from '../../src/domain/reference.ts';
import { makeMirror, makeSet, must } from '../support/make.ts';
import type { KeyAndCertificate, TestCa } from '../support/tls.ts';
import { describeError, openScene } from './scenes.ts';
import type { Scene } from './scenes.ts';
import { declaredObjects } from './sets.ts';

/** Short, so that a silent registry does not hold up the run; long enough for a busy machine's healthy one. */
const PROBE_TIMEOUT_MS = 400;

/** The fault of each upstream, and whether its mirrors work. */
const STATES: readonly { readonly fault: Fault; readonly mirrors: 'up' | 'down' | 'down-then-up' }[] = [
  { fault: 'none', mirrors: 'up' },
  { fault: 'down', mirrors: 'down-then-up' },
  { fault: 'throttled', mirrors: 'up' },
  { fault: 'failing', mirrors: 'up' },
  { fault: 'silent', mirrors: 'up' },
  { fault: 'down', mirrors: 'down' },
];

async function startRegistry(name: string, tls: KeyAndCertificate): Promise<DemoRegistry> {
  const registry = await DemoRegistry.start({
    name,
    address: '127.0.0.1',
    tls: { certificatePem: tls.certPem, keyPem: tls.keyPem },
    account: { username: 'alice', password: () => 'wonder' },
  });
  for (const repository of ['app', 'team/app', 'nginx']) {
    for (const tag of ['v0', 'v1', 'v2', 'latest']) {
      registry.publish(repository, tag, buildImage({ text: repository + tag }));
    }
  }
  return registry;
}

interface Registries {
  readonly upstreams: readonly DemoRegistry[];
  readonly mirror: DemoRegistry;
  readonly deadMirror: DemoRegistry;
}

async function startAll(tls: KeyAndCertificate): Promise<Registries> {
  const mirror = await startRegistry('mirror', tls);
  const deadMirror = await startRegistry('dead-mirror', tls);
  const upstreams = await Promise.all(STATES.map((_, index) => startRegistry(`upstream-${index}`, tls)));
  deadMirror.fault = 'down';
  upstreams.forEach((one, index) => {
    one.fault = STATES[index]?.fault ?? 'none';
  });
  return { upstreams, mirror, deadMirror };
}

function setsOver({ upstreams, mirror, deadMirror }: Registries, ca: TestCa): MirrorSet[] {
  const at = (registry: DemoRegistry) =>
    makeMirror(registry.hostPort, { trust: ca.trust, trustedByNodes: true });
  const lists = { up: [at(mirror)], down: [at(deadMirror)], 'down-then-up': [at(deadMirror), at(mirror)] };
  return upstreams.map((upstream, index) =>
    makeSet(upstream.hostPort, lists[STATES[index]?.mirrors ?? 'up'], {
      name: `state-${index}`,
      upstream: endpointOfPrefix(must(parsePrefix(upstream.hostPort)), ca.trust),
    }),
  );
}

function createFuzzEngine(errors: string[]): Engine {
  return createEngine({
    settings: {
      budgetMs: 1_500,
      hedgeMs: 50,
      cluster: 'fuzz',
      excludedOwners: new Set(['postgresql.cnpg.io']),
      probeTimeoutMs: PROBE_TIMEOUT_MS,
      // Often, so that the run can begin as soon as the silent one is known to be dead.
      probeIntervalMs: 500,
    },
    transport: {},
    audit: { append: (entries) => void entries.lines() },
    listeners: {
      admission: () => undefined,
      decision: () => undefined,
      internalError: () => undefined,
      recalled: () => undefined,
      probed: () => undefined,
      healthChanged: () => undefined,
      internalErrorCaught: (error) => errors.push(describeError(error)),
    },
    watch: true,
  });
}

/** Opens the scene and waits until the engine knows which endpoints are dead. */
export async function openEngineScene(tls: KeyAndCertificate, ca: TestCa): Promise<Scene> {
  const registries = await startAll(tls);
  const sets = setsOver(registries, ca);
  const hosts = {
    prefixes: registries.upstreams.map((one) => one.hostPort),
    mirrors: [registries.mirror.hostPort, registries.deadMirror.hostPort],
  };
  const errors: string[] = [];
  const engine = createFuzzEngine(errors);
  engine.declare(declaredObjects(sets, [...hosts.prefixes, ...hosts.mirrors]));
  await untilDead(engine, sets, registries);
  const close = async (): Promise<void> => {
    await engine.close();
    const all = [...registries.upstreams, registries.mirror, registries.deadMirror];
    await Promise.all(all.map((one) => one.stop()));
  };
  return openScene('engine', tls, { hosts, errors, handler: engine.admission, close });
}

/** A question for each dead registry, until the engine has its verdict: what pings alone would take longer to find. */
async function untilDead(engine: Engine, sets: readonly MirrorSet[], registries: Registries): Promise<void> {
  const dead = new Set(
    [
      registries.deadMirror,
      ...registries.upstreams.filter((one) => ['down', 'silent'].includes(one.fault)),
    ].map((one) => one.hostPort),
  );
  const endpoints = sets
    .flatMap((set) => [set.upstream, ...set.mirrors.map((mirror) => mirror.endpoint)])
    .filter((endpoint) => dead.has(endpoint.host));
  const isKnown = (): boolean =>
    endpoints.every((endpoint) => {
      const { status, suspect } = engine.health.get(endpoint);
      return status === 'down' || suspect;
    });
  const until = performance.now() + 60_000;
  for (let round = 0; !isKnown(); round += 1) {
    if (performance.now() > until)
      throw new Error('the engine has not noticed the dead registries in a minute');
    await engine.admission.admit(podAt(endpoints.map(({ host }) => `${host}/app:warm-up-${round}`)));
  }
}

function podAt(images: readonly string[]): AdmissionRequest {
  return {
    uid: 'warm-up',
    namespace: 'shop',
    resource: 'pods',
    subResource: '',
    operation: 'CREATE',
    dryRun: false,
    requester: '',
    object: { metadata: {}, spec: { containers: images.map((image) => ({ name: image, image })) } },
    oldObject: undefined,
  };
}
