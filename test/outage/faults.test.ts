// Every fault that a registry can have, at the upstream and at the mirror: the decision, the time, and whose credential
// was seen where. Real TLS servers, the real engine; nothing is simulated but the misbehaviour.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DnsServer } from '../support/dns-server.ts';
import { makePod } from '../support/make.ts';
import { makeRequest } from '../support/admission.ts';
import type { Fault } from '../support/misbehaving-registry.ts';
import { FAULTS } from '../support/misbehaving-registry.ts';
import { TIMES, pairSet, sharedCredentialSet, shownTo, startEngine, startPair } from '../support/outage.ts';
import type { Pair } from '../support/outage.ts';
import { AMS, FRA } from '../support/outage.ts';

/** What each fault at the upstream comes to while the mirror is well. */
const AT_UPSTREAM: Readonly<Record<Fault, string>> = {
  none: 'upstream-available',
  refused: 'upstream-unreachable',
  tlsNeverAnswers: 'upstream-unreachable',
  silent: 'upstream-slow',
  slowHeaders: 'upstream-slow',
  // Its token server is as slow.
  slowBody: 'upstream-slow',
  reset: 'upstream-unreachable',
  garbageHttp: 'upstream-failing',
  tlsExpired: 'upstream-unreachable',
  tlsWrongName: 'upstream-unreachable',
  tlsUnknownCa: 'upstream-unreachable',
  loop401: 'upstream-denied',
  forbidden: 'upstream-denied',
  notFound: 'upstream-missing',
  headRefused: 'upstream-available',
  throttled: 'upstream-throttled',
  rateLimitUsedUp: 'upstream-throttled',
  error500: 'upstream-failing',
  error503: 'upstream-failing',
  noDigest: 'upstream-available',
  // A HEAD cannot show the lie; whoever pulls the tag finds it out by the digest.
  lyingDigest: 'upstream-available',
  endlessBody: 'upstream-failing',
  redirectLoop: 'upstream-failing',
  redirectPrivate: 'upstream-denied',
  redirectPlain: 'upstream-denied',
  garbageJson: 'upstream-failing',
  garbageChallenge: 'upstream-denied',
  realmPlain: 'upstream-denied',
  tokenSilent: 'upstream-slow',
  tokenError: 'upstream-failing',
  tokenDenied: 'upstream-denied',
  tokenThrottled: 'upstream-throttled',
  tokenPostOnly: 'upstream-available',
  tokenRefused: 'upstream-denied',
  // These two concern reused connections, and every question here is the first.
  staleReset: 'upstream-available',
  staleSilent: 'upstream-available',
};

/** Faults of the mirror through which it still serves. */
const STILL_SERVES: ReadonlySet<Fault> = new Set(
  FAULTS.filter((fault) => AT_UPSTREAM[fault] === 'upstream-available'),
);

let pair: Pair;
beforeAll(async () => {
  pair = await startPair(['127.0.11.1', '127.0.11.2']);
});
afterAll(() => pair.stop());
afterEach(async () => {
  for (const registry of [pair.fra, pair.ams]) {
    registry.fault = 'none';
    await registry.settled();
    registry.forget();
  }
});

/** Where the pod is answered before its deadline: a busy machine has time for that. */
const PATIENT = { ...TIMES, probeTimeoutMs: 1500, budgetMs: 2000 };

/** Admits one pod with a fresh memory. `kind` says which credential the mirror takes. */
async function admitOne(kind: 'own' | 'shared' = 'shared', times = PATIENT) {
  const set = kind === 'own' ? pairSet(pair) : sharedCredentialSet(pair);
  const { engine, records } = startEngine(pair, [set], { times });
  const pod = makePod([`${pair.fra.hostPort}/team/app:1.0`], { pullSecrets: ['fra-pull'] });
  const started = performance.now();
  const verdict = await engine.admission.admit(makeRequest(pod), 3000);
  const ms = performance.now() - started;
  await engine.close();
  return { verdict, ms, decision: verdict.decisions[0], record: records[0] };
}

function expectNoStrays(): void {
  const fra = `${FRA.username}:${FRA.password}`;
  const ams = `${AMS.username}:${AMS.password}`;
  expect([[], [fra]]).toContainEqual(shownTo(pair.fra));
  expect([[], [ams]]).toContainEqual(shownTo(pair.ams));
}

// Whoever measures time is tried again: the machine may be busy with something else.
describe('a fault at the upstream', { retry: 2 }, () => {
  it.each(FAULTS)('%s', async (fault) => {
    pair.fra.fault = fault;
    await pair.fra.settled();
    // One that is slow takes all the time there is.
    const times = AT_UPSTREAM[fault] === 'upstream-slow' ? TIMES : PATIENT;
    const { decision, ms, record } = await admitOne('own', times);
    const missing = AT_UPSTREAM[fault] === 'upstream-missing';
    // The operator's own credential must not grant what the upstream says it does not have.
    expect(decision?.reason).toBe(missing ? 'no-mirror-available' : AT_UPSTREAM[fault]);
    const leaves = ['unreachable', 'failing', 'throttled'].some((word) => AT_UPSTREAM[fault].endsWith(word));
    expect(decision?.image).toBe(`${leaves ? pair.ams.hostPort : pair.fra.hostPort}/team/app:1.0`);
    expect(ms).toBeLessThan(times.budgetMs + 250);
    expectNoStrays();
    expect(JSON.stringify(record)).not.toMatch(/secret-[12]/);
  });
});

