// Pod book: which pods are kept, who uses a secret, and that all other pods leave no trace.
import { describe, expect, it } from 'vitest';
import { PodBook } from '../../src/controller/pod-book.ts';
import { PodCensus } from '../../src/controller/pod-census.ts';
import { OptInTimes } from '../../src/controller/pod-opt-ins.ts';
import type { Labels } from '../../src/domain/label-selector.ts';
import type { InformerOptions, InformerSource } from '../../src/kubernetes/cluster-api.ts';
import { PODS } from '../../src/kubernetes/resource.ts';
import { MemoryCluster } from '../support/cluster.ts';
import { makeSet } from '../support/make.ts';
import { MIRROR_IMAGE, podObject, UPSTREAM_IMAGE } from './pod-objects.ts';
import type { PodSketch } from './pod-objects.ts';
import { FakeClock } from './status-fake-clock.ts';

const DERIVED = 'registry-failover-from-regcred';

class Scene {
  readonly cluster = new MemoryCluster();
  readonly clock = new FakeClock();
  readonly optIns = new OptInTimes({ installNamespace: 'registry-failover', wall: () => this.clock.wall() });
  readonly book: PodBook;
  readonly told: string[] = [];

  constructor(optedIn: readonly string[] = ['shop']) {
    this.optIn(...optedIn);
    this.book = new PodBook({ informers: this.cluster, isOptedIn: (name) => this.optIns.has(name) });
    this.book.onChange((namespace) => this.told.push(namespace));
  }

  optIn(...names: readonly string[]): void {
    const labels = { 'registry-failover.io/enabled': 'true' };
    this.optIns.update(
      new Map<string, Labels>([...names.map((name) => [name, labels] as const), ['other', {}]]),
    );
  }

  async put(sketch: PodSketch): Promise<void> {
    this.cluster.put(PODS, podObject(sketch));
    await this.cluster.settle();
  }

  get kept(): readonly string[] {
    return [...this.book.all].map(({ namespace, name }) => `${namespace}/${name}`);
  }
}

