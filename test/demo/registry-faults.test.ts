// The faults of a demo registry, seen from real sockets, and that each is over as soon as it is switched off.
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FAULTS, parseFault } from '../../src/demo/faults.ts';
import type { Fault } from '../../src/demo/faults.ts';
import { buildImage } from '../../src/demo/image.ts';
import type { DemoRegistry } from '../../src/demo/registry.ts';
import { basic, closed, DemoBench, dialTls, errorCodes, staysWithout } from '../support/demo-registry.ts';
import type { PullClient } from '../support/demo-registry.ts';

const PATH = '/v2/team/app/manifests/1.0';
const ALICE = basic('alice', 'wonder:land');
/** How long nothing has to come for a registry to count as silent. */
const SILENCE_MS = 300;

let bench: DemoBench;
let registry: DemoRegistry;
let client: PullClient;
let headers: Record<string, string>;

beforeAll(async () => {
  bench = await DemoBench.create();
});
beforeEach(async () => {
  registry = await bench.registry({ retryAfterSeconds: 45 });
  registry.publish('team/app', '1.0', buildImage({ text: 'build 1' }));
  client = bench.client(registry);
  headers = { authorization: await client.token(ALICE, 'repository:team/app:pull') };
});
afterEach(() => bench.stop());

async function pulls(): Promise<number> {
  return (await bench.client(registry).ask('GET', PATH, headers)).status;
}

async function dialError(): Promise<unknown> {
  const { address: host, port } = registry.where;
  const socket = connect({ host, port });
  const outcome = await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(
    (error: unknown) => error,
  );
  socket.destroy();
  return outcome;
}

