// Status writer: when it writes, what it leaves alone, and what it survives.
import { afterEach, describe, expect, it } from 'vitest';
import { StatusWriter } from '../../src/controller/status-writer.ts';
import type { StatusSources } from '../../src/controller/status-facts.ts';
import type { HealthStatus } from '../../src/domain/health.ts';
import type { MirrorSet } from '../../src/domain/mirror-set.ts';
import { MIRROR_SETS } from '../../src/kubernetes/resource.ts';
import type { ApiFailureKind } from '../../src/kubernetes/cluster-api.ts';
import { failure, MemoryCluster } from '../support/cluster.ts';
import { makeSet } from '../support/make.ts';
import { FakeClock, settle } from './status-fake-clock.ts';

interface Status {
  readonly observedGeneration: number;
  readonly conditions: readonly { readonly type: string; readonly [field: string]: unknown }[];
  readonly podsOnMirrors: number;
}

class Scene {
  readonly cluster = new MemoryCluster();
  readonly clock = new FakeClock();
  readonly failures: string[] = [];
  sets: readonly MirrorSet[] = [makeSet('fra.ocir.io', ['ams.ocir.io'], { name: 'ocir' })];
  problems: { path: string; code: string; message: string; fix: string; set?: string }[] = [];
  health: HealthStatus = 'up';
  pods = 0;
  unseen = 0;
  readonly gauges: { onMirrors?: unknown; unseen?: number } = {};
  isSettled = true;
  #control = new AbortController();

  constructor() {
    this.cluster.now = () => this.clock.now();
    this.cluster.put(MIRROR_SETS, {
      metadata: { name: 'ocir' },
      spec: { upstream: { prefix: 'fra.ocir.io' } },
    });
  }

