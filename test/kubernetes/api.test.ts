import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KubernetesApi } from '../../src/kubernetes/api.ts';
import type { ApiFailure } from '../../src/kubernetes/cluster-api.ts';
import { LEASES, MIRROR_SETS, NAMESPACES, SECRETS } from '../../src/kubernetes/resource.ts';
import type { Result } from '../../src/domain/result.ts';
import { ApiServer, sendJson, sendStatus } from './api-server.ts';

let server: ApiServer;
let api: KubernetesApi;
beforeEach(async () => {
  server = await ApiServer.start();
  server.answer = (_asked, reply) => {
    sendJson(reply, { metadata: { name: 'answered' } });
  };
  api = new KubernetesApi({ connection: await server.connect(), fieldManager: 'manager' });
});
afterEach(async () => {
  await server.stop();
});

const secret = { metadata: { namespace: 'shop', name: 'pull' }, type: 'Opaque' };

function failureOf(result: Result<unknown, ApiFailure>): ApiFailure | undefined {
  return result.ok ? undefined : result.error;
}

describe('requests', () => {
  const inShop = '/api/v1/namespaces/shop/secrets';

  it.each([
    ['get', () => api.get(SECRETS, { namespace: 'shop', name: 'pull' }), `GET ${inShop}/pull`],
    [
      'get of what has no namespace',
      () => api.get(NAMESPACES, { name: 'shop' }),
      'GET /api/v1/namespaces/shop',
    ],
    [
      'get of a group',
      () => api.get(LEASES, { namespace: 'shop', name: 'a' }),
      'GET /apis/coordination.k8s.io/v1/namespaces/shop/leases/a',
    ],
    ['create', () => api.create(SECRETS, secret), `POST ${inShop}?fieldManager=manager`],
    ['replace', () => api.replace(SECRETS, secret), `PUT ${inShop}/pull?fieldManager=manager`],
    ['apply', () => api.apply(SECRETS, secret), `PATCH ${inShop}/pull?fieldManager=manager&force=true`],
    [
      'apply of a status',
      () => api.apply(MIRROR_SETS, { metadata: { name: 'a' } }, { subresource: 'status' }),
      'PATCH /apis/registry-failover.io/v1alpha1/registrymirrorsets/a/status?fieldManager=manager&force=true',
    ],
    [
      'patch',
      () => api.patch(SECRETS, secret.metadata, [{ op: 'remove', path: '/type' }]),
      `PATCH ${inShop}/pull?fieldManager=manager`,
    ],
    ['remove', () => api.remove(SECRETS, secret.metadata), `DELETE ${inShop}/pull`],
    [
      'get of a name that is none',
      () => api.get(SECRETS, { namespace: 'a/b', name: '../x?y' }),
      'GET /api/v1/namespaces/a%2Fb/secrets/..%2Fx%3Fy',
    ],
  ])('%s', async (_what, call, expected) => {
    expect((await call()).ok).toBe(true);
    const { method, url } = server.asked[0]!;
    expect(`${method} ${url.pathname}${url.search}`).toBe(expected);
  });

  it.each([
    ['apply', () => api.apply(SECRETS, secret), 'application/apply-patch+yaml'],
    ['create', () => api.create(SECRETS, secret), 'application/json'],
    ['replace', () => api.replace(SECRETS, secret), 'application/json'],
  ])('%s sends the object with its kind', async (_what, call, mediaType) => {
    await call();
    expect(server.asked[0]?.headers['content-type']).toBe(mediaType);
    expect(JSON.parse(server.asked[0]!.body)).toEqual({ ...secret, apiVersion: 'v1', kind: 'Secret' });
  });

  it('patch sends the operations', async () => {
    await api.patch(SECRETS, secret.metadata, [{ op: 'add', path: '/a', value: 1 }]);
    expect(server.asked[0]?.headers['content-type']).toBe('application/json-patch+json');
    expect(JSON.parse(server.asked[0]!.body)).toEqual([{ op: 'add', path: '/a', value: 1 }]);
  });

  it('remove names the very object when asked to', async () => {
    await api.remove(SECRETS, secret.metadata, { uid: 'u-1' });
    expect(JSON.parse(server.asked[0]!.body)).toMatchObject({ preconditions: { uid: 'u-1' } });
  });

  it.each([
    ['an empty name', () => api.remove(SECRETS, { namespace: 'shop', name: '' })],
    ['a dot', () => api.remove(SECRETS, { namespace: 'shop', name: '.' })],
    ['two dots', () => api.remove(SECRETS, { namespace: '..', name: 'pull' })],
    ['no namespace', () => api.remove(SECRETS, { name: 'pull' })],
    ['a namespace too many', () => api.remove(NAMESPACES, { namespace: 'shop', name: 'shop' })],
    ['an empty namespace', () => api.list(SECRETS, { namespace: '' })],
    [
      'an object to make without a name',
      () => api.create(SECRETS, { metadata: { namespace: 'shop', name: '' } }),
    ],
  ])('are never sent with %s, which would mean another place', async (_what, call) => {
    expect(failureOf(await call())).toMatchObject({ kind: 'invalid', status: undefined });
    expect(server.asked).toEqual([]);
  });
});

