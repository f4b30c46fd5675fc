// Tests of derived secrets: frozen names, which entry goes under which key, and that no credential gets further than before.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Credential } from '../../src/domain/credential.ts';
import {
  DERIVED_PREFIX,
  deriveForSet,
  deriveFromSource,
  derivedNameForSet,
  derivedNameFromSource,
  isDerivedName,
} from '../../src/domain/derived-secret.ts';
import type { DerivedSecret } from '../../src/domain/derived-secret.ts';
import { Keyring } from '../../src/domain/keyring.ts';
import { printDockerConfigJson } from '../../src/domain/pull-secret.ts';
import { mapReference, parseReference, repositoryName } from '../../src/domain/reference.ts';
import { makeMirror, makeSecret, makeSet, must } from '../support/make.ts';

/** Key → user name. */
function shown(secret: DerivedSecret | undefined): Record<string, string> | undefined {
  if (secret === undefined) return undefined;
  return Object.fromEntries(secret.entries.map(({ key, credential }) => [key, credential.username]));
}

function fromSource(
  entries: Record<string, string>,
  upstream: string,
  mirror: string,
): Record<string, string> | undefined {
  return shown(deriveFromSource(makeSecret('regcred', entries), [makeSet(upstream, [mirror])]));
}

describe('names of derived secrets', () => {
  // Pods name these secrets for as long as they live: a change here breaks running clusters.
  it.each([
    [derivedNameFromSource('regcred'), 'registry-failover-from-regcred'],
    [derivedNameFromSource('a.b-c'), 'registry-failover-from-a.b-c'],
    [derivedNameForSet('ocir'), 'registry-failover-set-ocir'],
    [derivedNameFromSource('n'.repeat(230)), `registry-failover-from-${'n'.repeat(230)}`],
    [derivedNameFromSource('n'.repeat(231)), `registry-failover-from-${'n'.repeat(221)}-e1adcc0d`],
    [
      derivedNameFromSource(`${'n'.repeat(220)}.${'m'.repeat(20)}`),
      `registry-failover-from-${'n'.repeat(220)}-ae9e8fa1`,
    ],
    [derivedNameForSet('s'.repeat(253)), `registry-failover-set-${'s'.repeat(222)}-dbf66626`],
  ])('%s', (name, golden) => {
    expect(name).toBe(golden);
  });

  it('are valid names of secrets, and differ where the sources differ', () => {
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$/);
    const source = fc.array(label, { minLength: 1, maxLength: 40 }).map((labels) =>
      labels
        .join('.')
        .slice(0, 253)
        .replace(/[.-]+$/, ''),
    );
    fc.assert(
      fc.property(source, source, (one, two) => {
        for (const name of [derivedNameFromSource(one), derivedNameForSet(one)]) {
          expect(name.length).toBeLessThanOrEqual(253);
          expect(name).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/);
          expect(name.startsWith(DERIVED_PREFIX) && isDerivedName(name)).toBe(true);
        }
        expect(derivedNameFromSource(one) === derivedNameFromSource(two)).toBe(one === two);
      }),
    );
  });

  it('do not claim other secrets', () => {
    expect(isDerivedName('regcred')).toBe(false);
    expect(isDerivedName('my-registry-failover-from-x')).toBe(false);
  });
});

