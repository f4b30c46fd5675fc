import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Credential } from '../../src/domain/credential.ts';
import type { Finding } from '../../src/domain/outcome.ts';
import type { ManifestClient } from '../../src/registry/manifest-client.ts';
import {
  digestOfText,
  FAULTS,
  indexManifest,
  MisbehavingRegistry,
  type Fault,
} from '../support/misbehaving-registry.ts';
import { testCa } from '../support/tls.ts';
import { clientFor, endpointOf, questionOf } from './client.ts';

const credential = new Credential({ username: 'puller', password: 'S3cr3t-of-fra' });
const body = indexManifest();
const digest = digestOfText(body);
let fra: MisbehavingRegistry;
let client: ManifestClient;

beforeAll(async () => {
  fra = await MisbehavingRegistry.start({
    name: 'fra.registry.test',
    address: '127.0.1.2',
    credential: { username: 'puller', password: 'S3cr3t-of-fra' },
    images: { 'team/app': { '1.0': body } },
  });
});
afterAll(() => fra.stop());
afterEach(async () => {
  await client.close();
  fra.fault = 'none';
  await fra.settled();
  fra.forget();
  fra.tokens.clear();
});

/** Short times only where something is dead: a busy machine must not make a registry that lives look so. */
function newClient(dialTimeoutMs = 3000): ManifestClient {
  client = clientFor([fra], { settings: { dialTimeoutMs, hedgeMs: 1000, probeTimeoutMs: 4000 } });
  return client;
}

describe('head of a registry that works', () => {
  it('answers with the digest after the token dance', async () => {
    const found = await newClient().head(questionOf(fra, credential), 3000);
    expect(found).toEqual({ outcome: 'available', evidence: 'answered', digest });
    expect(fra.requests.map(({ method, url }) => `${method} ${url.split('?')[0]}`)).toEqual([
      'HEAD /v2/team/app/manifests/1.0',
      'GET /token',
      'HEAD /v2/team/app/manifests/1.0',
    ]);
  });
});

describe('a wrong password at a registry with Basic', () => {
  it('is one failed login per question, and the words are there all the same', async () => {
    const basic = await MisbehavingRegistry.start({
      name: 'fra.registry.test',
      address: '127.0.1.10',
      auth: 'basic',
      credential: { username: 'puller', password: 'right' },
      images: { 'team/app': { '1.0': body } },
    });
    client = clientFor([basic]);
    const found = await client.head(questionOf(basic, credential), 3000);
    expect(found).toMatchObject({ outcome: 'denied', detail: expect.stringContaining('UNAUTHORIZED') });
    expect(basic.requests.filter((request) => request.basic !== undefined)).toHaveLength(1);
    await basic.stop();
  });
});