describe('failures', () => {
  it.each([
    [400, 'BadRequest', 'invalid'],
    [401, 'Unauthorized', 'unauthorized'],
    [403, 'Forbidden', 'forbidden'],
    [404, 'NotFound', 'not-found'],
    [405, 'MethodNotAllowed', 'refused'],
    [409, 'Conflict', 'conflict'],
    [409, 'AlreadyExists', 'already-exists'],
    [410, 'Expired', 'expired'],
    [413, 'RequestEntityTooLarge', 'refused'],
    [422, 'Invalid', 'invalid'],
    [429, 'TooManyRequests', 'throttled'],
    [500, 'InternalError', 'server-error'],
    [503, 'ServiceUnavailable', 'server-error'],
    [504, 'Timeout', 'server-error'],
  ])('%i %s is %s', async (status, reason, kind) => {
    server.answer = (_asked, reply) => {
      sendStatus(reply, status, reason, `about ${reason}`);
    };
    const result = failureOf(await api.create(SECRETS, secret));
    expect(result).toEqual({ kind, status, message: `about ${reason}`, retryAfterMs: undefined });
  });

  it('keep what the API server says on one line and short, and repeat no page of a proxy', async () => {
    server.answer = (_asked, reply) => {
      sendStatus(reply, 422, 'Invalid', `a\nb\u001B[31m${'x'.repeat(5000)}`);
    };
    const message = failureOf(await api.create(SECRETS, secret))?.message ?? '';
    expect(message).toMatch(/^a b \[31mx+$/);
    expect(message).toHaveLength(1024);
    server.answer = (_asked, reply) => {
      reply.writeHead(502);
      reply.end('<html>secret page</html>');
    };
    expect(failureOf(await api.create(SECRETS, secret))).toMatchObject({
      kind: 'server-error',
      message: 'the API server answers 502',
    });
  });

  it.each(['', 'null', '[]', '{"metadata":{}}', 'no JSON'])(
    'an answer that says "%s" is no object',
    async (body) => {
      server.answer = (_asked, reply) => {
        reply.end(body);
      };
      expect(failureOf(await api.get(SECRETS, secret.metadata))).toMatchObject({
        kind: 'server-error',
        status: 200,
      });
      expect(failureOf(await api.list(SECRETS, {}))).toMatchObject({ kind: 'server-error', status: 200 });
    },
  );

  it('what is gone is removed', async () => {
    server.answer = (_asked, reply) => {
      sendStatus(reply, 404, 'NotFound', 'gone');
    };
    expect(await api.remove(SECRETS, secret.metadata)).toEqual({ ok: true, value: undefined });
  });
});

describe('a busy API server', () => {
  beforeEach(() => {
    let count = 0;
    server.answer = (_asked, reply) => {
      count += 1;
      if (count > 1) sendJson(reply, { metadata: { name: 'answered' } });
      else sendStatus(reply, 429, 'TooManyRequests', 'later', { 'retry-after': '1' });
    };
  });

  it('is asked again once, when it says when and there is time', async () => {
    expect((await api.get(SECRETS, secret.metadata)).ok).toBe(true);
    expect(server.asked).toHaveLength(2);
  });

  it('is not, when there is no time', async () => {
    const result = await api.get(SECRETS, secret.metadata, { timeoutMs: 500 });
    expect(failureOf(result)).toMatchObject({ kind: 'throttled', retryAfterMs: 1000 });
  });

  it('is not, for a write', async () => {
    expect(failureOf(await api.create(SECRETS, secret))).toMatchObject({
      kind: 'throttled',
      retryAfterMs: 1000,
    });
    expect(server.asked).toHaveLength(1);
  });
});

describe('list', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];

  beforeEach(() => {
    server.answer = ({ url }, reply) => {
      const start = Number(url.searchParams.get('continue') ?? '0');
      const items = names.slice(start, start + 2).map((name) => ({ metadata: { name } }));
      const next = start + 2 < names.length ? String(start + 2) : undefined;
      sendJson(reply, { metadata: { resourceVersion: `1${start}`, continue: next }, items });
    };
  });

  it('puts all pages together, with the version of the last', async () => {
    const result = await api.list(SECRETS, {
      namespace: 'shop',
      labelSelector: 'a=b,c',
      fieldSelector: 'type!=x',
    });
    expect(result.ok && result.value.items.map(({ metadata }) => metadata.name)).toEqual(names);
    expect(result.ok && result.value.resourceVersion).toBe('14');
    expect(server.asked.map(({ url }) => url.searchParams.get('continue'))).toEqual([null, '2', '4']);
    for (const { url } of server.asked) {
      expect(url.pathname).toBe('/api/v1/namespaces/shop/secrets');
      expect(url.searchParams.get('labelSelector')).toBe('a=b,c');
      expect(url.searchParams.get('fieldSelector')).toBe('type!=x');
      expect(url.searchParams.get('limit')).toBe('10');
    }
  });

  it('asks for metadata only', async () => {
    await api.list(SECRETS, { metadataOnly: true });
    expect(server.asked[0]?.headers['accept']).toBe(
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
    );
  });

  it.each([
    ['of anything', NAMESPACES, {}, '500'],
    ['of secrets, of which ten can be 14 MiB', SECRETS, {}, '10'],
    ['of their metadata', SECRETS, { metadataOnly: true }, '500'],
  ])('asks for pages that fit into memory: %s', async (_, type, scope, limit) => {
    await api.list(type, scope);
    expect(server.asked[0]?.url.searchParams.get('limit')).toBe(limit);
  });

  it('takes an empty list, which may be null, and skips what has no name', async () => {
    server.answer = (_asked, reply) => {
      sendJson(reply, { metadata: { resourceVersion: '1' }, items: null });
    };
    expect(await api.list(SECRETS, {})).toEqual({ ok: true, value: { items: [], resourceVersion: '1' } });
    server.answer = (_asked, reply) => {
      sendJson(reply, { metadata: { resourceVersion: '1' }, items: [null, {}, { metadata: { name: 'a' } }] });
    };
    expect(await api.list(SECRETS, {})).toMatchObject({ value: { items: [{ metadata: { name: 'a' } }] } });
  });

  it('has one time for all pages', async () => {
    server.answer = (_asked, reply) => {
      setTimeout(() => {
        sendJson(reply, { metadata: { resourceVersion: '1', continue: 'more' }, items: [] });
      }, 30);
    };
    const began = performance.now();
    expect(failureOf(await api.list(SECRETS, {}, { timeoutMs: 200 }))).toMatchObject({ kind: 'unreachable' });
    expect(performance.now() - began).toBeLessThan(5000);
  });
});
