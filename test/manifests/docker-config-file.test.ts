import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { printProblem } from '../../src/domain/problem.ts';
import { parsePullSecret } from '../../src/domain/pull-secret.ts';
import { loadDockerConfig, parseDockerConfigFile } from '../../src/manifests/docker-config-file.ts';

const LOGIN = { 'fra.ocir.io': { auth: Buffer.from('me:hunter2').toString('base64') } };

function parse(config: unknown) {
  return parseDockerConfigFile(typeof config === 'string' ? config : JSON.stringify(config), 'config.json');
}

describe('parseDockerConfigFile', () => {
  it('makes a pull secret of the logins, and of nothing else', () => {
    const parsed = parse({ auths: LOGIN, HttpHeaders: { 'X-Token': 'secret' }, psFormat: 'x' });
    if (!parsed.ok) throw new Error('refused');
    expect(parsed.value.notes).toEqual([]);
    const data = Buffer.from(parsed.value.secret.data['.dockerconfigjson']!, 'base64').toString();
    expect(JSON.parse(data)).toEqual({ auths: LOGIN });
    const secret = parsePullSecret(parsed.value.secret);
    expect(secret.ok && secret.value?.entries[0]?.credential.username).toBe('me');
  });

  it('takes a file without logins for one without logins', () => {
    const parsed = parse({});
    expect(parsed.ok && parsed.value.notes).toEqual([]);
  });

  it('goes on with the logins that are there, and says which are not', () => {
    const parsed = parse({ auths: LOGIN, credHelpers: { 'gcr.io': 'gcloud' } });
    expect(parsed.ok && parsed.value.notes.map(printProblem)).toEqual([
      expect.stringContaining(
        'config.json credHelpers["gcr.io"]: the login of "gcr.io" is kept by a helper',
      ) as string,
    ]);
  });

  it.each([
    ['a store', { auths: { 'fra.ocir.io': {} }, credsStore: 'desktop' }, 'the helper "desktop"'],
    ['helpers', { credHelpers: { 'gcr.io': 'gcloud' } }, '"gcr.io" is kept by a helper'],
    ['no JSON', '{', 'not a JSON object'],
    ['a list', '[]', 'not a JSON object'],
    ['a login that cannot be decoded', { auths: { 'a.example': { auth: 'hunter2' } } }, 'auth is not base64'],
  ])('refuses %s with what to do, and without the secret', (_, config, words) => {
    const parsed = parse(config);
    if (parsed.ok) throw new Error('accepted');
    const text = parsed.error.map(printProblem).join('\n');
    expect(text).toContain(words);
    expect(text).not.toMatch(/hunter2|kubelet/);
  });
});

describe('loadDockerConfig', () => {
  it('reads a file, and says when there is none', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'docker-config-'));
    try {
      const file = path.join(folder, 'config.json');
      expect(await loadDockerConfig(file)).toMatchObject({
        ok: false,
        error: [{ code: 'ManifestsMissing' }],
      });
      await writeFile(file, JSON.stringify({ auths: LOGIN }));
      expect(await loadDockerConfig(file)).toMatchObject({
        ok: true,
        value: { secret: { name: 'docker-config' } },
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
