import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Credential } from '../../src/domain/credential.ts';
import type { ManifestClient } from '../../src/registry/manifest-client.ts';
import { Proxy } from '../../src/transport/proxy.ts';
import type { TransportOptions } from '../../src/transport/transport.ts';
import { indexManifest, MisbehavingRegistry } from '../support/misbehaving-registry.ts';
import { clientFor, endpointOf, questionOf } from './client.ts';

const credential = new Credential({ username: 'puller', password: 'S3cr3t-of-fra' });
const images = { 'team/app': { '1.0': indexManifest() } };
/** Short times for what is dead; a registry that lives gets ours, so that a busy machine changes nothing. */
const SHORT = { dialTimeoutMs: 300, hedgeMs: 60, probeTimeoutMs: 300 };
const LONG = { dialTimeoutMs: 3000, hedgeMs: 1000, probeTimeoutMs: 4000 };
let fra: MisbehavingRegistry;
let cdn: MisbehavingRegistry;
let client: ManifestClient | undefined;

beforeAll(async () => {
  [fra, cdn] = await Promise.all([
    MisbehavingRegistry.start({
      name: 'fra.registry.test',
      address: '127.0.1.12',
      credential: { username: 'puller', password: 'S3cr3t-of-fra' },
      images,
    }),
    MisbehavingRegistry.start({ name: 'cdn.registry.test', address: '127.0.1.13', images }),
  ]);
});
afterAll(() => Promise.all([fra.stop(), cdn.stop()]));
afterEach(async () => {
  await client?.close();
  for (const registry of [fra, cdn]) {
    registry.fault = 'none';
    await registry.settled();
    registry.cutConnections();
    registry.forget();
    registry.tokens.clear();
  }
});

function newClient(options: TransportOptions = {}): ManifestClient {
  client = clientFor([fra, cdn], { ...options, settings: { ...LONG, ...options.settings } });
  return client;
}

/** A client with one idle connection to fra on which a question has been answered. */
async function warmClient(): Promise<ManifestClient> {
  const warm = newClient({ settings: SHORT });
  expect(await warm.head(questionOf(fra, credential), 3000)).toMatchObject({ outcome: 'available' });
  return warm;
}

async function timed<T>(promise: Promise<T>): Promise<{ value: T; ms: number }> {
  const started = performance.now();
  const value = await promise;
  return { value, ms: performance.now() - started };
}

