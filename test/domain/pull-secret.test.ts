// Tests of pull secrets: what the kubelet would make of a Secret, problems without secrets in them, stable printing.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Credential } from '../../src/domain/credential.ts';
import { parseDockerConfigJson, parseDockercfg } from '../../src/domain/docker-config.ts';
import { parsePullSecret, printDockerConfigJson } from '../../src/domain/pull-secret.ts';
import type { PullSecretEntry } from '../../src/domain/pull-secret.ts';

const TYPE = 'kubernetes.io/dockerconfigjson';

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function secret(json: unknown): Parameters<typeof parsePullSecret>[0] {
  const text = typeof json === 'string' ? json : JSON.stringify(json);
  return { name: 'regcred', type: TYPE, data: { '.dockerconfigjson': base64(text) } };
}

function entry(key: string, username: string, password = 'pw', email?: string): PullSecretEntry {
  return { key, credential: new Credential({ username, password, email }) };
}

function plain(entries: readonly PullSecretEntry[]): unknown[] {
  return entries.map(({ key, credential }) => [
    key,
    credential.username,
    credential.password(),
    credential.email,
  ]);
}

describe('parsePullSecret', () => {
  it('gives the entries with their keys as written', () => {
    const parsed = parsePullSecret(
      secret({
        auths: { 'https://reg/v1/': { auth: base64('u:p') }, 'a/b': { username: 'x', password: 'y' } },
      }),
    );
    expect(parsed.ok && parsed.value?.name).toBe('regcred');
    expect(parsed.ok && plain(parsed.value?.entries ?? [])).toEqual([
      ['https://reg/v1/', 'u', 'p', undefined],
      ['a/b', 'x', 'y', undefined],
    ]);
  });

  it.each([
    ['another type', { name: 's', type: 'Opaque', data: { '.dockerconfigjson': 'garbage!' } }],
    ['another data key', { name: 's', type: TYPE, data: { '.dockercfg': 'garbage!' } }],
    ['no data', { name: 's', type: TYPE, data: {} }],
    ['an empty value', { name: 's', type: TYPE, data: { '.dockerconfigjson': '' } }],
    ['an inherited name', { name: 's', type: 'constructor', data: {} }],
  ])('passes over %s in silence', (_, object) => {
    expect(parsePullSecret(object)).toEqual({ ok: true, value: undefined });
  });

  it('says that a bad secret blocks every pull, where it is bad, and of which secret it speaks', () => {
    const parsed = parsePullSecret(
      secret({ auths: { good: {}, 'reg.example': { auth: 'aHVudGVyMg' }, b: 'x' } }),
    );
    expect(parsed).toEqual({
      ok: false,
      error: {
        path: '.data[".dockerconfigjson"].auths["reg.example"].auth',
        code: 'InvalidPullSecret',
        message:
          'auth is not base64 of user:password (and 1 more); the kubelet would refuse every pull of a pod that names secret "regcred"',
        fix: 'Make auth anew, or leave it out',
      },
    });
  });

  it('refuses a value that is not base64', () => {
    const parsed = parsePullSecret({ name: 's', type: TYPE, data: { '.dockerconfigjson': '{"auths":{}}' } });
    expect(parsed).toMatchObject({ ok: false, error: { path: '.data[".dockerconfigjson"]' } });
  });

  it.each([
    ['no JSON', '{"auths":{"reg":{"password":"hunter2"}}'],
    ['JSON with a text after it', '{} hunter2'],
    ['a bare password', '"hunter2"'],
    ['auth without a colon', { auths: { reg: { auth: base64('hunter2') } } }],
    ['auth that is not base64', { auths: { reg: { auth: 'hunter2!' } } }],
    ['an entry that is a password', { auths: { reg: 'hunter2' } }],
    ['a password in the key', { auths: { 'https://user:hunter2@reg': 'x' } }],
    ['a password of the wrong type', { auths: { reg: { password: ['hunter2'] } } }],
    ['headers', { HttpHeaders: { Authorization: ['hunter2'] } }],
  ])('keeps secret text out of the problem: %s', (_, json) => {
    const parsed = parsePullSecret(secret(json));
    expect(parsed.ok).toBe(false);
    expect(JSON.stringify(parsed)).not.toMatch(/hunter2|aHVudGVyMg/);
  });

  it('throws on no bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        parsePullSecret(secret(text));
        parsePullSecret({ name: 's', type: TYPE, data: { '.dockerconfigjson': text } });
        parseDockercfg(text);
      }),
    );
  });
});

describe('parseDockerConfigJson', () => {
  it('reports every bad entry at once', () => {
    const parsed = parseDockerConfigJson(JSON.stringify({ auths: { a: 1, b: { auth: '!' }, c: {} } }));
    expect(!parsed.ok && parsed.error.map((problem) => problem.path)).toEqual([
      '.auths["a"]',
      '.auths["b"].auth',
    ]);
  });
});

describe('printDockerConfigJson', () => {
  it('has stable bytes: sorted, auth beside user and password, email only if there is one', () => {
    const entries = [entry('b.example', 'u', 'p', 'e@x'), entry('a.example/x', 'v', 'q')];
    const text =
      '{"auths":{"a.example/x":{"auth":"djpx","password":"q","username":"v"},' +
      '"b.example":{"auth":"dTpw","email":"e@x","password":"p","username":"u"}}}';
    expect(printDockerConfigJson(entries)).toBe(text);
    expect(printDockerConfigJson(entries.toReversed())).toBe(text);
    expect(printDockerConfigJson([])).toBe('{"auths":{}}');
  });

  it('lets the first of two entries under one key win', () => {
    const text = printDockerConfigJson([entry('a', 'first'), entry('a', 'second')]);
    expect(text).toContain('first');
    expect(text).not.toContain('second');
  });

  it('leaves auth out where it would mean another user: a colon in the user name', () => {
    expect(printDockerConfigJson([entry('a', 'x:y', 'z')])).toBe(
      '{"auths":{"a":{"password":"z","username":"x:y"}}}',
    );
  });

  it('is read back as the same entries', () => {
    const text = fc.string({ unit: 'grapheme' });
    const key = fc.oneof(fc.constantFrom('__proto__', '10', '9', 'constructor', 'reg:5000/a'), text);
    const entries = fc.uniqueArray(
      fc.tuple(key, text, text, fc.option(text, { nil: undefined })).map((parts) => entry(...parts)),
      { selector: (made) => made.key },
    );
    fc.assert(
      fc.property(entries, (original) => {
        const parsed = parseDockerConfigJson(printDockerConfigJson(original));
        const byKey = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
        expect(parsed.ok && plain(parsed.value).sort(byKey)).toEqual(plain(original).sort(byKey));
      }),
    );
  });
});
