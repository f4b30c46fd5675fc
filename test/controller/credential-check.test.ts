// Credentials proven at mirrors: by a clock that is turned, and against a real registry that counts logins.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CredentialChecker } from '../../src/controller/credential-check.ts';
import type { EventReport } from '../../src/controller/event-sink.ts';
import { buildImage } from '../../src/demo/image.ts';
import type { DemoRegistry } from '../../src/demo/registry.ts';
import type { CheckSubject } from '../../src/domain/check-plan.ts';
import { Credential } from '../../src/domain/credential.ts';
import type { ManifestQuestion } from '../../src/domain/manifest-question.ts';
import type { Finding, Outcome } from '../../src/domain/outcome.ts';
import { ManifestClient } from '../../src/registry/manifest-client.ts';
import { DemoBench } from '../support/demo-registry.ts';
import { makeSet } from '../support/make.ts';

const MINUTE = 60_000;
const SECOND = 1_000;
const SET = makeSet('fra.ocir.io', ['ams.ocir.io'], {
  name: 'ocir',
  canary: { repository: 'probe', tag: '1' },
});

type Ask = (question: ManifestQuestion, budgetMs: number) => Promise<Finding>;

let subjects: CheckSubject[];
let listeners: Set<() => void>;
let asked: { readonly at: number; readonly who: string }[];
let events: EventReport[];
let counts: ReadonlyMap<string, number>;
let faults: unknown[];
let answer: (question: ManifestQuestion) => Outcome | Promise<Outcome>;
let checker: CredentialChecker;
let controller: AbortController;
let running: Promise<void>;
/** Milliseconds that the clock was put forward. */
let skipped: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  subjects = [];
  listeners = new Set();
  asked = [];
  events = [];
  counts = new Map();
  faults = [];
  skipped = 0;
  answer = () => 'available';
});
afterEach(async () => {
  controller.abort();
  await running;
  vi.useRealTimers();
});

const askScript: Ask = async (question) => {
  const { credential } = question;
  asked.push({ at: performance.now(), who: `${credential?.username}:${credential?.password()}` });
  const outcome = await answer(question);
  return { outcome, evidence: 'answered', ...(outcome === 'denied' ? { detail: 'no way in' } : {}) };
};

