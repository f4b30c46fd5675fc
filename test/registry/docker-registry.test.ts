import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Credential } from '../../src/domain/credential.ts';
import type { ManifestClient } from '../../src/registry/manifest-client.ts';
import { DockerRegistry, whyNoDockerRegistry } from '../support/docker-registry.ts';
import { TokenServer } from '../support/token-server.ts';
import { clientFor, questionOf } from './client.ts';

const skipped = whyNoDockerRegistry();
const because = skipped === undefined ? '' : ` (skipped: ${skipped})`;
const right = new Credential({ username: 'puller', password: 'S3cr3t-of-fra' });
const wrong = new Credential({ username: 'puller', password: 'something else' });
// bcrypt of the password above, cost 4.
const HTPASSWD = 'puller:$2y$04$PIQ/iS1I9IejZM7b2VwVCuL0/UsB9tYMxSe.5xHqoJob0Cvj87xI2';
const ABSENT = `sha256:${'a'.repeat(64)}`;

describe.skipIf(skipped !== undefined)(`a real docker-registry with htpasswd${because}`, () => {
  let registry: DockerRegistry;
  let client: ManifestClient;
  let pushed: { index: string; image: string };

  beforeAll(async () => {
    registry = await DockerRegistry.start({
      name: 'basic.registry.test',
      address: '127.0.2.1',
      auth: { kind: 'htpasswd', line: HTPASSWD },
    });
    pushed = await registry.push('team/app', '1.0', `Basic ${right.basic()}`);
    client = clientFor([registry]);
  });
  afterAll(async () => {
    await client.close();
    await registry.stop();
  });

  it('serves a tag with the index of all platforms', async () => {
    const found = await client.head(questionOf(registry, right), 2000);
    expect(found).toEqual({ outcome: 'available', evidence: 'answered', digest: pushed.index });
  });

  it('serves a digest', async () => {
    const found = await client.head(questionOf(registry, right, { reference: pushed.image }), 2000);
    expect(found).toEqual({ outcome: 'available', evidence: 'answered', digest: pushed.image });
  });

  it.each([
    { what: 'an unknown tag', other: { reference: '9.9' } },
    { what: 'an unknown digest', other: { reference: ABSENT } },
    { what: 'an unknown repository', other: { repository: 'team/nothing' } },
  ])('says missing for $what', async ({ other }) => {
    const found = await client.head(questionOf(registry, right, other), 2000);
    expect(found).toMatchObject({ outcome: 'missing', evidence: 'answered' });
    expect(found.detail).toMatch(/answered 404: (?:MANIFEST|NAME)_UNKNOWN/u);
  });

  it('says denied for a wrong password, in the words of the registry', async () => {
    const found = await client.head(questionOf(registry, wrong), 2000);
    expect(found).toMatchObject({ outcome: 'denied', evidence: 'answered' });
    expect(found.detail).toContain('UNAUTHORIZED: authentication required');
  });

  it('says denied without a credential, and shows nothing', async () => {
    const found = await client.head(questionOf(registry), 2000);
    expect(found).toMatchObject({
      outcome: 'denied',
      detail: expect.stringContaining('there is no credential'),
    });
  });

  it('describes an index by its platforms', async () => {
    const found = await client.describe(questionOf(registry, right), 2000);
    expect(found).toMatchObject({ digest: pushed.index, platforms: ['linux/amd64', 'linux/arm64'] });
  });

  it('describes a single image by the platform in its configuration', async () => {
    const found = await client.describe(questionOf(registry, right, { reference: pushed.image }), 2000);
    expect(found).toMatchObject({
      platforms: ['linux/amd64'],
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
    });
  });
});

describe.skipIf(skipped !== undefined)(`a real docker-registry with tokens${because}`, () => {
  let tokens: TokenServer;
  let registry: DockerRegistry;
  let client: ManifestClient;
  let pushed: { index: string; image: string };

  beforeAll(async () => {
    tokens = await TokenServer.start({
      name: 'auth.registry.test',
      address: '127.0.2.2',
      issuer: 'test issuer',
      users: [
        { username: 'puller', password: 'S3cr3t-of-fra', repositories: ['team/app'] },
        { username: 'pusher', password: 'push', repositories: ['*'] },
      ],
    });
    registry = await DockerRegistry.start({
      name: 'token.registry.test',
      address: '127.0.2.3',
      auth: { kind: 'token', realm: tokens.realm, issuer: 'test issuer' },
    });
    client = clientFor([
      registry,
      { name: tokens.name, address: tokens.address, port: tokens.port, trust: undefined },
    ]);
    for (const repository of ['team/app', 'team/other']) {
      const token = tokens.issue(`repository:${repository}:pull,push`, 'pusher', registry.name);
      pushed = await registry.push(repository, '1.0', `Bearer ${token}`);
    }
  });
  afterAll(async () => {
    await client.close();
    await registry.stop();
    await tokens.stop();
  });

  it('serves a tag after the dance, and asks for one token only', async () => {
    tokens.requests.length = 0;
    const question = questionOf(registry, right);
    const found = await Promise.all(Array.from({ length: 20 }, () => client.head(question, 2000)));
    for (const each of found)
      expect(each).toEqual({ outcome: 'available', evidence: 'answered', digest: pushed.index });
    expect(tokens.requests.map(({ username }) => username)).toEqual(['puller']);
  });

  it('says denied for a repository that the credential does not reach', async () => {
    const found = await client.head(questionOf(registry, right, { repository: 'team/other' }), 2000);
    expect(found).toMatchObject({ outcome: 'denied', evidence: 'answered' });
    expect(found.detail).toContain('UNAUTHORIZED');
  });

  it('says denied for a wrong password, naming the token server', async () => {
    const found = await client.head(questionOf(registry, wrong, { fingerprint: 'wrong' }), 2000);
    expect(found).toMatchObject({ outcome: 'denied' });
    expect(found.detail).toMatch(
      /token server auth\.registry\.test:\d+ answered 401: UNAUTHORIZED: wrong password/u,
    );
  });
});
