// Tests of the keyring: the kubelet's own answers as a table, and the laws of its look-up.
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Credential } from '../../src/domain/credential.ts';
import { Keyring } from '../../src/domain/keyring.ts';
import { parsePullSecret } from '../../src/domain/pull-secret.ts';
import type { ParsedPullSecret, PullSecretObject } from '../../src/domain/pull-secret.ts';
import { parseReference, repositoryName } from '../../src/domain/reference.ts';
import { keyMatches, normaliseKey, parseKey, printKey } from '../../src/domain/registry-key.ts';

interface GoldenCase {
  readonly title: string;
  readonly secrets: readonly PullSecretObject[] | null;
  readonly blocked: boolean;
  readonly lookups: readonly {
    readonly image: string;
    readonly name: string;
    readonly found: readonly { secret: string; username: string; password: string; email: string }[];
  }[];
}

const GOLDEN = (
  JSON.parse(readFileSync(new URL('../fixtures/keyring.json', import.meta.url), 'utf8')) as {
    cases: GoldenCase[];
  }
).cases;

function encoded(secret: PullSecretObject): PullSecretObject {
  const data = Object.entries(secret.data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  return { ...secret, data: Object.fromEntries(data) as Record<string, string> };
}

function secretOf(name: string, users: Readonly<Record<string, string>>): ParsedPullSecret {
  const entries = Object.entries(users).map(([key, username]) => ({
    key,
    credential: new Credential({ username, password: `${username}-pw` }),
  }));
  return { name, entries };
}

function usersAt(keyring: Keyring, name: string): string[] {
  return keyring.lookup(name).map((match) => match.credential.username);
}

describe('Keyring', () => {
  it.each(GOLDEN.map((golden) => [golden.title, golden] as const))('as the kubelet: %s', (_, golden) => {
    const parsed = (golden.secrets ?? []).map((secret) => parsePullSecret(encoded(secret)));
    expect(parsed.some((result) => !result.ok)).toBe(golden.blocked);
    if (golden.blocked) return;
    const keyring = new Keyring(
      parsed.flatMap((result) => (result.ok && result.value !== undefined ? [result.value] : [])),
    );
    for (const { image, name, found } of golden.lookups) {
      const reference = parseReference(image);
      expect(reference.ok && repositoryName(reference.value)).toBe(name);
      const ours = keyring.lookup(name).map(({ credential, secretName }) => ({
        secret: secretName,
        username: credential.username,
        password: credential.password(),
        email: credential.email ?? '',
      }));
      expect(ours, image).toEqual(found);
    }
  });

  it('has a table in which both answers are common', () => {
    const lookups = GOLDEN.flatMap((golden) => golden.lookups);
    expect(lookups.filter((lookup) => lookup.found.length > 0).length).toBeGreaterThan(100);
    expect(lookups.filter((lookup) => lookup.found.length === 0).length).toBeGreaterThan(100);
    expect(GOLDEN.filter((golden) => golden.blocked).length).toBeGreaterThan(20);
  });

  it('says under which key of which secret a credential stands, without a user name that was in the key', () => {
    const keyring = new Keyring([secretOf('s', { 'https://user:pw@fra.ocir.io/v2/': 'a' })]);
    expect(keyring.lookup('fra.ocir.io/x')).toMatchObject([{ secretName: 's', key: 'fra.ocir.io' }]);
  });

  it('keeps equal credentials apart: the kubelet tries both', () => {
    const keyring = new Keyring([secretOf('a', { reg: 'u' }), secretOf('b', { reg: 'u' })]);
    expect(usersAt(keyring, 'reg/x')).toEqual(['u', 'u']);
  });

  it('finds nothing in nothing, and throws on no text', () => {
    const keyring = new Keyring([secretOf('a', { '*': 'u', '%zz': 'v', '': 'w' })]);
    fc.assert(
      fc.property(fc.string(), (text) => {
        keyring.lookup(text);
        expect(new Keyring([]).lookup(text)).toEqual([]);
        new Keyring([secretOf('a', { [text]: 'u' })]).lookup('fra.ocir.io/x');
      }),
    );
  });

  it('puts a longer literal path before a shorter one of the same host, in any order of the secrets', () => {
    const paths = fc.uniqueArray(fc.constantFrom('', '/a', '/a/b', '/a/b/c', '/a/', '/ab'), { minLength: 1 });
    fc.assert(
      fc.property(paths, (shuffled) => {
        const keyring = new Keyring(shuffled.map((path) => secretOf('s', { [`reg:5000${path}`]: path })));
        const found = usersAt(keyring, 'reg:5000/a/b/c');
        expect(found).toEqual(
          shuffled.filter((path) => '/a/b/c'.startsWith(path)).sort((a, b) => b.length - a.length),
        );
      }),
    );
  });
});

describe('normaliseKey', () => {
  it.each([
    ['https://index.docker.io/v1/', 'index.docker.io'],
    ['https://index.docker.io/v1', 'index.docker.io/v1'],
    ['http://reg:5000/', 'reg:5000'],
    ['reg/v2/team', 'reg/team'],
    ['reg/v2/v2/team', 'reg/v2/team'],
    ['*.ocir.io/team', '*.ocir.io/team'],
    ['user:secret@reg', 'reg'],
    ['reg?x', 'reg'],
    ['reg%', undefined],
    ['reg/%74eam', 'reg/team'],
    ['reg/%%3741', undefined],
    ['reg?\n', undefined],
    ['reg#%zz', undefined],
    ['reg:port', undefined],
    ['r eg', undefined],
  ])('%s becomes %s', (key, expected) => {
    expect(normaliseKey(key)).toBe(expected);
  });

  it('is the reverse of printKey, also where a path begins like an API version', () => {
    const paths = fc.constantFrom('', '/a', '/v1/a', '/v2/v1/b', '/v2', '/v1x/a', '/v2/');
    fc.assert(
      fc.property(fc.constantFrom('reg', 'reg:5000', '[::1]:5000', 'a.b.example'), paths, (host, path) => {
        expect(normaliseKey(printKey(host, path))).toBe(host + path);
      }),
    );
  });
});

describe('keyMatches', () => {
  it.each([
    ['reg/foo', 'reg/foobar/x', true],
    ['reg/foo/', 'reg/foobar/x', false],
    ['*.example', 'reg.example/x', true],
    ['*.example', 'a.reg.example/x', false],
    ['reg', 'reg:443/x', false],
    ['[::1]:5000', '[::1]:5000/x', true],
    ['[::1]', '[::1]/x', false],
    ['index.docker.io', 'docker.io/library/nginx', false],
    ['%', 'reg/x', false],
  ])('%s matches %s: %s', (key, name, expected) => {
    expect(keyMatches(key, name)).toBe(expected);
  });

  it('takes linear time on globs and long keys', () => {
    const before = performance.now();
    expect(keyMatches(`${'*a'.repeat(5000)}b`, `${'a'.repeat(20_000)}/x`)).toBe(false);
    for (const piece of ['%41', '@', '*', '/', '.', ':', '[']) parseKey(piece.repeat(50_000));
    expect(performance.now() - before).toBeLessThan(2000);
  });
});