function start(head: Ask = askScript): void {
  checker = new CredentialChecker({
    asker: { head },
    subjects: {
      subjects: () => subjects,
      onChange: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    fingerprint: (credential) =>
      createHash('sha256')
        .update(credential?.basic() ?? '')
        .digest('hex')
        .slice(0, 8),
    events: { report: (event) => events.push(event) },
    meter: {
      credentialsRefused: (byEndpoint) => {
        counts = byEndpoint;
      },
    },
    clock: { now: () => performance.now() + skipped, wall: () => Date.now() },
    random: () => 0.5,
    onFault: (error) => faults.push(error),
  });
  run();
}

function run(): void {
  controller = new AbortController();
  running = checker.start(controller.signal);
}

function declare(...found: CheckSubject[]): void {
  subjects = found;
  for (const listener of listeners) listener();
}

function makeSubject(password: string, over: { username?: string; namespace?: string } = {}): CheckSubject {
  const credential = new Credential({ username: over.username ?? 'robot', password });
  const entries = [{ key: 'ams.ocir.io', credential }];
  const secret = { name: 'registry-failover-from-regcred', uid: 'u1', entries };
  return { set: SET, namespace: over.namespace ?? 'shop', secret, images: [] };
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

function whenAsked(): number[] {
  return asked.map(({ at }) => Math.round(at / SECOND));
}

describe('CredentialChecker', () => {
  it('tries what is there at the start within half a minute, and again every half hour', async () => {
    const begin = performance.now();
    subjects = [makeSubject('a')];
    start();
    await pass(5 * SECOND);
    expect(asked).toEqual([]);
    await pass(25 * SECOND);
    expect(asked).toHaveLength(1);
    await pass(60 * MINUTE);
    expect(asked).toHaveLength(3);
    expect(asked[2]!.at - begin).toBeGreaterThan(60 * MINUTE);
    expect(checker.refused()).toEqual([]);
    expect([...counts]).toEqual([['ams.ocir.io', 0]]);
  });

  it('bears ten refusals in ten minutes from one namespace, and tries the others all the same', async () => {
    answer = ({ credential }) => (credential?.username === 'good' ? 'available' : 'denied');
    start();
    await pass(SECOND);
    const guesses = Array.from({ length: 200 }, (_, index) => {
      const subject = makeSubject('wrong', { username: `guess-${index}`, namespace: 'hostile' });
      return { ...subject, secret: { ...subject.secret, name: `registry-failover-from-${index}` } };
    });
    declare(...guesses, makeSubject('right', { username: 'good', namespace: 'shop' }));
    await pass(MINUTE);
    expect(asked.map(({ who }) => who)).toContain('good:right');
    // Those under way when the tenth is refused are not called back.
    expect(asked.length).toBeLessThanOrEqual(10 + 3 + 1);
    await pass(10 * MINUTE);
    expect(asked.length).toBeGreaterThan(20);
    expect(asked.length).toBeLessThanOrEqual(2 * 13 + 1);
  });

  it('tries a credential that changes at once', async () => {
    start();
    await pass(SECOND);
    declare(makeSubject('a'));
    await pass(SECOND);
    expect(asked).toHaveLength(1);
    await pass(5 * MINUTE);
    declare(makeSubject('b'));
    await pass(SECOND);
    expect(asked.map(({ who }) => who)).toEqual(['robot:a', 'robot:b']);
  });

  it('tells of a refusal: rows, change, gauge, one event for each secret', async () => {
    answer = () => 'denied';
    start();
    await pass(SECOND);
    let changes = 0;
    checker.onChange(() => {
      changes += 1;
    });
    declare(makeSubject('a'), makeSubject('a', { namespace: 'crew' }));
    await pass(SECOND);
    expect(asked).toHaveLength(1);
    expect(checker.refused()).toMatchObject([
      {
        set: 'ocir',
        namespace: 'crew',
        secret: 'registry-failover-from-regcred',
        endpoint: 'ams.ocir.io',
        message: 'no way in',
      },
      { namespace: 'shop' },
    ]);
    expect(changes).toBe(1);
    expect([...counts]).toEqual([['ams.ocir.io', 1]]);
    expect(events).toHaveLength(2);
    expect(events[0]).toMatchObject({
      regarding: { kind: 'Secret', namespace: 'crew', name: 'registry-failover-from-regcred', uid: 'u1' },
      type: 'Warning',
      reason: 'CredentialRefused',
    });
    expect(events[0]?.note).toContain('ams.ocir.io refuses the credential in this pull secret (no way in)');
    await pass(60 * MINUTE);
    expect(events).toHaveLength(2);
    expect(changes).toBe(1);
  });

  it('takes it back when the mirror takes the credential', async () => {
    answer = () => 'denied';
    start();
    await pass(SECOND);
    declare(makeSubject('a'));
    await pass(SECOND);
    answer = () => 'missing';
    await pass(6 * MINUTE);
    expect(checker.refused()).toEqual([]);
    expect([...counts]).toEqual([['ams.ocir.io', 0]]);
  });

  it('keeps a refusal through an outage, and forgets it with the secret', async () => {
    answer = () => 'denied';
    start();
    await pass(SECOND);
    declare(makeSubject('a'));
    await pass(SECOND);
    const before = checker.refused();
    answer = () => 'unreachable';
    await pass(60 * MINUTE);
    expect(asked.length).toBeGreaterThan(1);
    expect(checker.refused()).toBe(before);
    declare();
    await pass(SECOND);
    expect(checker.refused()).toEqual([]);
    expect([...counts]).toEqual([]);
  });

  it('tries a refused credential less and less often', async () => {
    answer = () => 'denied';
    start();
    await pass(SECOND);
    declare(makeSubject('a'));
    await pass(24 * 60 * MINUTE);
    const [first = 0, ...rest] = whenAsked();
    expect(rest.map((at) => Math.round((at - first) / 60))).toEqual([
      5, 15, 35, 75, 155, 315, 635, 995, 1355,
    ]);
  });

  it('tries an account three times in ten minutes at most, however often its password changes', async () => {
    answer = () => 'denied';
    start();
    await pass(SECOND);
    for (let change = 0; change < 120; change += 1) {
      declare(makeSubject(`guess ${change}`));
      await pass(15 * SECOND);
    }
    const times = asked.map(({ at }) => at);
    expect(times.length).toBeGreaterThan(6);
    for (const [index, at] of times.entries()) {
      const recent = times.slice(0, index).filter((other) => at - other < 10 * MINUTE);
      expect(recent.length).toBeLessThan(3);
    }
  });

  it('does not try again what was put back', async () => {
    answer = () => 'denied';
    start();
    await pass(SECOND);
    declare(makeSubject('a'));
    await pass(SECOND);
    declare(makeSubject('b', { username: 'other' }));
    await pass(SECOND);
    declare(makeSubject('a'));
    await pass(MINUTE);
    expect(asked.map(({ who }) => who)).toEqual(['robot:a', 'other:b']);
    expect(checker.refused()).toHaveLength(1);
  });

  it('asks a few at a time', async () => {
    let [now, most] = [0, 0];
    answer = async () => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setTimeout(resolve, SECOND));
      now -= 1;
      return 'available' as const;
    };
    start();
    await pass(SECOND);
    declare(...Array.from({ length: 40 }, (_, index) => makeSubject('a', { username: `robot${index}` })));
    await pass(15 * SECOND);
    expect(asked).toHaveLength(40);
    expect(most).toBe(4);
  });

  it('says nothing when it does not lead, and remembers what it has tried', async () => {
    answer = () => 'denied';
    start();
    await pass(SECOND);
    declare(makeSubject('a'));
    await pass(SECOND);
    controller.abort();
    await running;
    expect(checker.refused()).toEqual([]);
    run();
    await pass(MINUTE);
    expect(checker.refused()).toHaveLength(1);
    expect(asked).toHaveLength(1);
  });

  it('goes on after a fault of a listener, of the subjects or of the client', async () => {
    answer = () => 'denied';
    start();
    await pass(SECOND);
    const end = checker.onChange(() => {
      throw new Error('listener');
    });
    declare(makeSubject('a'));
    await pass(SECOND);
    end();
    answer = () => Promise.reject(new Error('client'));
    await pass(10 * MINUTE);
    expect(new Set(faults.map(String))).toEqual(new Set(['Error: listener', 'Error: client']));
    answer = () => 'available';
    await pass(10 * MINUTE);
    expect(checker.refused()).toEqual([]);
  });
});