describe('PodBook', () => {
  it('keeps pods of opted-in namespaces, and elsewhere those that name a secret of ours', async () => {
    const scene = new Scene();
    await scene.put({ name: 'a', reason: null });
    await scene.put({ name: 'b', namespace: 'other' });
    await scene.put({ name: 'c', namespace: 'other', secrets: [DERIVED] });
    await scene.book.synced;
    expect(scene.kept).toEqual(['shop/a', 'other/c']);
  });

  it('knows who uses a pull secret', async () => {
    const scene = new Scene();
    await scene.put({ name: 'a', secrets: [DERIVED] });
    await scene.put({ name: 'b', secrets: [DERIVED], phase: 'Succeeded' });
    await scene.put({ name: 'c', secrets: ['mine'] });
    await scene.put({ name: 'd', secrets: [DERIVED], deleting: true, image: UPSTREAM_IMAGE });
    const users = scene.book.usersOf('shop', DERIVED);
    expect(users.map(({ images }) => images)).toEqual([[MIRROR_IMAGE], [UPSTREAM_IMAGE]]);
    expect(scene.book.usersOf('nowhere', DERIVED)).toEqual([]);
  });

  it('still knows them when the namespace has opted out', async () => {
    const scene = new Scene();
    await scene.put({ name: 'a', secrets: [DERIVED] });
    scene.optIn();
    await scene.put({ name: 'a', secrets: [DERIVED], phase: 'Pending' });
    expect(scene.book.usersOf('shop', DERIVED)).toHaveLength(1);
  });

  it('tells of the namespace whose pods have changed, also when the last is gone', async () => {
    const scene = new Scene();
    await scene.put({ name: 'a' });
    scene.cluster.take(PODS, { namespace: 'shop', name: 'a' });
    await scene.put({ name: 'b', namespace: 'other' });
    expect(scene.told).toEqual(['shop', 'shop']);
    expect(scene.book.in('shop')).toEqual([]);
  });

  it('shares what is the same for all pods of a ReplicaSet', async () => {
    const scene = new Scene();
    await scene.put({ name: 'a' });
    await scene.put({ name: 'b' });
    const [a, b] = scene.book.in('shop');
    expect(a?.decisions).toBe(b?.decisions);
  });

  it('drops 50,000 pods that are none of its business, and quickly', () => {
    let keep: InformerOptions<unknown>['keep'] = () => undefined;
    const cluster = new MemoryCluster();
    const informers: InformerSource = {
      watch: (options) => {
        ({ keep } = options);
        return cluster.watch(options);
      },
    };
    const book = new PodBook({ informers, isOptedIn: (name) => name === 'shop' });
    const pod = podObject({ namespace: 'other', secrets: ['mine'] });
    const started = performance.now();
    let kept = 0;
    for (let index = 0; index < 50_000; index += 1) if (keep(pod) !== undefined) kept += 1;
    expect(kept).toBe(0);
    expect([...book.all]).toEqual([]);
    // Measured: 27 ms. A bound for what would be another order of work, such as reading every pod.
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe('OptInTimes', () => {
  it('remembers since when, and forgets with the opt-out', () => {
    const { optIns, clock } = new Scene();
    const since = optIns.all.get('shop')?.since;
    expect(since).toBe(clock.wall());
    const labels = { 'registry-failover.io/enabled': 'true' };
    const moved = new OptInTimes({ installNamespace: 'registry-failover', wall: () => 1 });
    moved.update(new Map([['shop', labels]]));
    moved.update(new Map([['registry-failover', labels]]));
    expect([...moved.all.keys()]).toEqual([]);
  });

  it('keeps the first time while the label stays', () => {
    let wall = 1;
    const optIns = new OptInTimes({ installNamespace: 'x', wall: () => wall });
    const labels = { 'registry-failover.io/enabled': 'true' };
    optIns.update(new Map([['shop', labels]]));
    wall = 2;
    optIns.update(new Map([['shop', { ...labels, team: 'a' }]]));
    expect(optIns.all.get('shop')).toEqual({ since: 1, labels: { ...labels, team: 'a' } });
  });
});

describe('PodCensus', () => {
  const OCIR = makeSet('fra.ocir.io', ['ams.ocir.io'], { name: 'ocir' });

  it('counts pods on mirrors against the sets in force', async () => {
    const scene = new Scene();
    const census = new PodCensus(scene.book, scene.optIns, () => scene.clock.wall());
    for (const name of ['a', 'b']) await scene.put({ name });
    await scene.put({ name: 'c', image: UPSTREAM_IMAGE, reason: 'upstream-available' });
    census.update([OCIR]);
    expect(census.take().bySet.get('ocir')).toMatchObject({ podsOnMirrors: 2, namespaces: 1 });
    // The same decisions mean something else under other sets.
    census.update([makeSet('fra.ocir.io', ['iad.ocir.io'], { name: 'ocir' })]);
    expect(census.take().bySet.get('ocir')?.podsOnMirrors).toBe(0);
  });

  it('counts pods that were not seen before this leader began, where an earlier one has left its bindings', async () => {
    const scene = new Scene();
    const now = scene.clock.wall();
    const census = new PodCensus(scene.book, scene.optIns, () => now);
    census.update([OCIR]);
    await scene.put({ reason: null, createdAt: new Date(now - 60_000).toISOString() });
    const unseen = (madeAt?: number): number => census.take(() => madeAt).everywhere.admission.unseen;
    expect([unseen(), unseen(now - 30_000), unseen(now - 3_600_000)]).toEqual([0, 0, 1]);
  });

  it('gives plans the sets of opted-in namespaces only', () => {
    const scene = new Scene();
    const census = new PodCensus(scene.book, scene.optIns, () => scene.clock.wall());
    census.update([OCIR]);
    expect(census.indexFor('shop')?.get('fra.ocir.io')).toHaveLength(1);
    expect(census.indexFor('other')).toBeUndefined();
  });
});