function keepBusy(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe('connections to one origin', () => {
  it('are one for fifty questions in a row', async () => {
    const asker = newClient();
    for (let index = 0; index < 50; index += 1) {
      expect(await asker.head(questionOf(fra, credential), 3000)).toMatchObject({ outcome: 'available' });
    }
    expect(fra.connections).toBe(1);
    // One HEAD without and one with a token, one token; then straight with the token.
    expect(fra.requests).toHaveLength(52);
  });

  it('are at most eight for sixty questions at once', async () => {
    const asker = newClient();
    await asker.head(questionOf(fra, credential), 3000);
    const found = await Promise.all(
      Array.from({ length: 60 }, () => asker.head(questionOf(fra, credential), 5000)),
    );
    expect(new Set(found.map(({ outcome }) => outcome))).toEqual(new Set(['available']));
    expect(fra.connections).toBeLessThanOrEqual(8);
    expect(fra.connections).toBeGreaterThan(1);
  });

  it('are closed when they have been idle for long enough', async () => {
    const asker = newClient({ settings: { idleMs: 50 } });
    await asker.head(questionOf(cdn), 3000);
    await expect.poll(() => cdn.openConnections, { timeout: 15_000 }).toBe(0);
    expect(await asker.head(questionOf(cdn), 3000)).toMatchObject({ outcome: 'available' });
    expect(cdn.connections).toBe(2);
  });
});

// Tests about time are tried again: the machine may be busy with something else.
describe('a dial that fails', { retry: 2 }, () => {
  it('answers twenty questions at once, within its time-out', async () => {
    fra.fault = 'tlsNeverAnswers';
    const asker = newClient({ settings: SHORT });
    const found = await Promise.all(
      Array.from({ length: 20 }, () => timed(asker.head(questionOf(fra, credential), 5000))),
    );
    for (const { value, ms } of found) {
      expect(value).toMatchObject({ outcome: 'unreachable', evidence: 'connection-failed' });
      expect(ms).toBeLessThan(SHORT.dialTimeoutMs + 100);
    }
    expect(fra.connections).toBe(1);
  });

  it('is followed by a new one for the next question', async () => {
    fra.fault = 'refused';
    await fra.settled();
    const asker = newClient();
    expect(await asker.head(questionOf(fra, credential), 3000)).toMatchObject({ outcome: 'unreachable' });
    fra.fault = 'none';
    await fra.settled();
    expect(await asker.head(questionOf(fra, credential), 3000)).toMatchObject({ outcome: 'available' });
  });
});

describe('a question on a reused connection', { retry: 2 }, () => {
  it('is unreachable before the probe time-out when a new connection cannot be made', async () => {
    const asker = await warmClient();
    fra.fault = 'tlsNeverAnswers';
    const { value, ms } = await timed(asker.head(questionOf(fra, credential), 5000));
    expect(value).toMatchObject({ outcome: 'unreachable', evidence: 'connection-failed' });
    expect(ms).toBeLessThan(SHORT.probeTimeoutMs);
  });

  it('is unreachable as soon as a new connection is refused', async () => {
    const asker = await warmClient();
    fra.fault = 'silent';
    await fra.stopListening();
    const { value, ms } = await timed(asker.head(questionOf(fra, credential), 5000));
    expect(value).toMatchObject({ outcome: 'unreachable', detail: expect.stringContaining('refused') });
    expect(ms).toBeLessThan(SHORT.probeTimeoutMs / 2);
    fra.fault = 'refused'; // so that afterEach brings it back
  });

  it('is asked again on a fresh connection when the old one is silent and the origin lives', async () => {
    const asker = await warmClient();
    fra.fault = 'staleSilent';
    const { value, ms } = await timed(asker.head(questionOf(fra, credential), 5000));
    expect(value).toMatchObject({ outcome: 'available' });
    expect(ms).toBeLessThan(SHORT.probeTimeoutMs);
    expect(fra.connections).toBe(2);
  });

  it('is asked again once when the old connection is reset', async () => {
    const asker = await warmClient();
    fra.fault = 'staleReset';
    expect(await asker.head(questionOf(fra, credential), 3000)).toMatchObject({ outcome: 'available' });
    fra.fault = 'reset';
    expect(await asker.head(questionOf(fra, credential), 3000)).toMatchObject({
      outcome: 'unreachable',
      evidence: 'connection-failed',
    });
  });

  it('is slow when the origin lives and is silent on every connection', async () => {
    const asker = await warmClient();
    fra.fault = 'silent';
    const { value, ms } = await timed(asker.head(questionOf(fra, credential), 600));
    expect(value).toMatchObject({ outcome: 'slow', evidence: 'silent' });
    expect(ms).toBeLessThan(700);
  });
});

describe('a ping', { retry: 2 }, () => {
  it('gets through when every connection is held by a silent question', async () => {
    const asker = newClient({ settings: { hedgeMs: 2000, probeTimeoutMs: 4000 } });
    const ask = (budgetMs: number): Promise<unknown>[] =>
      Array.from({ length: 40 }, () => asker.head(questionOf(fra, credential), budgetMs));
    await asker.head(questionOf(fra, credential), 3000);
    await Promise.all(ask(2000));
    expect(fra.openConnections).toBe(8);
    fra.fault = 'staleSilent';
    fra.forget();
    const stuck = ask(1200);
    await expect.poll(() => fra.requests.length, { interval: 5 }).toBe(8);
    const { value, ms } = await timed(asker.ping(endpointOf(fra), 900));
    expect(value).toMatchObject({ outcome: 'available', evidence: 'answered' });
    expect(ms).toBeLessThan(900);
    await Promise.all(stuck);
  });
});

describe('late timers', { retry: 2 }, () => {
  it('make an answer void instead of judging a healthy registry', async () => {
    const asker = newClient({ settings: { lateMs: 50 } });
    fra.fault = 'silent';
    const asked = asker.head(questionOf(fra, credential), 700);
    await expect.poll(() => fra.requests.length, { interval: 5 }).toBe(1);
    keepBusy(900);
    const found = await asked;
    expect(found).toMatchObject({ outcome: 'slow', evidence: 'none' });
    expect(found.detail).toContain('late');
  });

  it('make a failed dial void, too', async () => {
    const asker = newClient({ settings: { lateMs: 50, dialTimeoutMs: 600 } });
    fra.fault = 'tlsNeverAnswers';
    const asked = asker.head(questionOf(fra, credential), 2000);
    await expect.poll(() => fra.connections, { interval: 5 }).toBe(1);
    keepBusy(800);
    expect(await asked).toMatchObject({
      outcome: 'slow',
      evidence: 'none',
      detail: expect.stringContaining('late'),
    });
  });
});

describe('redirects', () => {
  it('are followed without the credential when they lead to another origin', async () => {
    fra.fault = 'redirectPrivate';
    fra.redirectTo = `https://${cdn.hostPort}/v2/team/app/manifests/1.0`;
    const basic = newClient();
    const found = await basic.head(questionOf(fra, credential), 3000);
    expect(found).toMatchObject({ outcome: 'available' });
    expect(fra.requests.at(-1)?.authorization).toMatch(/^Bearer /u);
    expect(cdn.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  it('say where they ended', async () => {
    fra.fault = 'redirectPrivate';
    fra.redirectTo = `https://${cdn.hostPort}/v2/team/app/manifests/9.9`;
    const found = await newClient().head(questionOf(fra, credential), 3000);
    expect(found).toMatchObject({ outcome: 'missing' });
    expect(found.detail).toContain(`redirect target ${cdn.hostPort} answered 404`);
  });

  it('to a dead host make the manifest fail, not the registry unreachable', async () => {
    fra.fault = 'redirectPrivate';
    fra.redirectTo = `https://${cdn.hostPort}/v2/team/app/manifests/1.0`;
    cdn.fault = 'refused';
    await cdn.settled();
    const found = await newClient().head(questionOf(fra, credential), 3000);
    expect(found).toMatchObject({ outcome: 'failing', evidence: 'manifest-failed' });
    expect(found.detail).toContain(`redirect target ${cdn.hostPort}: connection refused`);
  });

  it('never reach a login at another origin', async () => {
    fra.fault = 'redirectPrivate';
    fra.redirectTo = `https://${cdn.hostPort}/v2/team/app/manifests/1.0`;
    cdn.fault = 'loop401';
    const found = await newClient().head(questionOf(fra, credential), 3000);
    expect(found).toMatchObject({ outcome: 'denied' });
    expect(cdn.requests.length).toBeGreaterThan(0);
    expect(cdn.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
  });
});

describe('a proxy', () => {
  it('is asked to CONNECT, with its own credential, and the registry never sees that one', async () => {
    const connects: { target: string | undefined; authorization: string | undefined }[] = [];
    const proxy = createServer().on('connect', (request, socket) => {
      connects.push({ target: request.url, authorization: request.headers['proxy-authorization'] });
      const upstream = connect(fra.port, fra.address, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(upstream).pipe(socket);
      });
      upstream.on('error', () => socket.destroy());
      socket.on('error', () => upstream.destroy());
    });
    await new Promise<void>((resolve) => {
      proxy.listen(0, '127.0.1.14', resolve);
    });
    const { port } = proxy.address() as AddressInfo;
    const parsed = Proxy.parse({
      url: `http://me:p%40ss@127.0.1.14:${port}`,
      noProxy: ['cdn.registry.test'],
    });
    const asker = newClient({ proxy: parsed.ok ? parsed.value : undefined });
    expect(await asker.head(questionOf(fra, credential), 3000)).toMatchObject({ outcome: 'available' });
    expect(await asker.head(questionOf(cdn), 3000)).toMatchObject({ outcome: 'available' });
    expect(connects).toEqual([
      { target: fra.hostPort, authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}` },
    ]);
    expect(fra.requests.every(({ basic }) => basic === undefined || basic.startsWith('puller:'))).toBe(true);
    proxy.closeAllConnections();
    proxy.close();
  });

  it.each([
    { name: 'refuses', status: '403 Forbidden', words: /the proxy answered 403/u },
    { name: 'talks nonsense', status: undefined, words: /the proxy closed the connection/u },
  ])('that $name leaves the registry unreachable, and says so', async ({ status, words }) => {
    const proxy = createServer().on('connect', (_, socket) => {
      socket.end(status === undefined ? 'nonsense' : `HTTP/1.1 ${status}\r\n\r\n`);
    });
    await new Promise<void>((resolve) => {
      proxy.listen(0, '127.0.1.14', resolve);
    });
    const { port } = proxy.address() as AddressInfo;
    const parsed = Proxy.parse({ url: `http://127.0.1.14:${port}`, noProxy: [] });
    const found = await newClient({ proxy: parsed.ok ? parsed.value : undefined }).head(
      questionOf(fra),
      1000,
    );
    expect(found).toMatchObject({ outcome: 'unreachable', detail: expect.stringMatching(words) });
    proxy.close();
  });
});