  /** A controller as it would be in a new process. */
  start(): StatusWriter {
    this.#control = new AbortController();
    const admission = { seen: 1, unseen: 0, examples: [], isSkipping: false };
    const sources: StatusSources = {
      declared: () => ({ sets: this.sets, problems: this.problems }),
      healthOf: () => ({ status: this.health, cause: undefined, detail: '', since: this.clock.now() }),
      credentials: () => [{ set: 'ocir', namespace: 'shop', secret: 's', state: 'ready' }],
      refused: () => [],
      census: () => ({
        bySet: new Map([['ocir', { namespaces: 1, admission, podsOnMirrors: this.pods }]]),
        everywhere: { namespaces: 1, admission: { ...admission, unseen: this.unseen }, podsOnMirrors: 0 },
      }),
      nodesOf: () => ({ kind: 'NotInstalled' }),
      isSettled: () => this.isSettled,
    };
    const writer = new StatusWriter({
      api: this.cluster,
      informers: this.cluster,
      sources,
      clock: this.clock,
      installNamespace: 'registry-failover',
      meter: {
        podsOnMirrors: (bySet) => (this.gauges.onMirrors = Object.fromEntries(bySet)),
        podsUnseen: (pods) => (this.gauges.unseen = pods),
      },
      onFailure: (_set, { kind }) => this.failures.push(kind),
    });
    writer.start(this.#control.signal);
    return writer;
  }

  stop(): void {
    this.#control.abort();
  }

  get writes(): number {
    return this.cluster.count('apply', MIRROR_SETS);
  }

  status(name = 'ocir'): Status | undefined {
    return this.cluster.look(MIRROR_SETS, { name })?.['status'] as Status | undefined;
  }

  condition(type: string): Readonly<Record<string, unknown>> | undefined {
    return this.status()?.conditions.find((each) => each.type === type);
  }

  failWith(kind: ApiFailureKind | undefined): void {
    this.cluster.fault = ({ verb }) => (kind !== undefined && verb === 'apply' ? failure(kind) : undefined);
  }
}

let scene = new Scene();
afterEach(() => {
  scene.stop();
  scene = new Scene();
});

describe('StatusWriter', () => {
  it('writes the status of a set within a second, and then nothing while nothing changes', async () => {
    scene.start();
    await scene.clock.advance(1_000);
    expect(scene.condition('UpstreamAvailable')).toMatchObject({ status: 'True', reason: 'Serving' });
    await scene.clock.advance(10 * 60_000);
    expect(scene.writes).toBe(1);
  });

  it('writes at most once in 3 s, and the last word at the end', async () => {
    const writer = scene.start();
    await scene.clock.advance(1_000);
    for (let pods = 1; pods <= 60; pods += 1) {
      scene.pods = pods;
      writer.wake();
      await scene.clock.advance(200);
    }
    await scene.clock.advance(4_000);
    expect(scene.status()?.podsOnMirrors).toBe(60);
    expect(scene.writes).toBeGreaterThan(3);
    expect(scene.writes).toBeLessThanOrEqual(7);
  });

  it('notices by itself what nobody has told', async () => {
    scene.start();
    await scene.clock.advance(1_000);
    scene.pods = 7;
    await scene.clock.advance(20_000);
    expect(scene.status()?.podsOnMirrors).toBe(7);
  });

  it('keeps since when things are so over a restart', async () => {
    scene.start();
    await scene.clock.advance(1_000);
    const before = scene.status();
    scene.stop();
    await scene.clock.advance(3_600_000);
    scene.health = 'unknown';
    scene.isSettled = false;
    const writer = scene.start();
    await scene.clock.advance(5_000);
    expect(scene.writes).toBe(1);
    scene.health = 'up';
    scene.isSettled = true;
    writer.wake();
    await scene.clock.advance(60_000);
    expect(scene.status()).toEqual(before);
    expect(scene.writes).toBe(1);
  });

  it('says after a while what it still does not know', async () => {
    scene.start();
    await scene.clock.advance(1_000);
    scene.stop();
    scene.health = 'unknown';
    scene.start();
    await scene.clock.advance(60_000);
    expect(scene.condition('UpstreamAvailable')).toMatchObject({ reason: 'NotAskedYet' });
  });

  it('does not make a new set wait', async () => {
    scene.isSettled = false;
    scene.health = 'unknown';
    scene.start();
    await scene.clock.advance(1_000);
    expect(scene.condition('UpstreamAvailable')).toMatchObject({ reason: 'NotAskedYet' });
  });

  it.each<ApiFailureKind>(['conflict', 'unreachable', 'server-error', 'throttled', 'forbidden'])(
    'goes on after a failure: %s',
    async (kind) => {
      scene.failWith(kind);
      scene.start();
      await scene.clock.advance(20_000);
      expect(scene.failures[0]).toBe(kind);
      expect(scene.writes).toBeLessThan(8);
      scene.failWith(undefined);
      await scene.clock.advance(61_000);
      expect(scene.condition('Valid')).toMatchObject({ status: 'True' });
    },
  );

  it('is not answered for a set that goes while its status is written', async () => {
    scene.start();
    await scene.clock.advance(1_000);
    scene.cluster.before = ({ verb }) => {
      if (verb === 'apply') scene.cluster.take(MIRROR_SETS, { name: 'ocir' });
    };
    scene.pods = 3;
    await scene.clock.advance(60_000);
    expect(scene.failures).toEqual([]);
    expect(scene.writes).toBe(2);
  });

  it('repairs what somebody else has written over it, and leaves what is not ours', async () => {
    scene.start();
    await scene.clock.advance(1_000);
    const object = scene.cluster.look(MIRROR_SETS, { name: 'ocir' })!;
    const theirs = { type: 'Theirs', status: 'True', reason: 'X', message: '', lastTransitionTime: 'x' };
    const at = scene.condition('Valid')?.['lastTransitionTime'];
    const forged = {
      ...scene.condition('Valid'),
      status: 'False',
      lastTransitionTime: '2001-01-01T00:00:00Z',
    };
    const conditions = [forged, theirs];
    scene.cluster.put(MIRROR_SETS, { ...object, status: { ...scene.status(), conditions } });
    await scene.clock.advance(60_000);
    expect(scene.condition('Valid')).toMatchObject({ status: 'True', lastTransitionTime: at });
    expect(scene.condition('Theirs')).toMatchObject({ reason: 'X' });
    expect(scene.writes).toBeLessThan(5);
  });

  it('has a status for a set that is refused', async () => {
    scene.sets = [];
    const path = 'registrymirrorset/ocir spec.upstream.prefix';
    scene.problems = [{ path, code: 'PrefixTaken', message: 'taken', fix: 'Choose another', set: 'ocir' }];
    scene.start();
    await scene.clock.advance(1_000);
    expect(scene.condition('Valid')).toMatchObject({ status: 'False', reason: 'PrefixTaken' });
    expect(scene.condition('UpstreamAvailable')).toMatchObject({ status: 'Unknown', reason: 'NotInForce' });
  });

  it('knows a problem of an object that does not parse by where it comes from', async () => {
    scene.sets = [];
    scene.problems = [
      { path: 'registrymirrorset/ocir spec.mirrors', code: 'TooFew', message: 'x', fix: 'y' },
    ];
    scene.cluster.put(MIRROR_SETS, { metadata: { name: 'ocir2' }, spec: {} });
    scene.start();
    await scene.clock.advance(1_000);
    expect(scene.condition('Valid')).toMatchObject({ reason: 'TooFew' });
    expect(scene.status('ocir2')).toBeUndefined();
  });

  it('waits until the declarations have got to the generation that it would speak of', async () => {
    scene.start();
    await scene.clock.advance(1_000);
    const object = scene.cluster.look(MIRROR_SETS, { name: 'ocir' })!;
    scene.cluster.put(MIRROR_SETS, { ...object, spec: { changed: true } });
    await scene.clock.advance(10_000);
    expect(scene.status()?.observedGeneration).toBe(1);
    scene.sets = [makeSet('fra.ocir.io', ['ams.ocir.io'], { name: 'ocir', generation: 2 })];
    await scene.clock.advance(5_000);
    expect(scene.status()?.observedGeneration).toBe(2);
  });

  it('puts no status on a set that has been changed since it was judged', async () => {
    scene.start();
    await scene.clock.advance(1_000);
    const object = scene.cluster.look(MIRROR_SETS, { name: 'ocir' })!;
    let isFirst = true;
    scene.cluster.before = ({ verb }) => {
      if (verb !== 'apply' || !isFirst) return;
      isFirst = false;
      scene.cluster.put(MIRROR_SETS, { ...object, spec: { changed: true } });
    };
    scene.pods = 5;
    await scene.clock.advance(20_000);
    expect(scene.failures).toEqual(['conflict']);
    expect(scene.status()).toMatchObject({ observedGeneration: 1, podsOnMirrors: 0 });
    scene.sets = [makeSet('fra.ocir.io', ['ams.ocir.io'], { name: 'ocir', generation: 2 })];
    await scene.clock.advance(20_000);
    expect(scene.status()).toMatchObject({ observedGeneration: 2, podsOnMirrors: 5 });
  });

  it('starts anew with a set that is made again under the same name', async () => {
    scene.start();
    await scene.clock.advance(1_000);
    const before = scene.condition('Valid')?.['lastTransitionTime'];
    await scene.clock.advance(60_000);
    scene.cluster.take(MIRROR_SETS, { name: 'ocir' });
    scene.cluster.put(MIRROR_SETS, { metadata: { name: 'ocir' }, spec: {} });
    await scene.clock.advance(5_000);
    expect(scene.condition('Valid')?.['lastTransitionTime']).not.toBe(before);
  });

  it('tells the metrics, and takes them back when another one leads', async () => {
    scene.pods = 4;
    scene.unseen = 2;
    scene.start();
    await scene.clock.advance(1_000);
    expect(scene.gauges).toEqual({ onMirrors: { ocir: 4 }, unseen: 2 });
    scene.stop();
    expect(scene.gauges).toEqual({ onMirrors: {}, unseen: 0 });
  });

  it('does nothing more once it is not the leader', async () => {
    const writer = scene.start();
    await scene.clock.advance(1_000);
    scene.stop();
    scene.pods = 9;
    writer.wake();
    await scene.clock.advance(60_000);
    await settle();
    expect(scene.writes).toBe(1);
    expect(scene.cluster.openWatches).toBe(0);
  });
});
