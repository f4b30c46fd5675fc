// The demo's registry as a client sees it: the whole pull API over real TLS sockets.
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildImage, MEDIA_TYPE } from '../../src/demo/image.ts';
import type { DemoRegistry } from '../../src/demo/registry.ts';
import { ALL_MANIFEST_TYPES, basic, DemoBench, errorCodes, sha256 } from '../support/demo-registry.ts';
import type { PullClient } from '../support/demo-registry.ts';

const REPOSITORY = 'team/app';
const PULL = `repository:${REPOSITORY}:pull`;
const TAGGED = `/v2/${REPOSITORY}/manifests/1.0`;
const ALICE = basic('alice', 'wonder:land');
const image = buildImage({ text: 'build 1' });

interface Descriptors {
  readonly manifests: readonly { readonly digest: string }[];
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}

let bench: DemoBench;
let registry: DemoRegistry;
let client: PullClient;

beforeAll(async () => {
  bench = await DemoBench.create();
});
beforeEach(async () => {
  registry = await bench.registry();
  registry.publish(REPOSITORY, '1.0', image);
  client = bench.client(registry);
});
afterEach(() => bench.stop());

async function pullHeaders(accept = ALL_MANIFEST_TYPES): Promise<Record<string, string>> {
  return { authorization: await client.token(ALICE, PULL), accept };
}

