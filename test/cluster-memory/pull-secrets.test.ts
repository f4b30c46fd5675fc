import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PullSecrets } from '../../src/cluster/pull-secrets.ts';
import { SECRET_LIMITS } from '../../src/cluster/secret-memory.ts';
import type { SecretReading } from '../../src/domain/pod-credentials.ts';
import { SECRETS } from '../../src/kubernetes/resource.ts';
import { makeAdmission, makeRequest } from '../support/admission.ts';
import { failure, MemoryCluster } from '../support/cluster.ts';
import { makePod, makeSet } from '../support/make.ts';

let api: MemoryCluster;
let now = 0;
let secrets: PullSecrets;

beforeEach(() => {
  api = new MemoryCluster();
  now = 1_000;
  secrets = new PullSecrets({ api, now: () => now, waitMs: 40 });
});
afterEach(() => secrets.close());

function put(name: string, user: string, annotations: Record<string, string> = {}): void {
  const config = JSON.stringify({ auths: { 'fra.ocir.io': { username: user, password: 'geheim' } } });
  const data = { '.dockerconfigjson': Buffer.from(config).toString('base64') };
  const metadata = { namespace: 'shop', name, annotations };
  api.put(SECRETS, { metadata, type: 'kubernetes.io/dockerconfigjson', data });
}

async function read(...names: string[]): Promise<readonly SecretReading[]> {
  return secrets.read('shop', names);
}

function user(reading: SecretReading | undefined): string | undefined {
  return reading?.state === 'parsed' ? reading.secret.entries[0]?.credential.username : reading?.state;
}

/** What is known without a promise; undefined when somebody has to be asked. */
function recall(name: string): SecretReading | undefined {
  const readings = secrets.read('shop', [name]);
  return readings instanceof Promise ? undefined : readings[0];
}

describe('PullSecrets', () => {
  it('reads by name, once for pods that come together, and answers from memory then', async () => {
    put('a', 'anna');
    const [first, second] = await Promise.all([read('a', 'gone'), read('a')]);
    expect(first?.map(user)).toEqual(['anna', 'absent']);
    expect(second?.[0]).toBe(first?.[0]);
    expect(api.count('get')).toBe(2);
    expect(recall('a')).toBe(first?.[0]);
  });

  it('lets no namespace take all the calls', async () => {
    put('a', 'anna');
    const many = Array.from({ length: 100 }, (_, index) => `random-${index}`);
    const crowd = secrets.read('crowd', many);
    const [reading] = await read('a');
    expect(user(reading)).toBe('anna');
    const states = (await crowd).map(({ state }) => state);
    expect(states.filter((state) => state === 'absent')).toHaveLength(32);
    expect(states.filter((state) => state === 'unread')).toHaveLength(68);
    expect((await secrets.read('crowd', ['later']))[0]?.state).toBe('absent');
  });

  it('answers nothing asked without a promise', () => {
    expect(secrets.read('shop', [])).toEqual([]);
  });

  it('serves the old reading while one refresh runs, and the same object for the same content', async () => {
    put('a', 'anna');
    const [first] = await read('a');
    now += SECRET_LIMITS.freshMs;
    put('a', 'anna', { touched: 'yes' });
    expect(recall('a')).toBe(first);
    expect(recall('a')).toBe(first);
    await api.settle();
    expect(api.count('get')).toBe(2);
    expect(recall('a')).toBe(first);
    now += SECRET_LIMITS.freshMs;
    put('a', 'berta');
    expect(recall('a')).toBe(first);
    await api.settle();
    expect(user(recall('a'))).toBe('berta');
  });

  it('asks again for an absent secret after 5 s: it may have been made', async () => {
    const [absent] = await read('a');
    put('a', 'anna');
    now += SECRET_LIMITS.absentMs - 1;
    expect(recall('a')).toBe(absent);
    now += 1;
    expect(recall('a')).toBeUndefined();
    expect(user((await read('a'))[0])).toBe('anna');
  });

  it('drops what it knew when the secret is gone, or the right to read it', async () => {
    put('a', 'anna');
    put('b', 'berta');
    await read('a', 'b');
    now += SECRET_LIMITS.freshMs;
    api.take(SECRETS, { namespace: 'shop', name: 'a' });
    api.fault = ({ name }) => (name === 'b' ? failure('forbidden') : undefined);
    await read('a', 'b');
    await api.settle();
    expect((await read('a', 'b')).map(user)).toEqual(['absent', 'unread']);
    api.fault = () => undefined;
    now += SECRET_LIMITS.failedMs - 1;
    expect(user(recall('b'))).toBe('unread');
    now += 1;
    expect(user((await read('b'))[0])).toBe('berta');
  });

  it('serves the last good reading for 10 minutes while the API server is away, and asks seldom', async () => {
    put('a', 'anna');
    const [first] = await read('a');
    now += SECRET_LIMITS.freshMs;
    api.goAway();
    recall('a');
    await api.settle();
    expect(recall('a')).toBe(first);
    expect(api.count('get')).toBe(2);
    now = 1_000 + SECRET_LIMITS.lastGoodMs - 1;
    expect(recall('a')).toBe(first);
    await api.settle();
    now += SECRET_LIMITS.failedMs;
    expect((await read('a')).map(user)).toEqual(['unread']);
    expect((await read('never-seen')).map(user)).toEqual(['unread']);
  });

  it('does not wait for an API server that is slow, and knows it for the next pod', async () => {
    put('a', 'anna');
    let answer: () => void = () => {};
    const answered = new Promise<void>((resolve) => (answer = resolve));
    api.before = () => answered;
    // The API server answers nothing before this has been answered.
    expect((await read('a')).map(user)).toEqual(['unread']);
    answer();
    await answered;
    await api.settle();
    expect(user(recall('a'))).toBe('anna');
    expect(api.count('get')).toBe(1);
  });

  it('waits for nothing when the pod has no time left, and knows it for the next one', async () => {
    put('a', 'anna');
    const readings = secrets.read('shop', ['a'], 0);
    expect(readings).toEqual([{ name: 'a', state: 'unread' }]);
    await api.settle();
    expect(user(recall('a'))).toBe('anna');
  });

  it('never reads a derived secret: its content is computed', () => {
    const name = 'registry-failover-from-a';
    const reading = recall(name);
    expect(reading).toEqual({ name, state: 'absent' });
    expect(recall(name)).toBe(reading);
    expect(api.calls).toEqual([]);
  });

  it('tells a secret that the kubelet could not decode from one that it passes over', async () => {
    const metadata = { namespace: 'shop', name: 'broken' };
    const data = { '.dockerconfigjson': Buffer.from('{').toString('base64') };
    api.put(SECRETS, { metadata, type: 'kubernetes.io/dockerconfigjson', data });
    api.put(SECRETS, { metadata: { namespace: 'shop', name: 'opaque' }, type: 'Opaque', data });
    const readings = await read('broken', 'opaque');
    expect(readings.map(({ state }) => state)).toEqual(['broken', 'absent']);
    expect(JSON.stringify(readings)).not.toContain('geheim');
    now += SECRET_LIMITS.freshMs;
    await read('broken', 'opaque');
    await api.settle();
    expect(recall('opaque')).toBe(readings[1]);
  });

  it('honours what the API server says about asking again', async () => {
    api.fault = () => ({ ...failure('throttled'), retryAfterMs: 20_000 });
    await read('a');
    now += 19_999;
    expect(user(recall('a'))).toBe('unread');
    now += 1;
    expect(recall('a')).toBeUndefined();
  });
});

