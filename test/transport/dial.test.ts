import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { dial, type Dialled } from '../../src/transport/dial.ts';
import type { ExchangeFailure } from '../../src/transport/message.ts';
import { Names } from '../../src/transport/names.ts';
import { TlsTrust } from '../../src/transport/tls-trust.ts';
import type { Result } from '../../src/domain/result.ts';
import { DnsServer } from '../support/dns-server.ts';
import { MisbehavingRegistry } from '../support/misbehaving-registry.ts';
import { testCa } from '../support/tls.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function startRegistry(): Promise<MisbehavingRegistry> {
  const registry = await MisbehavingRegistry.start({ name: 'fra.registry.test', address: '127.0.1.31' });
  closing.push(() => registry.stop());
  return registry;
}

/** Accepts and says nothing. */
async function startMute(address: string, port: number): Promise<Server> {
  const mute = createServer((socket) => {
    socket.on('error', () => undefined).resume();
    closing.push(() => socket.destroy());
  });
  await new Promise<void>((resolve) => {
    mute.listen(port, address, resolve);
  });
  closing.push(() => mute.close());
  return mute;
}

interface Attempt {
  readonly addresses: readonly string[];
  readonly port: number;
  readonly guard?: 'public' | 'loopback';
  readonly dialTimeoutMs?: number;
  readonly names?: Names;
}

async function dialFra(attempt: Attempt): Promise<{ result: Result<Dialled, ExchangeFailure>; ms: number }> {
  const ca = await testCa();
  const names =
    attempt.names ??
    new Names({ fixed: { 'fra.registry.test': attempt.addresses }, hostsFile: '/nonexistent' });
  const tools = {
    names,
    trust: new TlsTrust(),
    proxy: undefined,
    dialTimeoutMs: attempt.dialTimeoutMs ?? 1000,
    lateMs: 2000,
    hooks: {},
  };
  await tools.trust.prepare([ca.trust]);
  const started = performance.now();
  const origin = { hostname: 'fra.registry.test', port: attempt.port, trust: ca.trust, guard: attempt.guard };
  const result = await dial(tools, origin);
  closing.push(() => names.close());
  if (result.ok) closing.push(() => result.value.socket.destroy());
  return { result, ms: performance.now() - started };
}

describe('dial', { retry: 2 }, () => {
  it('goes to the next address at once when one refuses', async () => {
    const { port } = await startRegistry();
    const { result, ms } = await dialFra({ addresses: ['127.0.1.32', '127.0.1.33', '127.0.1.31'], port });
    expect(result).toMatchObject({ ok: true, value: { address: '127.0.1.31' } });
    // Sooner than after the 250 ms for one that is silent.
    expect(ms).toBeLessThan(240);
  });

  it('tries the next address beside one that is silent', async () => {
    const { port } = await startRegistry();
    const mute = await startMute('127.0.1.32', port);
    const { result, ms } = await dialFra({ addresses: ['127.0.1.32', '127.0.1.31'], port });
    expect(result).toMatchObject({ ok: true, value: { address: '127.0.1.31' } });
    expect(ms).toBeGreaterThan(240);
    expect(ms).toBeLessThan(900);
    const open = (): Promise<number> =>
      new Promise((resolve) => {
        mute.getConnections((_, count) => {
          resolve(count);
        });
      });
    await expect.poll(open).toBe(0);
  });

  it('ends within its time-out however many addresses are silent', async () => {
    const { port } = await startMute('127.0.1.32', 0).then((mute) => mute.address() as { port: number });
    await startMute('127.0.1.33', port);
    const { result, ms } = await dialFra({
      addresses: ['127.0.1.32', '127.0.1.33'],
      port,
      dialTimeoutMs: 300,
    });
    expect(result).toMatchObject({
      ok: false,
      error: { kind: 'connect', detail: expect.stringContaining('no TLS handshake') },
    });
    expect(ms).toBeLessThan(400);
  });

  it('counts the time for the name, too', async () => {
    const server = await DnsServer.start('127.0.1.53');
    closing.push(() => server.stop());
    server.silentZones.add('test');
    const names = new Names({ servers: [server.server], hostsFile: '/nonexistent', timeoutMs: 5000 });
    const { result, ms } = await dialFra({ addresses: [], port: 1, dialTimeoutMs: 200, names });
    expect(result).toMatchObject({
      ok: false,
      error: { kind: 'connect', detail: expect.stringContaining('DNS does not answer') },
    });
    expect(ms).toBeLessThan(300);
  });

  it('tells a bad certificate rather than a refused connection', async () => {
    const registry = await startRegistry();
    registry.fault = 'tlsExpired';
    const { result } = await dialFra({
      addresses: ['127.0.1.32', '127.0.1.31', '127.0.1.33'],
      port: registry.port,
    });
    expect(result).toMatchObject({ ok: false, error: { detail: 'certificate expired 2026-01-02' } });
  });

  it('does not even connect to an address that the guard refuses', async () => {
    const registry = await startRegistry();
    const { result } = await dialFra({ addresses: ['127.0.1.31'], port: registry.port, guard: 'public' });
    expect(result).toMatchObject({ ok: false, error: { kind: 'guard' } });
    expect(registry.connections).toBe(0);
    expect(
      (await dialFra({ addresses: ['127.0.1.31'], port: registry.port, guard: 'loopback' })).result.ok,
    ).toBe(true);
  });

  it.each([
    { name: 'a server that does not speak TLS', answer: 'SSH-2.0-x\r\n', words: /does not speak TLS/u },
    {
      name: 'a server that hangs up',
      answer: undefined,
      words: /closed during the TLS handshake|reset during the TLS/u,
    },
  ])('says what is wrong with $name', async ({ answer, words }) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      if (answer === undefined) socket.destroy();
      else socket.end(answer);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.1.34', resolve);
    });
    closing.push(() => server.close());
    const { port } = server.address() as { port: number };
    const { result } = await dialFra({ addresses: ['127.0.1.34'], port });
    expect(result).toMatchObject({
      ok: false,
      error: { kind: 'connect', detail: expect.stringMatching(words) },
    });
  });
});