describe('DemoRegistry', () => {
  it('serves a whole pull: challenge, token, index, manifests, blobs, every digest right', async () => {
    const refused = await client.ask('GET', TAGGED, { accept: ALL_MANIFEST_TYPES });
    expect(refused.status).toBe(401);
    const challenge = /^Bearer realm="https:\/\/([^/]+)(\/token)",service="([^"]+)",scope="([^"]+)"$/.exec(
      refused.headers['www-authenticate'] ?? '',
    );
    expect(challenge?.slice(1)).toEqual([registry.hostPort, '/token', 'upstream.demo', PULL]);

    const granted = await client.ask('GET', `/token?service=upstream.demo&scope=${PULL}`, {
      authorization: ALICE,
    });
    const document = JSON.parse(granted.body.toString()) as Record<string, string>;
    expect(document).toMatchObject({ access_token: document['token'], expires_in: 300 });
    const headers = { authorization: `Bearer ${document['token']}`, accept: ALL_MANIFEST_TYPES };

    async function fetchContent(collection: 'manifests' | 'blobs', digest: string): Promise<Buffer> {
      const answer = await client.ask('GET', `/v2/${REPOSITORY}/${collection}/${digest}`, headers);
      expect([answer.status, answer.headers['docker-content-digest'], sha256(answer.body)]).toEqual([
        200,
        digest,
        digest,
      ]);
      return answer.body;
    }
    const index = await client.ask('GET', TAGGED, headers);
    expect(index.headers).toMatchObject({
      'content-type': MEDIA_TYPE.index,
      'docker-content-digest': image.index.digest,
    });
    expect(sha256(index.body)).toBe(image.index.digest);
    const { manifests } = JSON.parse(index.body.toString()) as Descriptors;
    expect(manifests).toHaveLength(2);
    for (const { digest } of manifests) {
      const { config, layers } = JSON.parse(
        (await fetchContent('manifests', digest)).toString(),
      ) as Descriptors;
      for (const blob of [config, ...layers]) await fetchContent('blobs', blob.digest);
    }
    expect(registry.connections).toEqual({ accepted: 1, secured: 1, open: 1 });
  });

  it('answers the ping with a challenge without a scope, and 200 with a token', async () => {
    const refused = await client.ask('GET', '/v2/');
    expect([refused.status, errorCodes(refused)]).toEqual([401, ['UNAUTHORIZED']]);
    expect(refused.headers['www-authenticate']).not.toContain('scope');
    expect(refused.headers['docker-distribution-api-version']).toBe('registry/2.0');
    expect((await client.ask('GET', '/v2/', await pullHeaders())).status).toBe(200);
  });

  it.each([
    ['an index by tag', TAGGED],
    ['a manifest by digest', `/v2/${REPOSITORY}/manifests/${[...image.manifests.keys()][1]}`],
    ['a blob', `/v2/${REPOSITORY}/blobs/${[...image.blobs.keys()][0]}`],
    ['tags', `/v2/${REPOSITORY}/tags/list`],
    ['an unknown manifest', `/v2/${REPOSITORY}/manifests/nope`],
    ['the ping', '/v2/'],
  ])('answers HEAD of %s with the headers of GET and no body', async (_, path) => {
    const headers = await pullHeaders();
    const get = await client.ask('GET', path, headers);
    const head = await client.ask('HEAD', path, headers);
    expect(head.body).toHaveLength(0);
    expect([head.status, { ...head.headers, date: '' }]).toEqual([get.status, { ...get.headers, date: '' }]);
    expect(get.headers['content-length']).toBe(String(get.body.length));
  });

  it('lists tags in lexical order', async () => {
    registry.publish(REPOSITORY, '0.9', buildImage({ text: 'build 0' }));
    const answer = await client.ask('GET', `/v2/${REPOSITORY}/tags/list`, await pullHeaders());
    expect(JSON.parse(answer.body.toString())).toEqual({ name: REPOSITORY, tags: ['0.9', '1.0'] });
  });

  it.each([
    ['an unknown tag', `/v2/${REPOSITORY}/manifests/2.0`, 404, 'MANIFEST_UNKNOWN'],
    [
      'an unknown manifest digest',
      `/v2/${REPOSITORY}/manifests/sha256:${'0'.repeat(64)}`,
      404,
      'MANIFEST_UNKNOWN',
    ],
    ['an unknown blob', `/v2/${REPOSITORY}/blobs/sha256:${'0'.repeat(64)}`, 404, 'BLOB_UNKNOWN'],
    ['a malformed digest', `/v2/${REPOSITORY}/manifests/sha256:123`, 400, 'DIGEST_INVALID'],
    ['a blob by tag', `/v2/${REPOSITORY}/blobs/1.0`, 400, 'DIGEST_INVALID'],
    ['a name over 255 characters', `/v2/${'a'.repeat(256)}/manifests/1.0`, 400, 'NAME_INVALID'],
    ['a malformed name', '/v2/Team/app/manifests/1.0', 400, 'NAME_INVALID'],
    ['a tag that is none', `/v2/${REPOSITORY}/manifests/-1.0`, 404, 'MANIFEST_UNKNOWN'],
    ['broken percent-encoding', '/v2/%/manifests/1.0', 400, 'NAME_INVALID'],
    ['a path outside the API', '/v3/', 404, 'UNSUPPORTED'],
    ['a collection that does not exist', `/v2/${REPOSITORY}/tags/all`, 404, 'UNSUPPORTED'],
  ])('answers %s with its code', async (_, path, status, code) => {
    const answer = await client.ask('GET', path, await pullHeaders());
    expect([answer.status, errorCodes(answer)]).toEqual([status, [code]]);
  });

  it('answers an unknown repository with NAME_UNKNOWN', async () => {
    const authorization = await client.token(ALICE, 'repository:team/other:pull');
    const answer = await client.ask('GET', '/v2/team/other/manifests/1.0', { authorization });
    expect([answer.status, errorCodes(answer)]).toEqual([404, ['NAME_UNKNOWN']]);
  });

  it('can only be pulled from', async () => {
    const answer = await client.ask('POST', `/v2/${REPOSITORY}/blobs/uploads/`, await pullHeaders());
    expect([answer.status, errorCodes(answer), answer.headers['allow']]).toEqual([
      405,
      ['UNSUPPORTED'],
      'GET, HEAD',
    ]);
  });

  it.each([
    ['the index type among others', ALL_MANIFEST_TYPES, 200],
    ['anything', '*/*', 200],
    ['any application type, with a quality', 'text/html, application/*;q=0.5', 200],
    ['the type in capitals', MEDIA_TYPE.index.toUpperCase(), 200],
    ['nothing', '', 200],
    ['single manifests only', MEDIA_TYPE.manifest, 404],
    ['the Docker types only', 'application/vnd.docker.distribution.manifest.list.v2+json', 404],
    ['the index type ruled out', `${MEDIA_TYPE.index};q=0, ${MEDIA_TYPE.manifest}`, 404],
  ])('negotiates the index with a client that accepts %s', async (_, accept, status) => {
    const answer = await client.ask('HEAD', TAGGED, await pullHeaders(accept));
    expect(answer.status).toBe(status);
  });

  it('takes an image away by tag and digest, and the rest of the repository stays', async () => {
    const other = buildImage({ text: 'build 2' });
    registry.publish(REPOSITORY, 'same', image);
    registry.publish(REPOSITORY, '2.0', other);
    expect(registry.remove(REPOSITORY, '1.0')).toBe(true);
    const headers = await pullHeaders();
    for (const reference of ['1.0', 'same', image.index.digest]) {
      const gone = await client.ask('GET', `/v2/${REPOSITORY}/manifests/${reference}`, headers);
      expect([gone.status, errorCodes(gone)]).toEqual([404, ['MANIFEST_UNKNOWN']]);
    }
    expect((await client.ask('GET', `/v2/${REPOSITORY}/manifests/2.0`, headers)).status).toBe(200);
    expect(registry.remove(REPOSITORY, '1.0')).toBe(false);
    registry.publish(REPOSITORY, '1.0', image);
    expect((await client.ask('GET', TAGGED, headers)).status).toBe(200);
  });

  it('takes a whole repository away', async () => {
    expect(registry.remove(REPOSITORY)).toBe(true);
    const gone = await client.ask('GET', TAGGED, await pullHeaders());
    expect([gone.status, errorCodes(gone)]).toEqual([404, ['NAME_UNKNOWN']]);
    expect(registry.remove(REPOSITORY)).toBe(false);
  });

  it('moves a tag to another build and keeps the old one by digest', async () => {
    const other = buildImage({ text: 'build 2' });
    registry.publish(REPOSITORY, '1.0', other);
    const headers = await pullHeaders();
    expect((await client.ask('HEAD', TAGGED, headers)).headers['docker-content-digest']).toBe(
      other.index.digest,
    );
    const old = await client.ask('HEAD', `/v2/${REPOSITORY}/manifests/${image.index.digest}`, headers);
    expect(old.status).toBe(200);
  });

  it('tells what it saw: method, path, status, username, never a password or a query', async () => {
    const startedMs = Date.now();
    await client.ask('GET', TAGGED);
    await client.ask('GET', '/token?account=alice', { authorization: basic('alice', 'guessed') });
    await client.ask('HEAD', TAGGED, await pullHeaders());
    await client.ask('HEAD', TAGGED, { authorization: 'Bearer a.b.c' });
    expect(registry.requests.map(({ method, path, status, shown }) => [method, path, status, shown])).toEqual(
      [
        ['GET', TAGGED, 401, 'anonymous'],
        ['GET', '/token', 401, 'wrong password'],
        ['GET', '/token', 200, 'alice'],
        ['HEAD', TAGGED, 200, 'alice'],
        ['HEAD', TAGGED, 401, 'invalid token'],
      ],
    );
    for (const { atMs } of registry.requests) {
      expect(atMs).toBeGreaterThanOrEqual(startedMs);
      expect(atMs).toBeLessThanOrEqual(Date.now());
    }
    expect(JSON.stringify(registry.requests)).not.toMatch(/guessed|wonder|Basic|Bearer/);
    registry.clearObservations();
    expect(registry.requests).toEqual([]);
    expect(registry.connections).toEqual({ accepted: 0, secured: 0, open: 1 });
  });

  it('remembers the latest 1,000 requests and no more', async () => {
    for (let asked = 0; asked < 1001; asked += 1) await client.ask('HEAD', asked === 0 ? '/first' : '/v2/');
    expect(registry.requests).toHaveLength(1000);
    expect(registry.requests.some((request) => request.path === '/first')).toBe(false);
  });

  it('runs beside another on another address', async () => {
    const mirror = await bench.registry({ name: 'mirror.demo', address: '127.0.0.3' });
    expect(mirror.hostPort).not.toBe(registry.hostPort);
    expect((await bench.client(mirror).ask('GET', '/v2/')).headers['www-authenticate']).toContain(
      mirror.hostPort,
    );
  });

  it('says so when its port is taken', async () => {
    await expect(bench.registry({ port: registry.where.port })).rejects.toThrow('EADDRINUSE');
  });

  it.each([
    ['an address that is not loopback', { address: '0.0.0.0' }, 'not a loopback address'],
    ['a name that would break a header', { name: 'a"b' }, 'not a registry name'],
  ])('refuses %s', async (_, options, message) => {
    await expect(bench.registry(options)).rejects.toThrow(message);
  });
});
