// Event sink: one Event for what is said often, at a bounded pace, and nothing twice.
import { afterEach, describe, expect, it } from 'vitest';
import { cleanNote, MAX_NOTE_BYTES } from '../../src/controller/event-object.ts';
import { EventWriter } from '../../src/controller/event-sink.ts';
import type { EventReport } from '../../src/controller/event-sink.ts';
import type { ApiFailureKind } from '../../src/kubernetes/cluster-api.ts';
import { EVENTS } from '../../src/kubernetes/resource.ts';
import { failure, MemoryCluster } from '../support/cluster.ts';
import { FakeClock } from './status-fake-clock.ts';

const POD = { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'checkout-1-a', uid: 'u1' };

function said(over: Partial<EventReport> = {}): EventReport {
  return { regarding: POD, type: 'Normal', reason: 'ImageRerouted', note: 'it moved', ...over };
}

class Scene {
  readonly cluster = new MemoryCluster();
  readonly clock = new FakeClock();
  readonly failures: string[] = [];
  readonly control = new AbortController();
  dropped = 0;

  constructor() {
    this.cluster.put({ ...EVENTS, plural: 'unused' }, { metadata: { name: 'x', namespace: 'shop' } });
    this.cluster.put({ ...EVENTS, plural: 'unused' }, { metadata: { name: 'x', namespace: 'default' } });
  }

  writer(): EventWriter {
    const writer = new EventWriter({
      api: this.cluster,
      clock: this.clock,
      meter: { eventsDropped: (events) => (this.dropped += events) },
      instance: 'controller-0',
      onFailure: ({ kind }) => this.failures.push(kind),
    });
    writer.start(this.control.signal);
    return writer;
  }

  get events(): readonly Readonly<Record<string, unknown>>[] {
    return this.cluster.all(EVENTS);
  }

  get counts(): readonly unknown[] {
    return this.events.map((event) => (event['series'] as { count: number } | undefined)?.count ?? 1);
  }

  get writes(): number {
    return this.cluster.count('create') + this.cluster.count('patch');
  }

  failWith(kind: ApiFailureKind | undefined): void {
    this.cluster.fault = () => (kind === undefined ? undefined : failure(kind));
  }
}

let scene = new Scene();
afterEach(() => {
  scene.control.abort();
  scene = new Scene();
});