describe('deriveFromSource', () => {
  it.each<[string, Record<string, string>, string, string, Record<string, string> | undefined]>([
    ['host to host', { 'fra.ocir.io': 'u' }, 'fra.ocir.io', 'ams.ocir.io', { 'ams.ocir.io': 'u' }],
    [
      'a path at the mirror',
      { 'fra.ocir.io': 'u' },
      'fra.ocir.io',
      'reg:5000/ocir',
      { 'reg:5000/ocir': 'u' },
    ],
    ['URL form', { 'https://fra.ocir.io/v2/': 'u' }, 'fra.ocir.io', 'ams.ocir.io', { 'ams.ocir.io': 'u' }],
    ['a glob becomes the literal host', { '*.ocir.io': 'u' }, 'fra.ocir.io', 'reg:5000', { 'reg:5000': 'u' }],
    ['a glob that does not match', { '*.ocir.io': 'u' }, 'ocir.io', 'reg:5000', undefined],
    ['another host', { 'quay.io': 'u' }, 'fra.ocir.io', 'ams.ocir.io', undefined],
    ['another port', { 'reg:5000': 'u' }, 'reg:5001', 'ams.ocir.io', undefined],
    ['the mirror itself', { 'ams.ocir.io': 'u' }, 'fra.ocir.io', 'ams.ocir.io', undefined],
    [
      'a narrower entry keeps the rest of its path',
      { 'fra.ocir.io/t/x': 'u' },
      'fra.ocir.io',
      'reg:5000/o',
      { 'reg:5000/o/t/x': 'u' },
    ],
    [
      'below a path of the prefix',
      { 'fra.ocir.io/t/x': 'u' },
      'fra.ocir.io/t',
      'reg:5000/o',
      { 'reg:5000/o/x': 'u' },
    ],
    ['half a component', { 'fra.ocir.io/t/x': 'u' }, 'fra.ocir.io/t/xyz', 'reg:5000', { 'reg:5000': 'u' }],
    [
      'half a component below',
      { 'fra.ocir.io/t/x': 'u' },
      'fra.ocir.io',
      'reg:5000',
      { 'reg:5000/t/x': 'u' },
    ],
    [
      'a neighbour with the same beginning',
      { 'fra.ocir.io/tt': 'u' },
      'fra.ocir.io/t',
      'reg:5000',
      undefined,
    ],
    [
      'the same with a path at the mirror',
      { 'fra.ocir.io/tt': 'u' },
      'fra.ocir.io/t',
      'reg:5000/o',
      undefined,
    ],
    ['a trailing slash', { 'fra.ocir.io/t/': 'u' }, 'fra.ocir.io/t', 'reg:5000/o', { 'reg:5000/o/': 'u' }],
    [
      'a path that no image has',
      { 'fra.ocir.io/T': 'u', 'fra.ocir.io/*': 'v' },
      'fra.ocir.io',
      'reg:5000',
      undefined,
    ],
    ['an upper-case host', { 'FRA.ocir.io': 'u' }, 'fra.ocir.io', 'ams.ocir.io', { 'ams.ocir.io': 'u' }],
    [
      'a path that reads like an API version',
      { 'fra.ocir.io/v2/v2/x': 'u' },
      'fra.ocir.io',
      'reg:5000',
      { 'reg:5000/v2/v2/x': 'u' },
    ],
    [
      'a key with a user name',
      { 'x:y@fra.ocir.io': 'u' },
      'fra.ocir.io',
      'ams.ocir.io',
      { 'ams.ocir.io': 'u' },
    ],
    ['no key at all', { 'fra%zz': 'u', '': 'v' }, 'fra.ocir.io', 'ams.ocir.io', undefined],
    ['docker.io', { 'docker.io': 'u' }, 'docker.io', 'reg:5000', { 'reg:5000': 'u' }],
    [
      'the old key of Docker Hub',
      { 'https://index.docker.io/v1/': 'u' },
      'docker.io',
      'reg:5000/hub',
      { 'reg:5000/hub': 'u' },
    ],
    [
      'the old key below a path',
      { 'index.docker.io': 'u' },
      'docker.io/team',
      'reg:5000',
      { 'reg:5000': 'u' },
    ],
    [
      'the old key without its last slash',
      { 'https://index.docker.io/v1': 'u' },
      'docker.io',
      'reg:5000',
      undefined,
    ],
    [
      'both: docker.io wins, as the old key is a fallback',
      { 'index.docker.io': 'old', 'docker.io': 'new' },
      'docker.io',
      'reg:5000',
      { 'reg:5000': 'new' },
    ],
    [
      'both: the old key stays for the rest',
      { 'index.docker.io': 'old', 'docker.io/team': 'new' },
      'docker.io',
      'reg:5000',
      { 'reg:5000': 'old', 'reg:5000/team': 'new' },
    ],
    [
      'a glob before the old key',
      { 'index.docker.io': 'old', '*.io': 'glob' },
      'docker.io',
      'reg:5000',
      { 'reg:5000': 'glob' },
    ],
    ['never Docker Hub for localhost', { 'index.docker.io': 'u' }, 'localhost', 'reg:5000', undefined],
    ['a mirror at docker.io', { 'quay.io': 'u' }, 'quay.io', 'docker.io/team', { 'docker.io/team': 'u' }],
    [
      'a collision: the longer key is tried first',
      { reg: 'a', 'reg:5000': 'host', 'reg:5000/t': 'path', '*:5000': 'glob' },
      'reg:5000/t/x',
      'm:1/y',
      { 'm:1/y': 'path' },
    ],
    ['IPv6 with a port', { '[::1]:5000': 'u' }, '[::1]:5000', '[::2]:5000/x', { '[::2]:5000/x': 'u' }],
    ['IPv6 without a port cannot be a key', { 'fra.ocir.io': 'u' }, 'fra.ocir.io', '[::2]', undefined],
    ['nor can it match as one', { '[::1]': 'u' }, '[::1]', 'reg:5000', undefined],
  ])('%s', (_, entries, upstream, mirror, expected) => {
    expect(fromSource(entries, upstream, mirror)).toEqual(expected);
  });

  it('names itself after the source and keeps user, password and email', () => {
    const credential = new Credential({ username: 'u', password: 'p', email: 'e' });
    const source = { name: 'regcred', entries: [{ key: 'fra.ocir.io', credential }] };
    const secret = deriveFromSource(source, [makeSet('fra.ocir.io', ['ams.ocir.io'])]);
    expect(secret?.name).toBe('registry-failover-from-regcred');
    expect(secret?.entries[0]?.credential.equals(credential)).toBe(true);
  });

  it('takes every mirror of every set, but only those with the same credential', () => {
    const sets = [
      makeSet('fra.ocir.io', [
        'ams.ocir.io',
        makeMirror('public.example', { source: 'None' }),
        makeMirror('node.example', { source: 'Node' }),
        makeMirror('own.example', { source: 'Secret', secret: makeSecret('s', { 'own.example': 'v' }) }),
        'lhr.ocir.io',
      ]),
      makeSet('quay.io', ['m.example/quay']),
    ];
    const source = makeSecret('regcred', { 'fra.ocir.io': 'fra', 'quay.io': 'quay' });
    expect(shown(deriveFromSource(source, sets))).toEqual({
      'ams.ocir.io': 'fra',
      'lhr.ocir.io': 'fra',
      'm.example/quay': 'quay',
    });
  });

  it('derives nothing from a derived secret, from no sets, and from entries that are no way in', () => {
    const sets = [makeSet('fra.ocir.io', ['ams.ocir.io'])];
    const entries = { 'fra.ocir.io': 'u' };
    expect(deriveFromSource(makeSecret(derivedNameFromSource('x'), entries), sets)).toBeUndefined();
    expect(deriveFromSource(makeSecret('x', entries), [])).toBeUndefined();
    const token = { key: 'fra.ocir.io', credential: new Credential({ username: '', password: '' }) };
    expect(deriveFromSource({ name: 'x', entries: [token] }, sets)).toBeUndefined();
  });

  it('gives the same bytes whatever the order of the sets', () => {
    const sets = [
      makeSet('fra.ocir.io', ['m.example']),
      makeSet('iad.ocir.io', ['m.example', 'n.example']),
      makeSet('docker.io', ['m.example/hub', 'a.example']),
    ];
    const source = makeSecret('s', {
      'fra.ocir.io': 'f',
      'iad.ocir.io': 'i',
      '*.ocir.io': 'g',
      'index.docker.io': 'd',
    });
    const expected = printDockerConfigJson(deriveFromSource(source, sets)?.entries ?? []);
    expect(expected).toContain('m.example/hub');
    fc.assert(
      fc.property(fc.shuffledSubarray(sets, { minLength: 3 }), (shuffled) => {
        expect(printDockerConfigJson(deriveFromSource(source, shuffled)?.entries ?? [])).toBe(expected);
      }),
    );
  });

  const key = fc.constantFrom(
    'fra.ocir.io',
    'fra.ocir.io/a',
    'fra.ocir.io/a/',
    'fra.ocir.io/a/b',
    'fra.ocir.io/ab',
    '*.ocir.io',
    '*.ocir.io/a/b',
    '*.*.io',
    'https://fra.ocir.io/v2/',
    'fra.ocir.io/v2/v1/a',
    'reg:5000',
    'docker.io',
    'fra.ocir.io:443',
    '*',
  );
  const path = fc.constantFrom('', '/a', '/a/b', '/ab', '/v1', '/v1/a');
  const repository = fc.constantFrom('a', 'ab', 'a/b', 'a/b/c', 'a/bc', 'ab/c', 'v1/a', 'v1/a/b', 'x');

  it('lets no credential be used for an image at the mirror that would not be used for it at the upstream', () => {
    fc.assert(
      fc.property(fc.uniqueArray(key), path, path, repository, (keys, from, to, below) => {
        const source = makeSecret('s', Object.fromEntries(keys.map((text) => [text, text])));
        const set = makeSet(`fra.ocir.io${from}`, [`mirror.example:5000${to}`]);
        const original = must(parseReference(`fra.ocir.io/${below}`));
        const endpoint = set.mirrors[0]?.endpoint ?? set.upstream;
        const mapped = mapReference(original, set.prefix, endpoint);
        if (mapped === undefined) return;
        const users = (keyring: Keyring, name: string): string[] =>
          keyring.lookup(name).map((match) => match.credential.username);
        const derived = deriveFromSource(source, [set]);
        const atMirror = users(new Keyring(derived === undefined ? [] : [derived]), repositoryName(mapped));
        const atUpstream = users(new Keyring([source]), repositoryName(original));
        expect(atUpstream).toEqual(expect.arrayContaining(atMirror));
        expect(atMirror.length > 0).toBe(atUpstream.length > 0);
      }),
      { numRuns: 1000 },
    );
  });

  it('is inert for every image that does not name the mirror', () => {
    const host = fc.constantFrom(
      'fra.ocir.io',
      'docker.io',
      'localhost',
      'mirror.example',
      'mirror.example:443',
      'a.mirror.example:5000',
    );
    fc.assert(
      fc.property(fc.uniqueArray(key), path, path, host, repository, (keys, from, to, host, below) => {
        const source = makeSecret('s', Object.fromEntries(keys.map((text) => [text, text])));
        const derived = deriveFromSource(source, [
          makeSet(`fra.ocir.io${from}`, [`mirror.example:5000${to}`]),
        ]);
        expect(new Keyring(derived === undefined ? [] : [derived]).lookup(`${host}/${below}`)).toEqual([]);
      }),
    );
  });
});

