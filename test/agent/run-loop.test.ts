import { afterEach, describe, expect, it } from 'vitest';
import { RunLoop, type RunVerdict } from '../../src/agent/run-loop.ts';
import { eventually } from '../kubernetes/api-server.ts';

/** Runs that end when the test says so. */
class Runs {
  started = 0;
  atOnce = 0;
  readonly starts: number[] = [];
  /** Of the nth run, from 1. */
  verdictOf: (run: number) => RunVerdict = () => 'settled';
  hold: Promise<void> | undefined;

  readonly run = async (): Promise<RunVerdict> => {
    this.started += 1;
    this.atOnce += 1;
    expect(this.atOnce).toBe(1);
    this.starts.push(performance.now());
    await this.hold;
    this.atOnce -= 1;
    return this.verdictOf(this.starts.length);
  };
}

describe('RunLoop', () => {
  const loops: RunLoop[] = [];

  function start(runs: Runs, over: { pollMs?: number; firstMs?: number; maxMs?: number } = {}): RunLoop {
    const { pollMs = 60_000, firstMs = 60_000, maxMs = 60_000 } = over;
    const loop = new RunLoop({ run: runs.run, pollMs, retry: { firstMs, maxMs }, random: () => 0.5 });
    loops.push(loop);
    return loop;
  }

  async function reaches(runs: Runs, count: number): Promise<void> {
    await eventually(() => {
      expect(runs.started).toBeGreaterThanOrEqual(count);
    });
  }

  function gate(): { hold: Promise<void>; open: () => void } {
    let open = (): void => undefined;
    const hold = new Promise<void>((resolve) => {
      open = resolve;
    });
    return { hold, open };
  }

  afterEach(async () => {
    await Promise.all(loops.splice(0).map((loop) => loop.stop()));
  });

  it('makes one run of many requests, and one more of all that come during it', async () => {
    const runs = new Runs();
    const { hold, open } = gate();
    runs.hold = hold;
    const loop = start(runs);
    loop.request();
    loop.request();
    loop.request(10);
    await reaches(runs, 1);
    loop.request();
    loop.request(1);
    await new Promise((resolve) => {
      setTimeout(resolve, 30);
    });
    expect(runs.started).toBe(1);
    open();
    await reaches(runs, 2);
    await eventually(() => {
      expect(loop.busyMs()).toBe(0);
    });
    expect(runs.started).toBe(2);
  });

  it('looks by itself, slowly', async () => {
    const runs = new Runs();
    start(runs, { pollMs: 20 }).request();
    await reaches(runs, 4);
    const [first = 0, second = 0] = runs.starts;
    expect(second - first).toBeGreaterThan(10);
  });

  it('tries again with ever longer waits, and from the shortest one after a success', async () => {
    const runs = new Runs();
    runs.verdictOf = (run) => (run % 4 === 0 ? 'settled' : 'again');
    start(runs, { firstMs: 60, maxMs: 240, pollMs: 10 }).request();
    await reaches(runs, 14);
    const [a = 0, b = 0, c = 0, d = 0] = runs.starts;
    // Three quarters of 60, 120 and 240 ms, less what a timer may be early; then the poll; then from 60 ms again.
    expect(b - a).toBeGreaterThan(35);
    expect(c - b).toBeGreaterThan(80);
    expect(d - c).toBeGreaterThan(170);
    // The shortest of three: any of them may have waited for a busy machine.
    const firsts = [4, 8, 12].map((at) => (runs.starts[at + 1] ?? Infinity) - (runs.starts[at] ?? 0));
    expect(Math.min(...firsts)).toBeLessThan((d - c) * 0.75);
  });

  it('does not wait out a back-off when something new is wanted', async () => {
    const runs = new Runs();
    runs.verdictOf = () => 'again';
    const loop = start(runs);
    loop.request();
    await reaches(runs, 1);
    await eventually(() => {
      expect(loop.busyMs()).toBe(0);
    });
    loop.requestAnew();
    await reaches(runs, 2);
  });

  it('stops when the run under way is over, and starts none after it', async () => {
    const runs = new Runs();
    const { hold, open } = gate();
    runs.hold = hold;
    const loop = start(runs, { pollMs: 1 });
    loop.request();
    await reaches(runs, 1);
    loop.request();
    let isStopped = false;
    const stopping = loop.stop().then(() => {
      isStopped = true;
    });
    await new Promise(setImmediate);
    expect(isStopped).toBe(false);
    open();
    await stopping;
    loop.request();
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    expect(runs.started).toBe(1);
  });
});
