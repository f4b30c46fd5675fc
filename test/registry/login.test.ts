import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Credential } from '../../src/domain/credential.ts';
import type { ManifestClient } from '../../src/registry/manifest-client.ts';
import type { TransportHooks } from '../../src/transport/message.ts';
import { indexManifest, MisbehavingRegistry, type RegistryOptions } from '../support/misbehaving-registry.ts';
import { clientFor, questionOf } from './client.ts';

const PASSWORD = 'S3cr3t-of-fra';
const credential = new Credential({ username: 'puller', password: PASSWORD });
const images = {
  'team/app': { '1.0': indexManifest() },
  'team/other': { '1.0': indexManifest([], 'other') },
};
const settings = { dialTimeoutMs: 3000, hedgeMs: 1000, probeTimeoutMs: 4000 };
const running: MisbehavingRegistry[] = [];
let auth: MisbehavingRegistry;
let fra: MisbehavingRegistry;
let basic: MisbehavingRegistry;
let client: ManifestClient | undefined;

async function start(options: RegistryOptions): Promise<MisbehavingRegistry> {
  const registry = await MisbehavingRegistry.start({ images, ...options });
  running.push(registry);
  return registry;
}

beforeAll(async () => {
  const login = { credential: { username: 'puller', password: PASSWORD } };
  auth = await start({ name: 'auth.registry.test', address: '127.0.1.21', ...login });
  const realm = `https://${auth.hostPort}/token`;
  fra = await start({ name: 'fra.registry.test', address: '127.0.1.22', ...login, realm });
  basic = await start({ name: 'basic.registry.test', address: '127.0.1.23', ...login, auth: 'basic' });
  // One set of tokens: what the token server issues, the registry accepts.
  auth.issuedTo(fra);
});
afterAll(() => Promise.all(running.map((registry) => registry.stop())));
afterEach(async () => {
  await client?.close();
  for (const registry of running) {
    registry.fault = 'none';
    await registry.settled();
    registry.cutConnections();
    registry.forget();
    registry.tokens.clear();
  }
});

function newClient(hooks: TransportHooks = {}): ManifestClient {
  client = clientFor(running, { settings, hooks });
  return client;
}

function pathsOf(registry: MisbehavingRegistry): string[] {
  return registry.requests.map(({ method, url }) => `${method} ${url}`);
}