describe('a silent DemoRegistry', () => {
  it('accepts TCP and never finishes a TLS handshake', async () => {
    registry.fault = 'silent';
    registry.clearObservations();
    const socket = dialTls(registry, bench.ca);
    await once(socket, 'connect');
    expect(await staysWithout(socket, 'secureConnect', SILENCE_MS)).toBe(true);
    expect(socket.destroyed).toBe(false);
    expect(registry.connections).toEqual({ accepted: 1, secured: 0, open: 2 });
    socket.destroy();
  });

  it('leaves a request on an open connection without an answer, and without an end', async () => {
    const socket = dialTls(registry, bench.ca);
    await once(socket, 'secureConnect');
    const ping = 'GET /v2/ HTTP/1.1\r\nHost: demo\r\n\r\n';
    socket.write(ping);
    await once(socket, 'data');
    registry.fault = 'silent';
    registry.clearObservations();
    socket.write(ping);
    expect(await staysWithout(socket, 'data', SILENCE_MS)).toBe(true);
    expect(socket.destroyed).toBe(false);
    expect(registry.requests).toMatchObject([{ path: '/v2/', status: undefined, shown: 'anonymous' }]);
    socket.destroy();
  });

  it('heals at once: hanging connections are cut, idle ones live on, new ones are served', async () => {
    const idle = dialTls(registry, bench.ca);
    const asking = dialTls(registry, bench.ca);
    await Promise.all([once(idle, 'secureConnect'), once(asking, 'secureConnect')]);
    registry.fault = 'silent';
    const dialling = dialTls(registry, bench.ca);
    await once(dialling, 'connect');
    asking.write('GET /v2/ HTTP/1.1\r\nHost: demo\r\n\r\n');
    await expect.poll(() => registry.requests.at(-1)?.status, { interval: 5 }).toBeUndefined();
    await expect.poll(() => registry.connections.open, { interval: 5 }).toBe(4);
    const cut = Promise.all([closed(dialling), closed(asking)]);
    registry.fault = 'none';
    await cut;
    expect(idle.destroyed).toBe(false);
    idle.write('GET /v2/ HTTP/1.1\r\nHost: demo\r\n\r\n');
    const [answer] = (await once(idle, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 401 /);
    expect(await pulls()).toBe(200);
    idle.destroy();
  });

  it('lets go of a client that hangs up', async () => {
    registry.fault = 'silent';
    const open = registry.connections.open;
    const socket = dialTls(registry, bench.ca);
    await once(socket, 'connect');
    await expect.poll(() => registry.connections.open, { interval: 5 }).toBe(open + 1);
    socket.destroy();
    await expect.poll(() => registry.connections.open, { interval: 5 }).toBe(open);
  });

  it('stops at once with clients hanging', async () => {
    registry.fault = 'silent';
    const socket = dialTls(registry, bench.ca);
    await once(socket, 'connect');
    const cut = closed(socket);
    await registry.stop();
    await cut;
  });
});

describe('a DemoRegistry that is down', () => {
  it('refuses connections and cuts the open ones', async () => {
    const socket = dialTls(registry, bench.ca);
    await once(socket, 'secureConnect');
    const cut = closed(socket);
    registry.fault = 'down';
    expect(await dialError()).toMatchObject({ code: 'ECONNREFUSED' });
    await cut;
    await expect.poll(() => registry.connections.open, { interval: 5 }).toBe(0);
  });

  it('heals on the same port', async () => {
    const { where } = registry;
    registry.fault = 'down';
    registry.fault = 'none';
    await registry.settled();
    expect(registry.where).toEqual(where);
    expect(await pulls()).toBe(200);
  });

  it('ends as the last switch says when they come faster than a port opens', async () => {
    for (let flip = 0; flip < 5; flip += 1) {
      registry.fault = 'down';
      registry.fault = 'none';
    }
    await registry.settled();
    expect(await pulls()).toBe(200);
    registry.fault = 'none';
    registry.fault = 'down';
    registry.fault = 'silent';
    registry.fault = 'down';
    await registry.settled();
    expect(await dialError()).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('settles when it goes down again while the port is opening', async () => {
    registry.fault = 'down';
    registry.fault = 'none';
    await Promise.resolve();
    registry.fault = 'down';
    await registry.settled();
    expect(await dialError()).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('says so when its port was taken meanwhile', async () => {
    registry.fault = 'down';
    await bench.registry({ port: registry.where.port });
    registry.fault = 'none';
    await expect(registry.settled()).rejects.toThrow('EADDRINUSE');
  });

  it('stays stopped once stopped', async () => {
    registry.fault = 'down';
    registry.fault = 'none';
    await registry.stop();
    registry.fault = 'down';
    registry.fault = 'none';
    await registry.settled();
    expect(await dialError()).toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('a throttled DemoRegistry', () => {
  it('answers 429 with Retry-After to manifests and blobs, and to HEAD alike', async () => {
    registry.fault = 'throttled';
    const answer = await client.ask('GET', PATH, headers);
    expect([answer.status, errorCodes(answer), answer.headers['retry-after']]).toEqual([
      429,
      ['TOOMANYREQUESTS'],
      '45',
    ]);
    const head = await client.ask('HEAD', PATH, headers);
    expect([head.status, head.headers['retry-after']]).toEqual([429, '45']);
    expect(registry.requests.at(-1)).toMatchObject({ status: 429, shown: 'alice' });
  });

  it('still logs in, still pings, and still refuses strangers', async () => {
    registry.fault = 'throttled';
    expect((await client.ask('GET', '/token', { authorization: ALICE })).status).toBe(200);
    expect((await client.ask('GET', '/v2/', headers)).status).toBe(200);
    expect((await client.ask('GET', PATH)).status).toBe(401);
  });
});

describe('a failing DemoRegistry', () => {
  it.each(['/v2/', '/token', PATH])('answers 503 to %s', async (path) => {
    registry.fault = 'failing';
    const answer = await client.ask('GET', path, headers);
    expect([answer.status, errorCodes(answer)]).toEqual([503, ['UNAVAILABLE']]);
  });
});

describe('faults', () => {
  const faults = Object.keys(FAULTS) as Fault[];

  it.each(faults.flatMap((from) => faults.map((to) => [from, to] as const)))(
    'go from %s to %s and heal',
    async (from, to) => {
      registry.fault = from;
      await registry.settled();
      registry.fault = to;
      expect(registry.fault).toBe(to);
      await registry.settled();
      registry.fault = 'none';
      await registry.settled();
      expect(await pulls()).toBe(200);
    },
  );

  it('are read by name', () => {
    expect(parseFault('silent')).toBe('silent');
    expect(parseFault('toString')).toBeUndefined();
  });
});