describe('a server that shows one page for whatever it is asked', () => {
  it.each([
    { what: 'a tag', reference: '1.0' },
    { what: 'a digest', reference: digest },
  ])('serves no $what', async ({ reference }) => {
    const { certPem, keyPem } = await (await testCa()).issue({ names: ['page.registry.test'] });
    const server = createServer({ cert: certPem, key: keyPem }, (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>We will be back soon</html>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.1.9', resolve));
    const { port } = server.address() as AddressInfo;
    const page = { name: 'page.registry.test', address: '127.0.1.9', port, trust: (await testCa()).trust };
    client = clientFor([page]);
    const found = await client.head(questionOf(page, undefined, { reference }), 3000);
    expect(found).toMatchObject({ outcome: 'failing', detail: expect.stringContaining('no manifest') });
    server.close();
    server.closeAllConnections();
  });
});

interface Row {
  readonly fault: Fault;
  readonly outcome: Finding['outcome'];
  readonly evidence: Finding['evidence'];
  readonly detail: RegExp;
}

const ROWS: Row[] = [
  {
    fault: 'refused',
    outcome: 'unreachable',
    evidence: 'connection-failed',
    detail: /connection refused \(127\.0\.1\.2:\d+\)/u,
  },
  {
    fault: 'tlsNeverAnswers',
    outcome: 'unreachable',
    evidence: 'connection-failed',
    detail: /TCP connection, but no TLS handshake .* within 250 ms/u,
  },
  { fault: 'silent', outcome: 'slow', evidence: 'silent', detail: /connected, but no answer in time/u },
  { fault: 'slowHeaders', outcome: 'slow', evidence: 'silent', detail: /answer did not end in time/u },
  { fault: 'slowBody', outcome: 'slow', evidence: 'silent', detail: /answer did not end in time/u },
  { fault: 'reset', outcome: 'unreachable', evidence: 'connection-failed', detail: /connection reset/u },
  { fault: 'garbageHttp', outcome: 'failing', evidence: 'manifest-failed', detail: /does not speak HTTP/u },
  {
    fault: 'tlsExpired',
    outcome: 'unreachable',
    evidence: 'connection-failed',
    detail: /certificate expired 2026-01-02/u,
  },
  {
    fault: 'tlsWrongName',
    outcome: 'unreachable',
    evidence: 'connection-failed',
    detail: /certificate is for other\.registry\.test, not fra\.registry\.test/u,
  },
  {
    fault: 'tlsUnknownCa',
    outcome: 'unreachable',
    evidence: 'connection-failed',
    detail: /signed by an unknown authority \(issuer Nobody knows me CA\)/u,
  },
  {
    fault: 'loop401',
    outcome: 'denied',
    evidence: 'answered',
    detail: /answered 401: UNAUTHORIZED: authentication required/u,
  },
  {
    fault: 'forbidden',
    outcome: 'denied',
    evidence: 'answered',
    detail: /answered 403: DENIED: requested access/u,
  },
  {
    fault: 'notFound',
    outcome: 'missing',
    evidence: 'answered',
    detail: /answered 404: MANIFEST_UNKNOWN: manifest unknown/u,
  },
  { fault: 'throttled', outcome: 'throttled', evidence: 'answered', detail: /answered 429/u },
  { fault: 'rateLimitUsedUp', outcome: 'throttled', evidence: 'answered', detail: /rate limit is used up/u },
  { fault: 'error500', outcome: 'failing', evidence: 'manifest-failed', detail: /answered 500/u },
  { fault: 'error503', outcome: 'failing', evidence: 'manifest-failed', detail: /answered 503/u },
  { fault: 'redirectLoop', outcome: 'failing', evidence: 'manifest-failed', detail: /round in circles/u },
  {
    fault: 'redirectPrivate',
    outcome: 'denied',
    evidence: 'answered',
    detail: /redirect target 169\.254\.169\.254: not contacted: 169\.254\.169\.254 is a link-local address/u,
  },
  {
    fault: 'redirectPlain',
    outcome: 'denied',
    evidence: 'answered',
    detail: /redirects to http:.*not https/u,
  },
  { fault: 'garbageJson', outcome: 'failing', evidence: 'manifest-failed', detail: /holds no token/u },
  {
    fault: 'garbageChallenge',
    outcome: 'denied',
    evidence: 'answered',
    detail: /in a way we do not understand/u,
  },
  { fault: 'realmPlain', outcome: 'denied', evidence: 'answered', detail: /which is not https/u },
  { fault: 'tokenError', outcome: 'failing', evidence: 'manifest-failed', detail: /answered 503/u },
  {
    fault: 'tokenDenied',
    outcome: 'denied',
    evidence: 'answered',
    detail: /answered 401: UNAUTHORIZED: incorrect/u,
  },
  { fault: 'tokenThrottled', outcome: 'throttled', evidence: 'answered', detail: /answered 429/u },
  { fault: 'tokenRefused', outcome: 'denied', evidence: 'answered', detail: /answered 401/u },
];

describe('head of a registry that misbehaves', { retry: 2 }, () => {
  it.each(ROWS)(
    'says $outcome ($evidence) for $fault, in time',
    async ({ fault, outcome, evidence, detail }) => {
      fra.fault = fault;
      await fra.settled();
      const started = performance.now();
      const budgetMs = outcome === 'slow' ? 600 : 3000;
      const asker = newClient(fault === 'tlsNeverAnswers' ? 250 : 3000);
      const found = await asker.head(questionOf(fra, credential), budgetMs);
      expect(found).toMatchObject({ outcome, evidence });
      expect(found.detail).toMatch(detail);
      expect(performance.now() - started).toBeLessThan(budgetMs + 300);
    },
  );
});

describe('head of a registry that is odd', () => {
  const tag = { reference: '1.0' };
  const byDigest = { reference: digest };
  it.each<{ fault: Fault; what: string; other: { reference: string }; expected: Partial<Finding> }>([
    { fault: 'headRefused', what: 'a tag', other: tag, expected: { outcome: 'available', digest } },
    { fault: 'noDigest', what: 'a tag', other: tag, expected: { outcome: 'available', digest } },
    { fault: 'noDigest', what: 'a digest', other: byDigest, expected: { outcome: 'available', digest } },
    { fault: 'none', what: 'a digest', other: byDigest, expected: { outcome: 'available', digest } },
    {
      fault: 'lyingDigest',
      what: 'a digest',
      other: byDigest,
      expected: { outcome: 'failing', evidence: 'manifest-failed', detail: expect.stringContaining('lies') },
    },
    {
      fault: 'endlessBody',
      what: 'a tag',
      other: tag,
      expected: { outcome: 'failing', detail: expect.stringContaining('more than 4 MiB') },
    },
    { fault: 'tokenPostOnly', what: 'a tag', other: tag, expected: { outcome: 'available', digest } },
  ])('$fault, asked for $what: $expected.outcome', async ({ fault, other, expected }) => {
    fra.fault = fault;
    expect(await newClient().head(questionOf(fra, credential, other), 2000)).toMatchObject(expected);
  });

  it('never asks twice when it is limited', async () => {
    fra.fault = 'throttled';
    const found = await newClient().head(questionOf(fra, credential), 3000);
    expect(found.retryAfterMs).toBe(120_000);
    expect(fra.requests).toHaveLength(1);
  });

  it('reads a Retry-After that is a date', async () => {
    fra.fault = 'throttled';
    fra.retryAfter = new Date(Date.now() + 300_000).toUTCString();
    const found = await newClient().head(questionOf(fra, credential), 3000);
    expect(found.retryAfterMs).toBeGreaterThan(290_000);
    expect(found.retryAfterMs).toBeLessThanOrEqual(300_000);
    fra.retryAfter = '120';
  });

  it('spends at most eight exchanges, whatever happens', async () => {
    const asker = newClient();
    for (const fault of FAULTS) {
      fra.fault = fault;
      await fra.settled();
      fra.forget();
      await asker.head(questionOf(fra, credential), 300);
      expect(fra.requests.length, fault).toBeLessThanOrEqual(8);
    }
  }, 30_000);
});

describe('describe', () => {
  it('sees through a digest that the content does not have', async () => {
    fra.fault = 'lyingDigest';
    const found = await newClient().describe(questionOf(fra, credential), 2000);
    expect(found).toMatchObject({
      outcome: 'failing',
      detail: expect.stringContaining('it says sha256:000'),
    });
  });

  it('lists the platforms of an index', async () => {
    expect(await newClient().describe(questionOf(fra, credential), 2000)).toEqual({
      outcome: 'available',
      evidence: 'answered',
      digest,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      platforms: ['linux/amd64', 'linux/arm64'],
    });
  });
});

describe('ping', () => {
  it('takes a 401 for a sign of life', async () => {
    expect(await newClient().ping(endpointOf(fra), 3000)).toEqual({
      outcome: 'available',
      evidence: 'answered',
    });
  });
});