describe('deriveForSet', () => {
  function forMirror(entries: Record<string, string>, endpoint: string): Record<string, string> | undefined {
    const mirror = makeMirror(endpoint, { source: 'Secret', secret: makeSecret('own', entries) });
    return shown(deriveForSet(makeSet('fra.ocir.io', [mirror], { name: 'ocir' })));
  }

  it.each<[string, Record<string, string>, string, Record<string, string> | undefined]>([
    ['its own host', { 'reg:5000': 'u' }, 'reg:5000', { 'reg:5000': 'u' }],
    ['narrowed to the path', { 'reg:5000': 'u' }, 'reg:5000/ocir', { 'reg:5000/ocir': 'u' }],
    ['narrowed from a glob', { '*.example': 'u' }, 'reg.example/ocir', { 'reg.example/ocir': 'u' }],
    ['a narrower key stays', { 'reg:5000/ocir/x': 'u' }, 'reg:5000/ocir', { 'reg:5000/ocir/x': 'u' }],
    [
      'other registries stay behind',
      { 'reg:5000': 'u', 'quay.io': 'v', 'fra.ocir.io': 'w' },
      'reg:5000',
      { 'reg:5000': 'u' },
    ],
    ['other paths stay behind', { 'reg:5000/other': 'u' }, 'reg:5000/ocir', undefined],
    [
      'the first of several tries',
      { 'reg:5000': 'u', 'reg:5000/o': 'v' },
      'reg:5000/ocir',
      { 'reg:5000/ocir': 'v' },
    ],
    [
      'the old key of Docker Hub',
      { 'https://index.docker.io/v1/': 'u' },
      'docker.io/team',
      { 'docker.io/team': 'u' },
    ],
  ])('%s', (_, entries, endpoint, expected) => {
    expect(forMirror(entries, endpoint)).toEqual(expected);
  });

  it('is named after the set, and takes each mirror by its own secret', () => {
    const set = makeSet(
      'fra.ocir.io',
      [
        makeMirror('a.example', { source: 'Secret', secret: makeSecret('a', { '*.example': 'a' }) }),
        makeMirror('b.example', {
          source: 'Secret',
          secret: makeSecret('b', { 'a.example': 'x', 'b.example': 'b' }),
        }),
        makeMirror('c.example', { source: 'Secret', secret: undefined }),
        makeMirror('d.example', { source: 'None', secret: makeSecret('d', { 'd.example': 'd' }) }),
      ],
      { name: 'ocir' },
    );
    const derived = deriveForSet(set);
    expect(derived?.name).toBe('registry-failover-set-ocir');
    expect(shown(derived)).toEqual({ 'a.example': 'a', 'b.example': 'b' });
  });

  it('gives none where no mirror has a secret', () => {
    expect(deriveForSet(makeSet('fra.ocir.io', ['ams.ocir.io']))).toBeUndefined();
  });
});
