// Pod events and recreation watch: what is said of pods as they come and go.
import { describe, expect, it } from 'vitest';
import type { EventReport } from '../../src/controller/event-sink.ts';
import { PodBook } from '../../src/controller/pod-book.ts';
import { PodEvents } from '../../src/controller/pod-events.ts';
import { RecreationWatch } from '../../src/controller/recreation-watch.ts';
import { indexMirrorSets } from '../../src/domain/plan.ts';
import { PODS } from '../../src/kubernetes/resource.ts';
import { MemoryCluster } from '../support/cluster.ts';
import { makeSet } from '../support/make.ts';
import { podObject, UPSTREAM_IMAGE } from './pod-objects.ts';
import type { PodSketch } from './pod-objects.ts';
import { FakeClock } from './status-fake-clock.ts';

const index = indexMirrorSets([makeSet('fra.ocir.io', ['ams.ocir.io'])]);

class Scene {
  readonly cluster = new MemoryCluster();
  readonly clock = new FakeClock();
  readonly control = new AbortController();
  readonly reports: EventReport[] = [];
  recreated = 0;
  readonly book: PodBook;
  readonly options;

  constructor() {
    this.book = new PodBook({ informers: this.cluster, isOptedIn: (namespace) => namespace === 'shop' });
    this.options = {
      book: this.book,
      indexFor: (namespace: string) => (namespace === 'shop' ? index : undefined),
      sink: { report: (event: EventReport) => this.reports.push(event) },
      clock: this.clock,
      meter: { recreated: () => (this.recreated += 1) },
    };
  }

  speak(): this {
    new PodEvents(this.options).start(this.control.signal);
    return this;
  }

  watch(): this {
    new RecreationWatch(this.options).start(this.control.signal);
    return this;
  }

  async put(sketch: PodSketch): Promise<void> {
    const createdAt = new Date(this.clock.wall()).toISOString();
    this.cluster.put(PODS, podObject({ createdAt, ...sketch }));
    await this.cluster.settle();
  }

  async take(name: string): Promise<void> {
    this.cluster.take(PODS, { namespace: 'shop', name });
    await this.cluster.settle();
  }

  get said(): readonly string[] {
    return this.reports.map(({ regarding, type, reason }) => `${regarding.kind} ${type} ${reason}`);
  }
}

describe('PodEvents', () => {
  it('says on the pod and on its owner that an image was rerouted', async () => {
    const scene = new Scene().speak();
    await scene.put({});
    expect(scene.said).toEqual(['Pod Normal ImageRerouted', 'ReplicaSet Normal ImageRerouted']);
    expect(scene.reports[1]).toMatchObject({
      regarding: { apiVersion: 'apps/v1', namespace: 'shop', name: 'checkout-1', uid: 'uid-checkout-1' },
      related: { kind: 'Pod', name: 'checkout-1-a' },
    });
  });

  it('warns when no mirror could be had', async () => {
    const scene = new Scene().speak();
    await scene.put({ image: UPSTREAM_IMAGE, reason: 'no-mirror-available', owner: null });
    expect(scene.said).toEqual(['Pod Warning NoMirrorAvailable']);
  });

  it('says it once, however often the pod changes', async () => {
    const scene = new Scene().speak();
    await scene.put({ phase: 'Pending' });
    await scene.put({ phase: 'Running' });
    await scene.put({ reason: 'upstream-failing' });
    expect(scene.said).toHaveLength(2);
  });

  it('says nothing of pods from before its time, but catches up on the last half minute', async () => {
    const scene = new Scene();
    await scene.put({ name: 'old', createdAt: '2026-05-01T09:59:00Z' });
    await scene.put({ name: 'recent', createdAt: '2026-05-01T09:59:50Z' });
    scene.speak();
    expect(scene.reports.map(({ regarding }) => regarding.name)).toEqual(['recent', 'checkout-1']);
  });

  it.each<[string, PodSketch]>([
    ['pods that are where they belong', { image: UPSTREAM_IMAGE, reason: 'upstream-available' }],
    ['pods that were not seen', { reason: null }],
    ['pods elsewhere, whose annotation anybody may have written', { namespace: 'other' }],
    ['pods on their way out', { deleting: true }],
  ])('is silent about %s', async (_name, sketch) => {
    const scene = new Scene().speak();
    await scene.put({ secrets: ['registry-failover-x'], ...sketch });
    expect(scene.said).toEqual([]);
  });

  it('is silent once it is not the leader', async () => {
    const scene = new Scene().speak();
    scene.control.abort();
    await scene.put({});
    expect(scene.said).toEqual([]);
  });
});

describe('RecreationWatch', () => {
  async function recreate(scene: Scene, rounds: number, sketch: PodSketch = {}): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      await scene.put({ name: `p${round}`, ...sketch });
      await scene.clock.advance(5_000);
      await scene.take(`p${round}`);
      await scene.clock.advance(1_000);
    }
    await scene.put({ name: 'last', ...sketch });
  }

  it('finds the owner that makes rewritten pods again and again', async () => {
    const scene = new Scene().watch();
    await recreate(scene, 3);
    expect(scene.said).toEqual(['ReplicaSet Warning RewrittenPodsRecreated']);
    expect(scene.recreated).toBe(1);
  });

  it('sees a pod of the same name as another one: a StatefulSet, an operator', async () => {
    const scene = new Scene().watch();
    for (let round = 0; round < 5; round += 1) {
      await scene.put({ name: 'db-0', uid: `u${round}` });
      await scene.clock.advance(2_000);
      await scene.take('db-0');
    }
    expect(scene.recreated).toBe(2);
  });

  it('counts a pod from its mark for deletion on, and once', async () => {
    const scene = new Scene().watch();
    for (let round = 0; round < 3; round += 1) {
      await scene.put({ name: `p${round}` });
      await scene.put({ name: `p${round}`, deleting: true });
      await scene.put({ name: `q${round}`, image: UPSTREAM_IMAGE, reason: 'upstream-available' });
      await scene.take(`p${round}`);
    }
    expect(scene.recreated).toBe(0);
    await scene.put({ name: 'last' });
    expect(scene.recreated).toBe(1);
  });

  it('counts one deletion once, though it is seen as a mark and as an end', async () => {
    const scene = new Scene().watch();
    for (const name of ['a', 'b']) {
      await scene.put({ name });
      await scene.put({ name, deleting: true });
      await scene.take(name);
    }
    for (const name of ['c', 'd', 'e', 'f']) await scene.put({ name });
    expect(scene.recreated).toBe(0);
  });

  it.each<[string, number, PodSketch]>([
    ['twice is no habit', 2, {}],
    ['pods that we left alone', 9, { image: UPSTREAM_IMAGE, reason: 'upstream-available' }],
    ['pods without an owner', 9, { owner: null }],
    ['pods that had ended', 9, { phase: 'Succeeded' }],
  ])('is silent: %s', async (_name, rounds, sketch) => {
    const scene = new Scene().watch();
    await recreate(scene, rounds, sketch);
    expect(scene.said).toEqual([]);
  });
});
