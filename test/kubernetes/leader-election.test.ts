import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Candidate, FINE, LeaseStore, World, type ProcessOptions, type Weather } from './election-world.ts';

let world: World;
let store: LeaseStore;
let all: Candidate[];
beforeEach(() => {
  world = new World();
  store = new LeaseStore(world);
  all = [];
});

function start(name: string, options: ProcessOptions = {}): Candidate {
  const candidate = new Candidate(store, name, options);
  all.push(candidate);
  candidate.election.start();
  return candidate;
}

function workers(): string[] {
  return all.filter(({ working }) => working).map(({ name }) => name);
}

/** Lets time pass in small steps, and collects who worked. */
async function follow(ms: number): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let passed = 0; passed < ms; passed += 250) {
    await world.pass(250);
    expect(workers().length).toBeLessThanOrEqual(1);
    for (const name of workers()) seen.add(name);
  }
  return seen;
}

const AWAY: Weather = { ...FINE, lost: 'question' };

describe('one candidate', () => {
  it('makes the lease and leads at once', async () => {
    const a = start('a');
    await world.pass(100);
    expect(a.working).toBe(true);
    expect(a.election.isLeader).toBe(true);
    expect(store.record).toMatchObject({ holder: 'a', durationMs: 15_000, transitions: 0 });
    expect(store.record?.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });

  it('renews every 5 s', async () => {
    start('a');
    await world.pass(60_500);
    expect(store.writes).toBe(13);
    expect(all[0]?.working).toBe(true);
  });

  it('leads on over a short outage and stops before the lease runs out in a long one', async () => {
    const a = start('a');
    await world.pass(5500);
    store.weather = () => AWAY;
    await world.pass(4000); // the renewal of second 10 will fail
    store.weather = () => FINE;
    await world.pass(10_000);
    expect(a.stopped).toBe(0);
    const renewedAt = world.now - (world.now % 5000);
    store.weather = () => AWAY;
    await world.pass(renewedAt + 9000 - world.now);
    expect(a.working).toBe(true);
    await world.pass(1500);
    expect(a.working).toBe(false);
    expect(a.election.isLeader).toBe(false);
    expect(a.stopped).toBe(1);
    store.weather = () => FINE;
    await world.pass(15_000);
    expect(a.working).toBe(true);
    expect(store.record?.transitions).toBe(0);
  });

  it('gives the lease back when stopped, after its work has ended, however long that takes', async () => {
    const a = start('a', { drainMs: 40_000 });
    await world.pass(1000);
    let isStopped = false;
    void a.election.stop().then(() => {
      isStopped = true;
    });
    await world.pass(39_000);
    expect(store.record?.holder).toBe('a');
    expect(isStopped).toBe(false);
    await world.pass(2000);
    expect(isStopped).toBe(true);
    expect(a.stopped).toBe(1);
    expect(store.record?.holder).toBe('');
  });

  it('leads on when somebody else has only labelled the lease', async () => {
    const a = start('a');
    await world.pass(1000);
    store.replace({ ...store.object!, metadata: { ...store.object!.metadata, labels: { by: 'hand' } } });
    await world.pass(20_000);
    expect(a.stopped).toBe(0);
    expect(store.object?.metadata.labels).toEqual({ by: 'hand' });
  });

  it('makes the lease again when it was deleted', async () => {
    const a = start('a');
    await world.pass(1000);
    store.remove();
    await world.pass(20_000);
    expect(a.stopped).toBe(0);
    expect(store.record?.holder).toBe('a');
  });

  it('gives up leadership when its work fails, for others to try, and tries again', async () => {
    let times = 0;
    const a = start('a', {
      onStarted: () => {
        times += 1;
        if (times < 3) throw new Error('work');
      },
    });
    await world.pass(30_000);
    expect(times).toBe(3);
    expect(a.working).toBe(true);
    expect(a.events.filter(({ event }) => event === 'work-threw')).toHaveLength(2);
    expect(a.events.filter(({ event }) => event === 'released')).toHaveLength(2);
  });

  it('goes on at once after a restart under the same identity', async () => {
    const a = start('a');
    await world.pass(1000);
    a.frozenUntil = Infinity; // killed
    a.working = false;
    start('a');
    await world.pass(100);
    expect(workers()).toEqual(['a']);
  });
});

describe('several candidates', () => {
  it('have one leader, whatever their clocks say', async () => {
    start('a', { offset: 5_000_000, dateMs: -86_400_000 });
    await world.pass(100);
    start('b', { offset: -3_000_000, dateMs: 86_400_000 });
    start('c', { dateMs: 3600_000 });
    expect(await follow(120_000)).toEqual(new Set(['a']));
    expect(all[1]?.election.leader).toBe('a');
  });

  it('have a new leader within the retry time when the old one is stopped', async () => {
    const a = start('a');
    await world.pass(100);
    start('b');
    await world.pass(10_000);
    void a.election.stop();
    await world.pass(2500);
    expect(workers()).toEqual(['b']);
    expect(store.record?.transitions).toBe(1);
  });

  it('have a new leader once the lease has run out when the old one was killed', async () => {
    const a = start('a');
    await world.pass(100);
    start('b');
    await world.pass(10_000);
    a.frozenUntil = Infinity;
    a.working = false;
    expect(await follow(14_000)).toEqual(new Set());
    expect(await follow(6000)).toEqual(new Set(['b']));
  });

  it('count a deleted lease as held until its leader must have noticed', async () => {
    const a = start('a');
    await world.pass(100);
    start('b');
    await world.pass(7000);
    store.remove();
    expect(await follow(30_000)).toEqual(new Set(['a']));
    expect(a.stopped).toBe(0);
  });

  it('do so too when they have not seen its last renewals', async () => {
    start('a');
    const b = start('b');
    await world.pass(5500);
    b.frozenUntil = 26_000;
    await world.pass(20_000); // renewed at 25 s
    store.weather = (name) => (name === 'a' ? AWAY : FINE);
    store.remove();
    expect(await follow(15_000)).toEqual(new Set(['a']));
    expect(await follow(10_000)).toEqual(new Set(['b']));
  });

  it('do not take a lease earlier because somebody wrote a short duration into it', async () => {
    start('a');
    await world.pass(100);
    start('b');
    await world.pass(1000);
    const spec = { ...(store.object!['spec'] as object), leaseDurationSeconds: 1 };
    store.replace({ ...store.object!, spec });
    expect(await follow(30_000)).toEqual(new Set(['a']));
  });
});

describe('a take-over', () => {
  it('ends the leader, comes back when it must have stopped, and keeps the others away for its time', async () => {
    start('a', { drainMs: 4000 });
    await world.pass(100);
    start('b');
    await world.pass(7000);
    const job = new Candidate(store, 'job');
    let isOver = false;
    void job.election.takeOver(30_000).then(({ ok }) => {
      isOver = ok;
    });
    await world.pass(14_000);
    expect(isOver).toBe(false);
    await world.pass(2000);
    expect(isOver).toBe(true);
    expect(workers()).toEqual([]);
    expect(await follow(30_000)).toEqual(new Set());
    expect((await follow(20_000)).size).toBe(1);
  });

  it('waits for nobody where nobody leads', async () => {
    const job = new Candidate(store, 'job');
    let isOver = false;
    void job.election.takeOver(30_000).then(({ ok }) => {
      isOver = ok;
    });
    await world.pass(100);
    expect(isOver).toBe(true);
  });

  it('tries again for a while, and says so when it cannot', async () => {
    const job = new Candidate(store, 'job');
    store.weather = () => AWAY;
    let result: unknown;
    void job.election.takeOver(30_000).then((value) => {
      result = value;
    });
    await world.pass(120_000);
    expect(result).toMatchObject({ ok: false, error: { kind: 'unreachable' } });
  });
});

describe('at any time, whatever happens', () => {
  const latency = fc.oneof(
    { weight: 6, arbitrary: fc.nat(200) },
    { weight: 1, arbitrary: fc.nat(6000) },
    { weight: 1, arbitrary: fc.nat(25_000) },
  );
  const weather: fc.Arbitrary<Weather> = fc.record({
    thereMs: latency,
    backMs: latency,
    lost: fc.constantFrom('no', 'no', 'no', 'no', 'question', 'answer'),
  });
  const deed = fc.oneof(
    { weight: 4, arbitrary: fc.record({ what: fc.constant('pass'), ms: fc.nat(20_000), who: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('restart'), ms: fc.nat(3000), who: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('outage'), ms: fc.nat(40_000), who: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('label'), ms: fc.nat(3000), who: fc.nat(2) }) },
  );
  const process = fc.record({
    offset: fc.integer({ min: -1e9, max: 1e9 }),
    rate: fc.double({ min: 0.99, max: 1.01, noNaN: true }),
    drainMs: fc.nat(4000),
    dateMs: fc.integer({ min: -1e9, max: 1e9 }),
  });

  /** Runs the deeds; `check` after everything that happens. */
  async function live(
    deeds: readonly { what: string; ms: number; who: number }[],
    check: () => void,
    deal: (what: string, ms: number, who: number) => void,
  ): Promise<void> {
    world.watch = check;
    for (const { what, ms, who } of deeds) {
      deal(what, ms, who);
      await world.pass(ms);
    }
  }

  function prepare(processes: readonly ProcessOptions[], weathers: readonly Weather[]): void {
    world = new World();
    store = new LeaseStore(world);
    all = [];
    let turn = 0;
    store.weather = () => {
      turn += 1;
      return weathers[turn % weathers.length] ?? FINE;
    };
    processes.forEach((options, index) => start(`p${index}`, options));
  }

  const scene = [
    fc.array(process, { minLength: 2, maxLength: 3 }),
    fc.array(weather, { minLength: 1, maxLength: 20 }),
    fc.array(deed, { minLength: 3, maxLength: 12 }),
  ] as const;

  it('no two work at once, their last moments included, and somebody leads in the end', async () => {
    await fc.assert(
      fc.asyncProperty(...scene, async (processes, weathers, deeds) => {
        prepare(processes, weathers);
        let restarts = 0;
        const deal = (what: string, ms: number, who: number): void => {
          const chosen = all[who % all.length]!;
          if (what === 'restart') {
            void chosen.election.stop();
            restarts += 1;
            start(`p${who}-${restarts}`, processes[who % processes.length]);
          } else if (what === 'label' && store.object !== undefined) store.replace(store.object);
          else if (what === 'outage') {
            const before = store.weather;
            store.weather = () => AWAY;
            world.at(world.now + ms, () => {
              store.weather = before;
            });
          }
        };
        await live(deeds, () => expect(workers().length).toBeLessThanOrEqual(1), deal);
        store.weather = () => FINE;
        await world.pass(120_000);
        expect(workers()).toHaveLength(1);
      }),
      { numRuns: 150 },
    );
  });

  it('no two believe to lead, even when processes freeze', async () => {
    await fc.assert(
      fc.asyncProperty(...scene, async (processes, weathers, deeds) => {
        prepare(processes, weathers);
        const believers = (): number => all.filter((one) => !one.isFrozen && one.election.isLeader).length;
        const deal = (what: string, ms: number, who: number): void => {
          const chosen = all[who % all.length]!;
          if (what !== 'pass') chosen.frozenUntil = world.now + ms;
        };
        await live(deeds, () => expect(believers()).toBeLessThanOrEqual(1), deal);
      }),
      { numRuns: 150 },
    );
  });
});
