// Work queue: one run at a time for a key, a few keys at once, later and later after failures, and a clean end.
import { describe, expect, it } from 'vitest';
import { backoffMs, WorkQueue } from '../../src/controller/work-queue.ts';
import type { WorkResult } from '../../src/controller/work-queue.ts';
import { FakeClock, settle } from './status-fake-clock.ts';

interface Run {
  readonly key: string;
  readonly at: number;
  end(result?: WorkResult): void;
  fail(error: Error): void;
}

interface Scene {
  readonly timers: FakeClock;
  readonly queue: WorkQueue;
  readonly runs: Run[];
  readonly ends: string[];
}

/** Runs end when the test ends them. */
function makeScene(concurrency = 8, random = (): number => 0): Scene {
  const timers = new FakeClock();
  const runs: Run[] = [];
  const ends: string[] = [];
  const queue = new WorkQueue({
    work: (key) =>
      new Promise((resolve, reject) => {
        const end = (result: WorkResult = { kind: 'done' }): void => resolve(result);
        runs.push({ key, at: timers.now(), end, fail: reject });
      }),
    onEnd: (key, result, error) =>
      ends.push(`${key} ${result}${error instanceof Error ? ` ${error.message}` : ''}`),
    timers,
    random,
    concurrency,
  });
  return { timers, queue, runs, ends };
}

const FAILED: WorkResult = { kind: 'failed', retryAfterMs: undefined };
const keysOf = ({ runs }: Scene): string[] => runs.map(({ key }) => key);

describe('WorkQueue', () => {
  it('runs a key once however often it was added before it starts, and once more when added while it runs', async () => {
    const scene = makeScene();
    for (let time = 0; time < 5; time += 1) scene.queue.add('a');
    await settle();
    expect(keysOf(scene)).toEqual(['a']);
    for (let time = 0; time < 5; time += 1) scene.queue.add('a');
    await settle();
    expect(keysOf(scene)).toEqual(['a']);
    scene.runs[0]?.end();
    await scene.timers.advance(50);
    expect(keysOf(scene)).toEqual(['a', 'a']);
    scene.runs[1]?.end();
    await scene.timers.advance(1_000);
    expect(keysOf(scene)).toEqual(['a', 'a']);
  });

  it('runs some keys at once and the others in their order', async () => {
    const scene = makeScene(2);
    for (const key of ['a', 'b', 'c', 'd']) scene.queue.add(key);
    await settle();
    expect(keysOf(scene)).toEqual(['a', 'b']);
    scene.runs[1]?.end();
    await settle();
    expect(keysOf(scene)).toEqual(['a', 'b', 'c']);
  });

  it('runs one that is added alone before many that were added at once', async () => {
    const scene = makeScene(1);
    for (const key of ['a', 'b', 'c']) scene.queue.add(key, 'all');
    scene.queue.add('d');
    scene.queue.add('c');
    for (let run = 0; run < 5; run += 1) {
      await settle();
      scene.runs.at(-1)?.end();
    }
    expect(keysOf(scene)).toEqual(['a', 'd', 'c', 'b']);
  });

  it('never runs work in the turn of whoever adds', () => {
    const scene = makeScene();
    scene.queue.add('a');
    expect(scene.runs).toEqual([]);
  });

  it('tries again later and later after failures, and from the beginning after a success', async () => {
    const scene = makeScene();
    const { timers, runs, queue } = scene;
    queue.add('a');
    await settle();
    const waits: number[] = [];
    for (let time = 0; time < 11; time += 1) {
      const ended = timers.now();
      runs.at(-1)?.end(FAILED);
      const count = runs.length;
      while (runs.length === count) await timers.advance(100);
      waits.push((runs.at(-1)?.at ?? 0) - ended);
    }
    expect(waits).toEqual([200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]);
    runs.at(-1)?.end();
    await timers.advance(120_000);
    expect(runs).toHaveLength(12);
    queue.add('a');
    await settle();
    runs.at(-1)?.end(FAILED);
    await timers.advance(200);
    expect(runs).toHaveLength(14);
  });

  it('waits as long as the API server asks for', async () => {
    const { timers, runs, queue } = makeScene();
    queue.add('a');
    await settle();
    runs[0]?.end({ kind: 'failed', retryAfterMs: 5_000 });
    await timers.advance(4_999);
    expect(runs).toHaveLength(1);
    await timers.advance(1);
    expect(runs).toHaveLength(2);
  });

  it('looks again when it is told to, which is no failure', async () => {
    const { timers, runs, queue, ends } = makeScene();
    queue.add('a');
    await settle();
    runs[0]?.end({ kind: 'later', ms: 700 });
    await timers.advance(699);
    expect(runs).toHaveLength(1);
    await timers.advance(1);
    expect(runs).toHaveLength(2);
    runs[1]?.end(FAILED);
    await timers.advance(200);
    expect(runs).toHaveLength(3);
    expect(ends).toEqual(['a later', 'a failed']);
  });

  it('does not wait for a retry when something new happens', async () => {
    const { timers, runs, queue } = makeScene();
    queue.add('a');
    await settle();
    runs[0]?.end({ kind: 'failed', retryAfterMs: 50_000 });
    await settle();
    queue.add('a');
    await settle();
    expect(runs).toHaveLength(2);
    runs[1]?.end();
    await timers.advance(60_000);
    expect(runs).toHaveLength(2);
  });

  it('reports what is thrown, tries again, and goes on with the others', async () => {
    const { timers, runs, queue, ends } = makeScene(1);
    queue.add('a');
    queue.add('b');
    await settle();
    runs[0]?.fail(new Error('bug'));
    await settle();
    expect(ends).toEqual(['a threw bug']);
    runs[1]?.end();
    await timers.advance(200);
    expect(runs.map(({ key }) => key)).toEqual(['a', 'b', 'a']);
  });

  it('runs a key that never rests once a second', async () => {
    const { timers, runs, queue } = makeScene();
    const stop = timers.now() + 20_000;
    while (timers.now() < stop) {
      queue.add('a');
      await timers.advance(50);
      runs.at(-1)?.end();
    }
    expect(runs.length).toBeGreaterThan(25);
    expect(runs.length).toBeLessThan(33);
  });

  it('ends when what runs has ended, and starts nothing more', async () => {
    const { timers, runs, queue } = makeScene(1);
    queue.add('a');
    queue.add('b');
    await settle();
    let closed = false;
    const closing = queue.close().then(() => {
      closed = true;
    });
    await settle();
    expect(closed).toBe(false);
    queue.add('c');
    runs[0]?.end(FAILED);
    await closing;
    await timers.advance(120_000);
    expect(runs.map(({ key }) => key)).toEqual(['a']);
    expect(timers.pending).toBe(0);
  });
});

describe('backoffMs', () => {
  it('takes off up to half by chance, and stays within its bounds', () => {
    expect(backoffMs(1, () => 0)).toBe(200);
    expect(backoffMs(1, () => 0.5)).toBe(150);
    expect(backoffMs(1_000_000, () => 0)).toBe(60_000);
  });
});
