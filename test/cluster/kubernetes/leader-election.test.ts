import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readLease } from '../../../src/kubernetes/lease.ts';
import { LeaderElection } from '../../../src/kubernetes/leader-election.ts';
import { LEASES } from '../../../src/kubernetes/resource.ts';
import { wait } from '../../../src/kubernetes/wait.ts';
import { startApiServer, type RealApiServer } from './api-server.ts';

let real: RealApiServer;
beforeAll(async () => {
  real = await startApiServer();
});
afterAll(async () => {
  await real.stop();
});

const lease = { namespace: 'default', name: 'leader' };
const diary: string[] = [];

function candidate(identity: string): LeaderElection {
  return new LeaderElection({
    api: real.api,
    ...lease,
    identity,
    leaseMs: 6000,
    renewDeadlineMs: 4000,
    renewMs: 500,
    retryMs: 250,
    now: () => performance.now(),
    wait,
    onStarted: async (signal) => {
      diary.push(`${identity} starts`);
      await wait(600_000, signal);
      await wait(300);
    },
    onStopped: () => {
      diary.push(`${identity} stops`);
    },
  });
}

function eventually(check: () => void, timeout = 30_000): Promise<void> {
  return vi.waitFor(check, { timeout, interval: 10 });
}

describe('candidates at a real API server', () => {
  it('hand over when the leader is stopped, and an uninstall job takes over', async () => {
    const a = candidate('a');
    const b = candidate('b');
    a.start();
    await eventually(() => expect(a.isLeader).toBe(true));
    b.start();
    await wait(1500);
    expect(b.isLeader).toBe(false);
    expect(b.leader).toBe('a');
    await a.stop();
    // Sooner than the lease would end by itself.
    await eventually(() => expect(b.isLeader).toBe(true), 5000);
    expect(diary).toEqual(['a starts', 'a stops', 'b starts']);
    const held = await real.api.get(LEASES, lease);
    expect(held.ok && readLease(held.value)).toMatchObject({ holder: 'b', transitions: 1 });
    const job = candidate('job');
    const began = performance.now();
    expect(await job.takeOver(2000)).toEqual({ ok: true, value: undefined });
    expect(performance.now() - began).toBeGreaterThan(5900);
    expect(diary.at(-1)).toBe('b stops');
    await eventually(() => expect(b.isLeader).toBe(true));
    await b.stop();
  });

  it('do not lead while the API server is away, and one leads when it is back', async () => {
    diary.length = 0;
    const c = candidate('c');
    c.start();
    await eventually(() => expect(c.isLeader).toBe(true));
    await real.controlPlane.stopApiServer();
    await eventually(() => expect(diary).toEqual(['c starts', 'c stops']), 15_000);
    expect(c.isLeader).toBe(false);
    await real.controlPlane.startApiServer();
    await eventually(() => expect(c.isLeader).toBe(true));
    await c.stop();
    const released = await real.api.get(LEASES, lease);
    expect(released.ok && readLease(released.value).holder).toBe('');
  });
});