describe('CredentialChecker at a registry', () => {
  it('proves the password of today, not a token that is remembered', async () => {
    vi.useRealTimers();
    const bench = await DemoBench.create();
    const startRegistry = async (password: string, fixed?: number): Promise<DemoRegistry> => {
      const account = { username: 'robot', password: () => password };
      const registry = await bench.registry({ address: '127.0.0.3', account, port: fixed ?? 0 });
      registry.publish('probe', '1', buildImage({ text: 'canary' }));
      return registry;
    };
    const registry = await startRegistry('right');
    const trust = { pem: bench.ca, sha256: createHash('sha256').update(bench.ca).digest('hex') };
    const { address, port } = registry.where;
    const at = `${address}:${port}`;
    const set = makeSet('fra.ocir.io', [], { canary: SET.canary });
    const endpoint = { host: at, path: '', hostname: address, port, trust, key: `https://${at}#x` };
    const mirror = { ...SET.mirrors[0]!, endpoint };
    const client = new ManifestClient();
    const heads: Finding[] = [];
    start(async (question, budgetMs) => {
      const finding = await client.head(question, budgetMs);
      heads.push(finding);
      return finding;
    });
    const subject = makeSubject('right');
    const secret = { ...subject.secret, entries: [{ ...subject.secret.entries[0]!, key: at }] };
    declare({ ...subject, set: { ...set, mirrors: [mirror] }, secret });
    await vi.waitFor(() => expect(heads).toHaveLength(1), { timeout: 15_000 });
    // Whatever changes has it look at the clock.
    skipped = 60 * MINUTE;
    declare(...subjects);
    await vi.waitFor(() => expect(heads).toHaveLength(2), { timeout: 15_000 });
    expect(heads.map(({ outcome }) => outcome)).toEqual(['available', 'available']);
    expect(registry.requests.filter(({ path }) => path === '/token')).toHaveLength(2);
    await registry.stop();
    const changed = await startRegistry('changed', port);
    skipped = 120 * MINUTE;
    declare(...subjects);
    await vi.waitFor(() => expect(checker.refused()).toHaveLength(1), { timeout: 15_000 });
    expect(checker.refused()[0]).toMatchObject({ endpoint: at, namespace: 'shop' });
    expect(checker.refused()[0]?.message).toContain('401');
    expect(changed.requests.filter(({ shown }) => shown === 'wrong password')).toHaveLength(1);
    await client.close();
    await bench.stop();
  });
});
