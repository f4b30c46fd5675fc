import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HostsFile, parseHosts } from '../../src/transport/hosts-file.ts';
import { Names, type NamesOptions } from '../../src/transport/names.ts';
import { DnsServer } from '../support/dns-server.ts';

let server: DnsServer;
let names: Names;

beforeEach(async () => {
  server = await DnsServer.start('127.0.1.53');
  server.names.set('fra.healthy.test', ['127.0.0.1', '::1', '127.0.0.2']);
  server.names.set('v4.healthy.test', ['127.0.0.4']);
  server.names.set('gone.dead.test', ['127.0.0.5']);
  server.silentZones.add('dead.test');
});
afterEach(async () => {
  names.close();
  await server.stop();
});

function newNames(options: NamesOptions = {}): Names {
  names = new Names({ servers: [server.server], hostsFile: '/nonexistent', timeoutMs: 1_000, ...options });
  return names;
}

async function msOf(promise: Promise<unknown>): Promise<number> {
  const started = performance.now();
  await promise;
  return performance.now() - started;
}

describe('Names', { retry: 2 }, () => {
  it('asks for both families at once and mixes the answers', async () => {
    expect(await newNames().lookup('FRA.healthy.test')).toEqual({
      ok: true,
      value: ['127.0.0.1', '::1', '127.0.0.2'],
    });
    expect(server.questions.toSorted()).toEqual(['A fra.healthy.test', 'AAAA fra.healthy.test']);
  });

  it('has one look-up in flight per name, and none while the answer is fresh', async () => {
    newNames();
    const all = await Promise.all(Array.from({ length: 10 }, () => names.lookup('fra.healthy.test')));
    expect(all.every((each) => each.ok)).toBe(true);
    await names.lookup('fra.healthy.test');
    expect(server.questions).toHaveLength(2);
  });

  it('does not let a dead zone slow a healthy one', async () => {
    newNames();
    const dead = Array.from({ length: 20 }, (_, index) => names.lookup(`n${index}.dead.test`));
    const healthy = await Promise.all(
      Array.from({ length: 20 }, (_, index) => {
        server.names.set(`h${index}.healthy.test`, ['127.0.0.9']);
        return msOf(names.lookup(`h${index}.healthy.test`));
      }),
    );
    expect(Math.max(...healthy)).toBeLessThan(900);
    for (const each of await Promise.all(dead)) {
      expect(each).toMatchObject({
        ok: false,
        error: expect.stringMatching(/DNS does not answer for n\d+\.dead\.test/u),
      });
    }
  });

  it('says that a name does not exist', async () => {
    expect(await newNames().lookup('nowhere.healthy.test')).toEqual({
      ok: false,
      error: 'DNS knows no address for nowhere.healthy.test',
    });
  });

  it.each([
    { name: 'silent', breakIt: () => server.silentZones.add('healthy.test') },
    { name: 'broken', breakIt: () => (server.broken = true) },
  ])('keeps the last good answer while DNS is $name, without waiting for it', async ({ breakIt }) => {
    newNames({ freshMs: 0 });
    await names.lookup('v4.healthy.test');
    breakIt();
    const started = performance.now();
    expect(await names.lookup('v4.healthy.test')).toEqual({ ok: true, value: ['127.0.0.4'] });
    expect(performance.now() - started).toBeLessThan(900);
  });

  it('drops the last good answer when DNS says that the name has gone', async () => {
    newNames({ freshMs: 0 });
    await names.lookup('v4.healthy.test');
    server.names.delete('v4.healthy.test');
    expect(await names.lookup('v4.healthy.test')).toMatchObject({ ok: false });
  });

  it('says when DNS fails', async () => {
    server.broken = true;
    expect(await newNames().lookup('v4.healthy.test')).toMatchObject({
      ok: false,
      error: expect.stringMatching(/DNS failed for v4\.healthy\.test \(ESERVFAIL\)/u),
    });
  });

  it('tries first what has worked last', async () => {
    newNames();
    await names.lookup('fra.healthy.test');
    names.prefer('fra.healthy.test', '127.0.0.2');
    names.prefer('fra.healthy.test', '9.9.9.9');
    expect(await names.lookup('fra.healthy.test')).toEqual({
      ok: true,
      value: ['127.0.0.2', '127.0.0.1', '::1'],
    });
  });

  it.each([
    { name: '127.0.0.77', expected: ['127.0.0.77'] },
    { name: '::1', expected: ['::1'] },
    { name: 'localhost', expected: ['127.0.0.1', '::1'] },
    { name: 'registry.localhost', expected: ['127.0.0.1', '::1'] },
    { name: 'fixed.test', expected: ['127.0.0.88'] },
  ])('asks nobody for $name', async ({ name, expected }) => {
    expect(await newNames({ fixed: { 'fixed.test': ['127.0.0.88'] } }).lookup(name)).toEqual({
      ok: true,
      value: expected,
    });
    expect(server.questions).toEqual([]);
  });
});

describe('HostsFile', () => {
  it('reads names, aliases, comments and several addresses', () => {
    const hosts = parseHosts(
      '# nothing\n127.0.0.1 localhost\n::1 localhost ip6\n10.0.0.1\tReg.Example reg # 10.0.0.2 no\nnonsense reg2\n10.0.0.1 reg\n',
    );
    expect([...hosts]).toEqual([
      ['localhost', ['127.0.0.1', '::1']],
      ['ip6', ['::1']],
      ['reg.example', ['10.0.0.1']],
      ['reg', ['10.0.0.1']],
    ]);
  });

  it('is read again when it has changed, and an absent one is empty', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hosts-'));
    const path = join(folder, 'hosts');
    const file = new HostsFile(path);
    expect(await file.lookup('a')).toBeUndefined();
    await writeFile(path, '127.0.0.1 a\n');
    expect(await file.lookup('a')).toEqual(['127.0.0.1']);
    await writeFile(path, '127.0.0.2 a\n');
    await utimes(path, new Date(), new Date(Date.now() + 5000));
    expect(await file.lookup('a')).toEqual(['127.0.0.2']);
    await rm(folder, { recursive: true });
    expect(await file.lookup('a')).toEqual(['127.0.0.2']);
  });
});
