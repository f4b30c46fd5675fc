// Node states while the watch is behind: what was written is known, and not written again.
import { describe, expect, it } from 'vitest';
import { printState } from '../../src/controller/nodes/node-record.ts';
import { NodeStates } from '../../src/controller/nodes/node-states.ts';
import { ok } from '../../src/domain/result.ts';
import type { Informer, InformerSource } from '../../src/kubernetes/cluster-api.ts';
import type { KubeObject } from '../../src/kubernetes/resource.ts';
import type { NodeWanted } from '../../src/nodes/data/wanted.ts';
import { MemoryCluster } from '../support/cluster.ts';
import { FakeClock, settle } from './status-fake-clock.ts';

const WANTED: NodeWanted = {
  version: 1,
  revision: '0123456789abcdef',
  owner: 'rf/registry-failover',
  runtime: { name: 'containerd', version: '2.1.9' },
  action: 'Apply',
  hosts: [],
};

/** A watch that has heard of nothing, and does not. */
const DEAF: InformerSource = {
  watch: <T>(): Informer<T> => ({
    items: new Map(),
    isSynced: true,
    synced: Promise.resolve(),
    staleSince: undefined,
    onChange: () => () => {},
    close: () => {},
  }),
};

class CountingApi extends MemoryCluster {
  applied = 0;

  override apply(...args: Parameters<MemoryCluster['apply']>): ReturnType<MemoryCluster['apply']> {
    this.applied += 1;
    const [, object] = args;
    const metadata = { ...object.metadata, uid: 'u', generation: 1 };
    return Promise.resolve(ok({ ...object, metadata } satisfies KubeObject));
  }
}

describe('NodeStates', () => {
  it('knows its own write for 10 s, whether the watch tells of it or not', async () => {
    const [api, clock] = [new CountingApi(), new FakeClock()];
    const states = new NodeStates({
      api,
      informers: DEAF,
      namespace: 'rf',
      clock,
      random: () => 0,
      onChange: () => {},
      log: { did: () => {}, failed: () => {} },
    });
    const deeds = new Map([['n1', { kind: 'write', wanted: WANTED, isReleased: false } as const]]);
    for (let round = 0; round < 5; round += 1) {
      states.carryOut(deeds);
      await clock.advance(1_000);
    }
    expect(api.applied).toBe(1);
    expect(states.current().get('n1')?.wanted).toEqual(WANTED);
    await clock.advance(6_000);
    expect(states.current().size).toBe(0);
    states.carryOut(deeds);
    await settle();
    expect(api.applied).toBe(2);
    await states.close();
  });

  it('is written whole: a label or a release that somebody took away is missing', () => {
    expect(printState('rf', 'n1', WANTED, true).metadata).toEqual({
      namespace: 'rf',
      name: 'n1',
      labels: { 'app.kubernetes.io/managed-by': 'registry-failover' },
      annotations: { 'registry-failover.io/released': WANTED.revision },
    });
  });
});