describe('DNS', { retry: 2 }, () => {
  it.each([
    { at: 'upstream', how: 'knows no address', reason: 'upstream-unreachable', action: 'rewrite' },
    { at: 'upstream', how: 'does not answer', reason: 'upstream-unreachable', action: 'rewrite' },
    { at: 'mirror', how: 'knows no address', reason: 'no-mirror-available', action: 'keep' },
    { at: 'mirror', how: 'does not answer', reason: 'no-mirror-available', action: 'keep' },
  ])('$how for the $at', async ({ at, how, reason, action }) => {
    const dns = await DnsServer.start('127.0.11.3');
    const lost = at === 'upstream' ? 'fra.registry.test' : 'ams.registry.test';
    if (how === 'does not answer') dns.silentZones.add(lost);
    const known = at === 'upstream' ? pair.ams : pair.fra;
    if (at === 'mirror') pair.fra.fault = 'refused';
    await pair.fra.settled();
    const { engine } = startEngine(pair, [pairSet(pair)], {
      names: {
        fixed: { [known.name]: [known.address] },
        servers: [dns.server],
        hostsFile: '/nonexistent',
      },
    });
    const pod = makePod([`${pair.fra.hostPort}/team/app:1.0`], { pullSecrets: ['fra-pull'] });
    const started = performance.now();
    const verdict = await engine.admission.admit(makeRequest(pod), 3000);
    expect(performance.now() - started).toBeLessThan(TIMES.budgetMs + 100);
    expect(verdict.decisions[0]).toMatchObject({ reason, action });
    expect(verdict.decisions[0]?.answers[at === 'upstream' ? 0 : 1]?.detail).toContain('DNS');
    expectNoStrays();
    await engine.close();
    await dns.stop();
  });
});

describe('one dial that fails', () => {
  it('is one failure, however many images of a pod waited for it', async () => {
    pair.fra.fault = 'refused';
    await pair.fra.settled();
    const set = sharedCredentialSet(pair);
    const { engine } = startEngine(pair, [set]);
    const states: string[] = [];
    const { health } = engine;
    const observe = health.observe.bind(health);
    health.observe = (endpoint, evidence) => {
      const state = observe(endpoint, evidence);
      if (evidence.kind === 'connection-failed') states.push(state.status);
      return state;
    };
    const images = ['1.0', '1.1', '1.2', '1.3'].map((tag) => `${pair.fra.hostPort}/team/app:${tag}`);
    await engine.admission.admit(makeRequest(makePod(images, { pullSecrets: ['fra-pull'] })), 3000);
    expect(states).toEqual(['unknown', 'unknown', 'unknown', 'unknown']);
    await engine.close();
  });
});

describe('an upstream that serves an image and says that its limit is used up', () => {
  it('has said which build it is: a mirror is held to that', async () => {
    pair.fra.fault = 'rateLimitUsedUp';
    await pair.fra.settled();
    const { engine } = startEngine(pair, [pairSet(pair, { digestPolicy: 'Require' })], {
      times: PATIENT,
    });
    const pod = makePod([`${pair.fra.hostPort}/team/app:1.0`], { pullSecrets: ['fra-pull'] });
    const verdict = await engine.admission.admit(makeRequest(pod), 3000);
    expect(verdict.decisions[0]).toMatchObject({ reason: 'upstream-throttled', digest: 'verified' });
    await engine.close();
  });
});

describe('a fault at the mirror while the upstream is refused', { retry: 2 }, () => {
  it.each(FAULTS)('%s', async (fault) => {
    pair.fra.fault = 'refused';
    pair.ams.fault = fault;
    await Promise.all([pair.fra.settled(), pair.ams.settled()]);
    const times = STILL_SERVES.has(fault) ? PATIENT : TIMES;
    const { decision, ms } = await admitOne('own', times);
    const action = STILL_SERVES.has(fault) ? 'rewrite' : 'keep';
    expect(decision?.action).toBe(action);
    if (action === 'keep') expect(decision?.reason).toBe('no-mirror-available');
    expect(ms).toBeLessThan(times.budgetMs + 250);
    expectNoStrays();
  });
});

describe('an image deleted at the upstream', () => {
  it('comes from a mirror that takes the pod’s own credential', async () => {
    pair.fra.fault = 'notFound';
    // Both registries know the pod's credential here, as two regions of one provider do.
    const { decision } = await admitOne('shared');
    expect(decision?.answers[0]?.outcome).toBe('missing');
    expect(shownTo(pair.ams)).toEqual([`${FRA.username}:${FRA.password}`]);
  });
});
