import { stat } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { beforeDeadline, startTimer } from '../../src/transport/timer.ts';

function keepBusy(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

function fired(ms: number): Promise<{ lateByMs: number; after: number }> {
  const started = performance.now();
  return new Promise((resolve) => {
    startTimer(ms, (lateByMs) => {
      resolve({ lateByMs, after: performance.now() - started });
    });
  });
}

describe('startTimer', () => {
  it('fires on time', async () => {
    const tries = [await fired(30), await fired(30), await fired(30)];
    // What it says of its own lateness agrees with the clock, to the few ms that lie between the two readings; the best of
    // three, for the machine may have other work just there.
    const apart = tries.map(({ lateByMs, after }) => Math.abs(after - lateByMs - 30));
    expect(Math.min(...apart)).toBeLessThan(10);
    for (const { after } of tries) expect(after).toBeGreaterThanOrEqual(29);
  });

  it('says that it is late when the loop was busy', async () => {
    const promise = fired(20);
    keepBusy(120);
    expect((await promise).lateByMs).toBeGreaterThan(90);
  });

  it('lets what has already happened happen first', async () => {
    await new Promise((resolve) => {
      setImmediate(resolve); // from here the loop goes to its timers next
    });
    const seen: string[] = [];
    const io = new Promise<void>((resolve) => {
      stat('/', () => {
        seen.push('io');
        resolve();
      });
    });
    const timer = fired(5).then(() => seen.push('timer'));
    keepBusy(300); // both are due, however long the look took, and the loop runs timers before I/O
    await Promise.all([io, timer]);
    expect(seen).toEqual(['io', 'timer']);
  });

  it('can be cancelled', async () => {
    let count = 0;
    startTimer(5, () => (count += 1))();
    await fired(20);
    expect(count).toBe(0);
  });
});

describe('beforeDeadline', () => {
  it('gives the value, the error, or what the time-out makes of it', async () => {
    const soon = performance.now() + 1000;
    expect(await beforeDeadline(Promise.resolve(1), soon, () => 2)).toBe(1);
    await expect(beforeDeadline(Promise.reject(new Error('x')), soon, () => 2)).rejects.toThrow('x');
    expect(await beforeDeadline(new Promise<number>(() => undefined), performance.now() + 10, () => 2)).toBe(
      2,
    );
  });
});