describe('admit, over PullSecrets', () => {
  it('answers without a promise once the pod’s secrets are known, also while they are refreshed', async () => {
    put('a', 'anna');
    const { admission, prober } = makeAdmission([makeSet('fra.ocir.io', ['ams.ocir.io'])], {
      secretSource: secrets,
    });
    prober.inMemory = true;
    const names = ['a', 'gone', 'registry-failover-from-a'];
    const request = makeRequest(makePod(['fra.ocir.io/team/app:1'], { pullSecrets: names }));
    const first = admission.admit(request);
    expect(first).toBeInstanceOf(Promise);
    await first;
    expect(admission.admit(request)).not.toBeInstanceOf(Promise);
    await read('gone');
    now += SECRET_LIMITS.absentMs - 1;
    expect(admission.admit(request)).not.toBeInstanceOf(Promise);
    const known = makeRequest(makePod(['fra.ocir.io/team/app:1'], { pullSecrets: ['a'] }));
    now += SECRET_LIMITS.freshMs;
    expect(admission.admit(known)).not.toBeInstanceOf(Promise);
    api.goAway();
    now += SECRET_LIMITS.freshMs;
    expect(admission.admit(known)).not.toBeInstanceOf(Promise);
  });

  it('keeps the pod’s own deadline: with no time to ask it does not wait for secrets', () => {
    const { admission, prober } = makeAdmission([makeSet('fra.ocir.io', ['ams.ocir.io'])], {
      secretSource: secrets,
    });
    const request = makeRequest(makePod(['fra.ocir.io/team/app:1'], { pullSecrets: ['a'] }));
    // The API server rounds up: of one second nothing may be left.
    expect(admission.admit(request, 1_000)).toMatchObject({ decisions: [{ reason: 'credential-unread' }] });
    expect(prober.asked).toEqual([]);
  });
});
