// The admission server over real TLS sockets: reviews in, reviews out, and a reason for everything else.
import { Agent, request } from 'node:https';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdmissionRequest } from '../../src/admission/review.ts';
import { AdmissionServer } from '../../src/http/admission-server.ts';
import { testCa } from '../support/tls.ts';

let server: AdmissionServer;
let ca: string;
let port: number;
const seen: { request: AdmissionRequest; timeoutMs: number | undefined }[] = [];
const refused: number[] = [];

beforeAll(async () => {
  const authority = await testCa();
  ca = authority.pem;
  const pair = await authority.issue({ names: ['localhost', '127.0.0.1'] });
  server = new AdmissionServer({
    cert: pair.certPem,
    key: pair.keyPem,
    onRefused: (status) => void refused.push(status),
    handler: {
      admit: (admission, timeoutMs) => {
        seen.push({ request: admission, timeoutMs });
        const patch = [{ op: 'replace' as const, path: '/spec/containers/0/image', value: 'b' }];
        return admission.namespace === 'late'
          ? Promise.resolve({ patch, warnings: ['w'] })
          : { patch: [], warnings: [] };
      },
    },
  });
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  port = (server.app.server.address() as { port: number }).port;
});
afterAll(() => server.close(1000));

function post(body: string | Buffer, path = '/mutate?timeout=3s', type = 'application/json', agent?: Agent) {
  return new Promise<{ status: number; body: string; headers: Record<string, unknown> }>(
    (resolve, reject) => {
      const outgoing = request(
        { host: '127.0.0.1', port, ca, path, method: 'POST', headers: { 'content-type': type }, agent },
        (incoming) => {
          let text = '';
          incoming.on('data', (chunk: Buffer) => (text += chunk.toString()));
          incoming.on('end', () =>
            resolve({ status: incoming.statusCode ?? 0, body: text, headers: incoming.headers }),
          );
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    },
  );
}

function review(namespace: string): string {
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u-1',
      namespace,
      operation: 'CREATE',
      resource: { group: '', version: 'v1', resource: 'pods' },
      object: {},
    },
  });
}

describe('AdmissionServer', () => {
  it('answers a review with its uid, allowed, and no patch where nothing changes', async () => {
    const answer = await post(review('now'));
    expect(JSON.parse(answer.body)).toEqual({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: 'u-1', allowed: true },
    });
    expect(seen.at(-1)).toMatchObject({ timeoutMs: 3000, request: { namespace: 'now', dryRun: false } });
  });

  it('answers a review that had to wait with patch and warnings', async () => {
    const { response } = JSON.parse((await post(review('late'))).body) as { response: { patch: string } };
    expect(response).toMatchObject({ patchType: 'JSONPatch', warnings: ['w'], allowed: true });
    expect(JSON.parse(Buffer.from(response.patch, 'base64').toString())).toHaveLength(1);
  });

  it.each([
    ['nothing', ''],
    ['no JSON', 'hello'],
    ['half a review', review('now').slice(0, 40)],
    ['an array', '[]'],
    ['another kind', '{"apiVersion":"admission.k8s.io/v1","kind":"Pod"}'],
    ['another version', '{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"}'],
    ['no request', '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}'],
    ['no uid', '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}}'],
  ])('answers %s with 400 and a reason', async (_name, body) => {
    const answer = await post(body);
    expect(answer.status).toBe(400);
    expect((JSON.parse(answer.body) as { error: { message: string; fix: string } }).error).toMatchObject({
      message: expect.stringMatching(/./),
      fix: expect.stringMatching(/./),
    });
    expect(refused.at(-1)).toBe(400);
  });

  it.each(['text/plain', 'application/yaml', 'multipart/form-data'])(
    'does not care that the body calls itself "%s"',
    async (type) => {
      expect((await post(review('now'), '/mutate', type)).status).toBe(200);
      expect((await post('garbage', '/mutate', type)).status).toBe(400);
    },
  );

  it('answers whatever bytes with 400', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        expect((await post(Buffer.from(bytes))).status).toBe(400);
      }),
      { numRuns: 50 },
    );
  });

  it('answers too large a body with 413', async () => {
    const answer = await server.app.inject({
      method: 'POST',
      url: '/mutate',
      body: 'x'.repeat(8 * 1024 * 1024 + 1),
    });
    expect(answer.statusCode).toBe(413);
    expect(answer.json()).toMatchObject({ error: { code: 'TooLarge' } });
  });

  it('answers other paths with 404 and says where to go', async () => {
    expect(await post(review('now'), '/other')).toMatchObject({
      status: 404,
      body: expect.stringContaining('/mutate'),
    });
  });

  it('shows a new certificate to the next handshake, and open connections go on', async () => {
    const fingerprintOf = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port, ca, servername: 'localhost' }, () => {
          resolve(socket.getPeerCertificate().fingerprint256);
          socket.destroy();
        });
        socket.on('error', reject);
      });
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca });
    const before = await fingerprintOf();
    expect((await post(review('now'), '/mutate', 'application/json', agent)).status).toBe(200);
    const pair = await (await testCa()).issue({ names: ['localhost', '127.0.0.1'] });
    server.useCertificate({ cert: pair.certPem, key: pair.keyPem });
    expect(await fingerprintOf()).not.toBe(before);
    expect((await post(review('now'), '/mutate', 'application/json', agent)).status).toBe(200);
    agent.destroy();
  });

  it('asks every caller to come back elsewhere once it drains', async () => {
    expect((await post(review('now'))).headers['connection']).not.toBe('close');
    server.startDraining();
    expect((await post(review('now'))).headers['connection']).toBe('close');
    expect((await post('x')).headers['connection']).toBe('close');
  });
});
