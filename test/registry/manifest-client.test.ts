import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Credential } from '../../src/domain/credential.ts';
import type { Finding } from '../../src/domain/outcome.ts';
import type { ManifestClient } from '../../src/registry/manifest-client.ts';
import {
  digestOfText,
  indexManifest,
  MisbehavingRegistry,
  type Fault,
} from '../support/misbehaving-registry.ts';
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

/** Budget 600 ms and a dial time-out of 250, so that the slow cases end soon. */
function newClient(): ManifestClient {
  client = clientFor([fra], { settings: { dialTimeoutMs: 250, hedgeMs: 100, probeTimeoutMs: 400 } });
  return client;
}

describe('head of a registry that works', () => {
  it('answers with the digest after the token dance', async () => {
    const found = await newClient().head(questionOf(fra, credential), 600);
    expect(found).toEqual({ outcome: 'available', evidence: 'answered', digest });
    expect(fra.requests.map(({ method, url }) => `${method} ${url.split('?')[0]}`)).toEqual([
      'HEAD /v2/team/app/manifests/1.0',
      'GET /token',
      'HEAD /v2/team/app/manifests/1.0',
    ]);
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

describe('head of a registry that misbehaves', () => {
  it.each(ROWS)(
    'says $outcome ($evidence) for $fault, in time',
    async ({ fault, outcome, evidence, detail }) => {
      fra.fault = fault;
      await fra.settled();
      const started = performance.now();
      const found = await newClient().head(questionOf(fra, credential), 600);
      expect(found).toMatchObject({ outcome, evidence });
      expect(found.detail).toMatch(detail);
      expect(performance.now() - started).toBeLessThan(700);
    },
  );
});

describe('ping', () => {
  it('takes a 401 for a sign of life', async () => {
    expect(await newClient().ping(endpointOf(fra), 500)).toEqual({
      outcome: 'available',
      evidence: 'answered',
    });
  });
});