describe('logging in by tokens', () => {
  it('asks the token server for the pull of this repository, once for many questions', async () => {
    const asker = newClient();
    const all = await Promise.all(
      Array.from({ length: 12 }, () => asker.head(questionOf(fra, credential), 3000)),
    );
    expect(new Set(all.map(({ outcome }) => outcome))).toEqual(new Set(['available']));
    expect(pathsOf(auth)).toEqual([
      'GET /token?service=fra.registry.test&scope=repository%3Ateam%2Fapp%3Apull&account=puller',
    ]);
  });

  it('remembers the way: the second question is one exchange', async () => {
    const asker = newClient();
    await asker.head(questionOf(fra, credential), 3000);
    fra.forget();
    expect(await asker.head(questionOf(fra, credential), 3000)).toMatchObject({ outcome: 'available' });
    expect(pathsOf(fra)).toEqual(['HEAD /v2/team/app/manifests/1.0']);
  });

  it('shares no token between credentials or repositories', async () => {
    const asker = newClient();
    const other = new Credential({ username: 'puller', password: 'wrong' });
    await asker.head(questionOf(fra, credential), 3000);
    expect(await asker.head(questionOf(fra, other, { fingerprint: 'other' }), 3000)).toMatchObject({
      outcome: 'denied',
    });
    await asker.head(questionOf(fra, credential, { repository: 'team/other' }), 3000);
    expect(auth.requests).toHaveLength(3);
  });

  it('renews a remembered token that is refused, once', async () => {
    const asker = newClient();
    await asker.head(questionOf(fra, credential), 3000);
    auth.tokens.clear();
    fra.tokens.clear();
    expect(await asker.head(questionOf(fra, credential), 3000)).toMatchObject({ outcome: 'available' });
    expect(auth.requests).toHaveLength(2);
    fra.fault = 'tokenRefused';
    expect(await asker.head(questionOf(fra, credential), 3000)).toMatchObject({ outcome: 'denied' });
    expect(auth.requests).toHaveLength(3);
  });

  it('asks again when a token ends, never keeping one for less than 55 seconds', async () => {
    const short = await start({
      name: 'short.registry.test',
      address: '127.0.1.24',
      credential: { username: 'puller', password: PASSWORD },
      expiresIn: 1,
    });
    const asker = newClient();
    await asker.head(questionOf(short, credential), 3000);
    await asker.head(questionOf(short, credential), 3000);
    expect(pathsOf(short).filter((path) => path.includes('/token'))).toHaveLength(1);
  });

  it('goes without a credential where there is none, and says who refused', async () => {
    const found = await newClient().head(questionOf(fra), 3000);
    expect(found).toMatchObject({ outcome: 'denied', evidence: 'answered' });
    expect(found.detail).toContain(`token server ${auth.hostPort} answered 401`);
    expect(auth.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  it.each([
    { fault: 'refused', expected: { outcome: 'failing', evidence: 'manifest-failed' } },
    { fault: 'tokenError', expected: { outcome: 'failing', evidence: 'manifest-failed' } },
    { fault: 'tokenSilent', expected: { outcome: 'slow', evidence: 'none' } },
    { fault: 'tlsWrongName', expected: { outcome: 'failing', evidence: 'manifest-failed' } },
    { fault: 'tokenThrottled', expected: { outcome: 'throttled', evidence: 'answered' } },
    { fault: 'tokenDenied', expected: { outcome: 'denied', evidence: 'answered' } },
    { fault: 'garbageJson', expected: { outcome: 'failing', evidence: 'manifest-failed' } },
  ] as const)('names the token server when it is at fault: $fault', async ({ fault, expected }) => {
    auth.fault = fault;
    await auth.settled();
    const found = await newClient().head(questionOf(fra, credential), 700);
    expect(found).toMatchObject(expected);
    expect(found.detail).toContain(`token server ${auth.hostPort}`);
  });

  it('asks the registry afresh when the remembered token server has gone', async () => {
    const moved = await start({
      name: 'moved.registry.test',
      address: '127.0.1.25',
      credential: { username: 'puller', password: PASSWORD },
    });
    const asker = newClient();
    await asker.head(questionOf(fra, credential), 3000);
    moved.issuedTo(fra);
    auth.fault = 'refused';
    await auth.settled();
    fra.tokens.clear();
    fra.realm = `https://${moved.hostPort}/token`;
    const found = await asker.head(questionOf(fra, credential, { fingerprint: 'no token yet' }), 3000);
    fra.realm = `https://${auth.hostPort}/token`;
    expect(found).toMatchObject({ outcome: 'available' });
  });

  it('does not try a login twice when it was refused, but asks the registry afresh the next time', async () => {
    const asker = newClient();
    await asker.head(questionOf(fra, credential), 3000);
    auth.forget();
    auth.fault = 'tokenDenied';
    const again = questionOf(fra, credential, { fingerprint: 'no token yet' });
    expect(await asker.head(again, 1000)).toMatchObject({ outcome: 'denied', evidence: 'none' });
    expect(auth.requests).toHaveLength(1);
    fra.forget();
    await asker.head(again, 1000);
    expect(pathsOf(fra)).toEqual(['HEAD /v2/team/app/manifests/1.0']);
    expect(fra.requests[0]?.authorization).toBeUndefined();
  });
});

describe('logging in by Basic', () => {
  it('shows the credential after the challenge, and at once the next time', async () => {
    const asker = newClient();
    expect(await asker.head(questionOf(basic, credential), 3000)).toMatchObject({ outcome: 'available' });
    expect(await asker.head(questionOf(basic, credential), 3000)).toMatchObject({ outcome: 'available' });
    expect(basic.requests.map((request) => request.basic)).toEqual([
      undefined,
      `puller:${PASSWORD}`,
      `puller:${PASSWORD}`,
    ]);
  });

  it('is denied without a credential', async () => {
    const found = await newClient().head(questionOf(basic), 3000);
    expect(found).toMatchObject({ outcome: 'denied', detail: expect.stringContaining('no credential') });
  });
});

describe('an empty credential', () => {
  it('is shown to nobody', async () => {
    const empty = new Credential({ username: '', password: '' });
    const found = await newClient().head(questionOf(basic, empty), 3000);
    expect(found).toMatchObject({ outcome: 'denied', detail: expect.stringContaining('no credential') });
    expect(basic.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
  });
});

describe('what a registry may make us do with a credential', () => {
  it('does not include contacting a private address that it is not on itself', async () => {
    const dials: string[] = [];
    fra.realm = 'https://169.254.169.254/token';
    const asker = newClient({
      onDial: ({ origin, failure }) => dials.push(`${origin} ${failure?.kind ?? 'ok'}`),
    });
    const found = await asker.head(questionOf(fra, credential), 700);
    fra.realm = `https://${auth.hostPort}/token`;
    expect(found).toMatchObject({ outcome: 'denied', evidence: 'answered' });
    expect(found.detail).toContain(
      'token server 169.254.169.254: not contacted: 169.254.169.254 is a link-local address',
    );
    expect(dials).toEqual([`https://${fra.hostPort} ok`, 'https://169.254.169.254:443 guard']);
  });

  it('does not include plain http', async () => {
    fra.realm = `http://${auth.hostPort}/token`;
    const found = await newClient().head(questionOf(fra, credential), 700);
    fra.realm = `https://${auth.hostPort}/token`;
    expect(found).toMatchObject({ outcome: 'denied', detail: expect.stringContaining('not https') });
    expect(auth.connections).toBe(0);
  });

  it('does not include hearing it again in an error', async () => {
    basic.fault = 'forbidden';
    basic.errorMessage = `no entry for puller with ${PASSWORD} (${credential.basic()})`;
    const found = await newClient().head(questionOf(basic, credential), 700);
    expect(found.detail).toContain('no entry for puller with [redacted] ([redacted])');
    basic.errorMessage = undefined;
  });
});
