// Who may pull from a demo registry: its own account, through its own tokens, within their scope and life.
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../../src/demo/image.ts';
import { basic, DemoBench, errorCodes } from '../support/demo-registry.ts';
import type { Answer } from '../support/demo-registry.ts';

const PATH = '/v2/team/app/manifests/1.0';
const PULL = 'repository:team/app:pull';
const ALICE = basic('alice', 'wonder:land');
const BOB = basic('bob', 'builder');
const image = buildImage({ text: 'build 1' });

let bench: DemoBench;
beforeAll(async () => {
  bench = await DemoBench.create();
});
afterEach(() => bench.stop());

/** Two registries with the same image and different accounts, and a client of each. */
async function startPair() {
  const upstream = await bench.registry();
  const mirror = await bench.registry({
    name: 'mirror.demo',
    address: '127.0.0.3',
    account: { username: 'bob', password: () => 'builder' },
  });
  for (const registry of [upstream, mirror]) registry.publish('team/app', '1.0', image);
  return { upstream, mirror, atUpstream: bench.client(upstream), atMirror: bench.client(mirror) };
}

function codes(answer: Answer): readonly unknown[] {
  return [answer.status, ...errorCodes(answer)];
}

describe('the token service of a DemoRegistry', () => {
  it.each([
    ['a wrong password', basic('alice', 'guessed'), 'wrong password'],
    ['a wrong username', basic('mallory', 'wonder:land'), 'wrong password'],
    ['an empty login', basic('', ''), 'wrong password'],
    ['a login that is not base64', 'Basic %%%', 'wrong password'],
    ["another registry's login", BOB, 'wrong password'],
    ['a scheme it does not know', 'Digest abc', 'anonymous'],
    ['a token', 'Bearer a.b.c', 'invalid token'],
  ])('refuses %s', async (_, authorization, shown) => {
    const { upstream, atUpstream } = await startPair();
    const answer = await atUpstream.ask('GET', `/token?scope=${PULL}`, { authorization });
    expect(codes(answer)).toEqual([401, 'UNAUTHORIZED']);
    expect(answer.headers['www-authenticate']).toBe('Basic realm="upstream.demo"');
    expect(upstream.requests.map((request) => request.shown)).toEqual([shown]);
  });

  it('refuses nobody at all', async () => {
    const { atUpstream } = await startPair();
    expect(codes(await atUpstream.ask('GET', `/token?scope=${PULL}`))).toEqual([401, 'UNAUTHORIZED']);
  });

  it("refuses to issue for another registry's service", async () => {
    const { atUpstream } = await startPair();
    const answer = await atUpstream.ask('GET', '/token?service=mirror.demo', { authorization: ALICE });
    expect(codes(answer)).toEqual([400, 'UNSUPPORTED']);
  });

  it('takes the account where it belongs', async () => {
    const { atUpstream, atMirror } = await startPair();
    const [alice, bob] = [await atUpstream.token(ALICE, PULL), await atMirror.token(BOB, PULL)];
    expect((await atUpstream.ask('HEAD', PATH, { authorization: alice })).status).toBe(200);
    expect((await atMirror.ask('HEAD', PATH, { authorization: bob })).status).toBe(200);
  });

  it("refuses another registry's token", async () => {
    const { atUpstream, atMirror } = await startPair();
    const authorization = await atMirror.token(BOB, PULL);
    const answer = await atUpstream.ask('GET', PATH, { authorization });
    expect(codes(answer)).toEqual([401, 'UNAUTHORIZED']);
    expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
  });

  it('does not take a login instead of a token', async () => {
    const { atUpstream } = await startPair();
    expect(codes(await atUpstream.ask('GET', PATH, { authorization: ALICE }))).toEqual([401, 'UNAUTHORIZED']);
  });

  it.each([
    ['claims', (parts: string[]) => [parts[0], forgeUsername(parts[1]!), parts[2]]],
    ['signature', (parts: string[]) => [parts[0], parts[1], 'AAAA']],
    ['signature left off', (parts: string[]) => [parts[0], parts[1], '']],
    ['header', (parts: string[]) => ['eyJhbGciOiJub25lIn0', parts[1], parts[2]]],
  ])('refuses a token with a forged part: %s', async (_, forge) => {
    const { atUpstream } = await startPair();
    const token = (await atUpstream.token(ALICE, PULL)).replace('Bearer ', '');
    const authorization = `Bearer ${forge(token.split('.')).join('.')}`;
    expect(codes(await atUpstream.ask('GET', PATH, { authorization }))).toEqual([401, 'UNAUTHORIZED']);
  });

  it.each([
    ['another repository', 'repository:team/other:pull'],
    ['a repository of which this is a part', 'repository:team:pull'],
    ['no scope', ''],
    ['a catalogue', 'registry:catalog:*'],
  ])('refuses a token for %s and says which scope it wants', async (_, scope) => {
    const { atUpstream } = await startPair();
    const answer = await atUpstream.ask('GET', PATH, { authorization: await atUpstream.token(ALICE, scope) });
    expect(codes(answer)).toEqual([401, 'UNAUTHORIZED']);
    expect(answer.headers['www-authenticate']).toMatch(
      /scope="repository:team\/app:pull",error="insufficient_scope"$/,
    );
  });

  it('grants several scopes in one token', async () => {
    const { atUpstream } = await startPair();
    const authorization = await atUpstream.token(ALICE, `repository:team/other:pull ${PULL},push`);
    expect((await atUpstream.ask('HEAD', PATH, { authorization })).status).toBe(200);
  });

  it('denies a repository that the account may not pull', async () => {
    const registry = await bench.registry({ repositories: ['team/other'] });
    registry.publish('team/app', '1.0', image);
    const client = bench.client(registry);
    const answer = await client.ask('GET', PATH, { authorization: await client.token(ALICE, PULL) });
    expect(codes(answer)).toEqual([403, 'DENIED']);
  });

  it('denies a token asked for without pull', async () => {
    const { atUpstream } = await startPair();
    const authorization = await atUpstream.token(ALICE, 'repository:team/app:push');
    expect(codes(await atUpstream.ask('GET', PATH, { authorization }))).toEqual([403, 'DENIED']);
  });

  it('refuses a token from the second it expires', async () => {
    let nowMs = 1_000_000;
    const registry = await bench.registry({ tokenSeconds: 90, now: () => nowMs });
    registry.publish('team/app', '1.0', image);
    const client = bench.client(registry);
    const authorization = await client.token(ALICE, PULL);
    nowMs += 89_999;
    expect((await client.ask('HEAD', PATH, { authorization })).status).toBe(200);
    nowMs += 1;
    expect((await client.ask('HEAD', PATH, { authorization })).status).toBe(401);
  });
});

function forgeUsername(payload: string): string {
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  return Buffer.from(JSON.stringify({ ...claims, sub: 'root' })).toString('base64url');
}