describe('EventWriter', () => {
  it('makes an Event as events.k8s.io wants it', async () => {
    scene.writer().report(said());
    await scene.clock.advance(100);
    expect(scene.events).toEqual([
      expect.objectContaining({
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        eventTime: '2026-05-01T10:00:00.000000Z',
        reportingController: 'registry-failover.io/controller',
        reportingInstance: 'controller-0',
        action: 'Report',
        reason: 'ImageRerouted',
        regarding: POD,
        note: 'it moved',
        type: 'Normal',
      }),
    ]);
    expect(scene.events[0]?.['metadata']).toMatchObject({
      namespace: 'shop',
      name: expect.stringMatching(/^checkout-1-a\.[0-9a-f]{16}$/u) as unknown,
    });
  });

  it('puts Events about what has no namespace into default', async () => {
    const regarding = { ...POD, kind: 'RegistryMirrorSet', namespace: undefined };
    scene.writer().report(said({ regarding }));
    await scene.clock.advance(100);
    expect(scene.events[0]?.['metadata']).toMatchObject({ namespace: 'default' });
  });

  it('counts up one Event, written at most every 10 s', async () => {
    const writer = scene.writer();
    for (let second = 0; second < 35; second += 1) {
      writer.report(said());
      await scene.clock.advance(1_000);
    }
    expect(scene.events).toHaveLength(1);
    expect(scene.writes).toBe(4);
    await scene.clock.advance(10_000);
    expect(scene.counts).toEqual([35]);
    expect(scene.events[0]?.['series']).toMatchObject({ lastObservedTime: '2026-05-01T10:00:34.000000Z' });
  });

  it('begins a new Event when it was silent for ten minutes', async () => {
    const writer = scene.writer();
    writer.report(said());
    await scene.clock.advance(11 * 60_000);
    writer.report(said());
    await scene.clock.advance(100);
    expect(scene.counts).toEqual([1, 1]);
  });

  it.each<[string, Partial<EventReport>]>([
    ['another reason', { reason: 'NoMirrorAvailable' }],
    ['another object', { regarding: { ...POD, uid: 'u2' } }],
    ['a warning', { type: 'Warning' }],
  ])('keeps apart: %s', async (_name, over) => {
    const writer = scene.writer();
    writer.report(said());
    writer.report(said(over));
    await scene.clock.advance(100);
    expect(scene.counts).toEqual([1, 1]);
  });

  it('does not say again after a restart what stands there', async () => {
    scene.writer().report(said());
    await scene.clock.advance(100);
    const writer = scene.writer();
    writer.report(said());
    await scene.clock.advance(5_000);
    expect(scene.counts).toEqual([1]);
    expect(scene.failures).toEqual([]);
    writer.report(said());
    await scene.clock.advance(20_000);
    expect(scene.counts).toEqual([2]);
  });

  it('writes 50 in a row, and then 5 a second', async () => {
    const writer = scene.writer();
    for (let pod = 0; pod < 100; pod += 1)
      writer.report(said({ regarding: { ...POD, name: `p${pod}`, uid: `u${pod}` } }));
    await scene.clock.advance(100);
    expect(scene.events).toHaveLength(50);
    await scene.clock.advance(5_000);
    expect(scene.events.length).toBeGreaterThanOrEqual(74);
    expect(scene.events.length).toBeLessThanOrEqual(76);
    await scene.clock.advance(10_000);
    expect(scene.events).toHaveLength(100);
    expect(scene.dropped).toBe(0);
  });

  it('forgets the oldest when there are too many, and counts what was not told', async () => {
    scene.failWith('unreachable');
    const writer = scene.writer();
    for (let pod = 0; pod < 2_100; pod += 1)
      writer.report(said({ regarding: { ...POD, name: `p${pod}`, uid: `u${pod}` } }));
    expect(scene.dropped).toBe(100);
  });

  it.each<ApiFailureKind>(['unreachable', 'server-error', 'throttled', 'forbidden'])(
    'tries again, not for ever: %s',
    async (kind) => {
      scene.failWith(kind);
      const writer = scene.writer();
      writer.report(said());
      await scene.clock.advance(3_000);
      scene.failWith(undefined);
      await scene.clock.advance(5_000);
      expect(scene.counts).toEqual([1]);
      scene.failWith(kind);
      writer.report(said({ reason: 'Other' }));
      await scene.clock.advance(60_000);
      expect(scene.dropped).toBe(1);
      const { writes } = scene;
      await scene.clock.advance(60_000);
      expect(scene.writes).toBe(writes);
    },
  );

  it('gives up at once what the API server finds wrong', async () => {
    scene.failWith('invalid');
    scene.writer().report(said());
    await scene.clock.advance(60_000);
    expect(scene.writes).toBe(1);
    expect(scene.dropped).toBe(1);
  });

  it('makes an Event again that the API server has let go of', async () => {
    const writer = scene.writer();
    writer.report(said());
    await scene.clock.advance(100);
    const { namespace = '', name = '' } = scene.events[0]!['metadata'] as Record<string, string>;
    scene.cluster.take(EVENTS, { namespace, name });
    writer.report(said());
    await scene.clock.advance(20_000);
    expect(scene.counts).toEqual([2]);
  });

  it('says nothing while it is not the leader, and nothing is lost', async () => {
    const writer = new EventWriter({
      api: scene.cluster,
      clock: scene.clock,
      meter: { eventsDropped: () => {} },
      instance: 'x',
    });
    writer.report(said());
    await scene.clock.advance(60_000);
    expect(scene.writes).toBe(0);
    writer.start(scene.control.signal);
    await scene.clock.advance(100);
    expect(scene.events).toHaveLength(1);
  });
});

describe('what waits for a leader that never comes', () => {
  it('is lost once it is said anew ten minutes later, and counted', async () => {
    let dropped = 0;
    const meter = { eventsDropped: (events: number) => (dropped += events) };
    const writer = new EventWriter({ api: scene.cluster, clock: scene.clock, meter, instance: 'x' });
    writer.report(said());
    writer.report(said());
    await scene.clock.advance(11 * 60_000);
    writer.report(said());
    expect(dropped).toBe(2);
  });
});

describe('cleanNote', () => {
  it.each([
    ['ASCII', 'x'.repeat(2_000)],
    ['characters of two bytes', 'é'.repeat(2_000)],
    ['characters of four bytes', '😀'.repeat(2_000)],
    ['characters of three bytes, off by one', `x${'漢'.repeat(2_000)}`],
  ])('cuts %s at whole characters', (_name, text) => {
    const note = cleanNote(text);
    expect(new TextEncoder().encode(note).length).toBeLessThanOrEqual(MAX_NOTE_BYTES);
    expect(note).toMatch(/^x?(?:x+|é+|😀+|漢+)…$/u);
  });

  it('takes control characters out', () => {
    expect(cleanNote('a\n\u001b[31mb\u202e')).toBe('a  [31mb ');
  });
});
