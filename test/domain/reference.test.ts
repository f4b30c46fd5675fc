// Tests of image references: the real library's answers as a table, and the laws that hold for all of them.
import { readFileSync } from 'node:fs';
import { parseFamiliarName } from '@swimlane/docker-reference';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  coversReference,
  manifestReference,
  mapReference,
  parsePrefix,
  parseReference,
  prefixCovers,
  printPrefix,
  printReference,
  repositoryName,
} from '../../src/domain/reference.ts';
import type { ImageReference, ReferencePrefix } from '../../src/domain/reference.ts';

interface GoldenCase {
  readonly text: string;
  readonly valid: boolean;
  readonly host?: string;
  readonly path?: string;
  readonly tag?: string;
  readonly digest?: string;
  readonly print?: string;
}

const GOLDEN = (
  JSON.parse(readFileSync(new URL('../fixtures/reference.json', import.meta.url), 'utf8')) as {
    cases: GoldenCase[];
  }
).cases;

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

function reference(text: string): ImageReference {
  const parsed = parseReference(text);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.error.message}`);
  return parsed.value;
}

function prefix(text: string): ReferencePrefix {
  const parsed = parsePrefix(text);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.error.message}`);
  return parsed.value;
}

const digits = fc.stringMatching(/^[a-z0-9]{1,6}$/);
const component = fc
  .tuple(digits, fc.constantFrom('', '.', '_', '__', '-', '--'), digits)
  .map(([first, separator, second]) => first + separator + second);
const path = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const host = fc.constantFrom(
  'docker.io',
  'localhost',
  'reg:5000',
  'fra.ocir.io',
  '[::1]:5000',
  '10.0.0.1',
  'A.b.example',
);
const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,20}$/);
const anyReference = fc
  .record({ host, path, tag: fc.option(tag, { nil: undefined }), digest: fc.constantFrom(undefined, DIGEST) })
  .map(({ host, path, ...rest }) => ({
    ...rest,
    host,
    path: host === 'docker.io' && !path.includes('/') ? `library/${path}` : path,
  }));
const anyPrefix = fc
  .record({ host: host.map((text) => text.toLowerCase()), path: fc.option(path, { nil: '' }) })
  .map((value): ReferencePrefix => value);

describe('parseReference', () => {
  it.each(GOLDEN.map((golden) => [golden.text.slice(0, 60), golden] as const))(
    'reads %j as distribution/reference does',
    (_, golden) => {
      const parsed = parseReference(golden.text);
      expect(parsed.ok).toBe(golden.valid);
      if (!parsed.ok) return;
      expect(parsed.value).toEqual({
        host: golden.host ?? '',
        path: golden.path,
        tag: golden.tag,
        digest: golden.digest,
      });
      expect(printReference(parsed.value)).toBe(golden.print);
    },
  );

  it('has a table worth the name', () => {
    expect(GOLDEN.filter((golden) => golden.valid).length).toBeGreaterThan(80);
    expect(GOLDEN.filter((golden) => !golden.valid).length).toBeGreaterThan(80);
  });

  it.each([
    ['', 'empty'],
    ['nginx latest', 'white space'],
    ['https://nginx', 'no scheme'],
    ['0123456789abcdef'.repeat(4), 'image ID'],
    ['foo:bar/baz', '"foo:bar" is not a registry host'],
    ['Foo', 'upper-case'],
    ['foo/Bar', 'upper-case'],
    ['a//b', 'empty component'],
    ['reg.example/', 'empty component'],
    ['a..b/c', '"a..b" is not a registry host'],
    ['reg.example/a..b', '"a..b" is not a repository path'],
    [`reg.example/${'p'.repeat(256)}`, '256 characters'],
    ['a:-tag', '"-tag" is not a tag'],
    ['a:x@sha256:abc', '"sha256:abc" is not a digest'],
    ['a@', 'is not a digest'],
  ])('says what is wrong with %j', (text, message) => {
    const parsed = parseReference(text);
    expect(parsed).toMatchObject({
      ok: false,
      error: { path: '', code: 'InvalidReference', message: expect.stringContaining(message) as string },
    });
  });

  it('keeps a hostile text out of the message, but for an escaped piece of it', () => {
    const parsed = parseReference(`a:${'\u001b[31m'.repeat(50_000)}`);
    expect(parsed.ok).toBe(false);
    if (parsed.ok) return;
    expect(parsed.error.message.length).toBeLessThan(1000);
    expect(parsed.error.message).not.toContain('\u001b');
  });

  it('reads back what it prints', () => {
    fc.assert(
      fc.property(anyReference, (original) => {
        expect(reference(printReference(original))).toEqual(original);
      }),
    );
  });

  it('accepts or refuses any text without throwing, and printing is idempotent', () => {
    const pieces = fc.constantFrom(
      'a',
      'B',
      '0',
      '.',
      '-',
      '_',
      '/',
      ':',
      '@',
      '[',
      ']',
      'docker.io',
      'sha256:',
      ' ',
      'é',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const parsed = parseReference(parts.join(''));
        if (!parsed.ok) return;
        expect(reference(printReference(parsed.value))).toEqual(parsed.value);
      }),
      { numRuns: 2000 },
    );
  });

  it('agrees with an independent port on lower-case references', () => {
    fc.assert(
      fc.property(anyReference, fc.boolean(), (original, isFamiliar) => {
        // The port follows an older grammar: no IPv6, no upper-case hosts.
        fc.pre(/^[a-z0-9.:]+$/.test(original.host));
        const full = printReference(original);
        const text = isFamiliar ? full.replace(/^docker\.io\/(library\/)?/, '') : full;
        // Without the host, a first component with a dot is a host of its own.
        fc.pre(!isFamiliar || !/^[^/]*[.]/.test(text.split('/')[0] ?? '') || full === text);
        const theirs = parseFamiliarName(text);
        const ours = reference(text);
        expect([ours.host, ours.path, ours.tag, ours.digest]).toEqual([
          theirs.domain,
          theirs.repository,
          theirs.tag,
          theirs.digest,
        ]);
        expect(printReference(ours)).toBe(theirs.toString());
      }),
    );
  });

  it('takes linear time on long hostile texts', () => {
    const before = performance.now();
    for (const piece of ['a', 'a-', 'a.', '-', '__', 'a/', '[', 'a:', '@', 'a_a']) {
      parseReference(`${piece.repeat(20_000)}!`);
      parseReference(`reg.example/${piece.repeat(20_000)}!`);
    }
    expect(performance.now() - before).toBeLessThan(2000);
  });
});

describe('repositoryName and manifestReference', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx', 'latest'],
    ['nginx:1.27', 'docker.io/library/nginx', '1.27'],
    [`FRA.example:5000/a/b:1@${DIGEST}`, 'FRA.example:5000/a/b', DIGEST],
    ['foo_bar.com/x:1', 'foo_bar.com/x', '1'],
  ])('of %s', (text, name, asked) => {
    expect(repositoryName(reference(text))).toBe(name);
    expect(manifestReference(reference(text))).toBe(asked);
  });
});

describe('parsePrefix', () => {
  it.each([
    ['fra.ocir.io', 'fra.ocir.io', ''],
    ['FRA.ocir.io/tenancy', 'fra.ocir.io', 'tenancy'],
    ['registry.dc1.example:5000/ocir/x', 'registry.dc1.example:5000', 'ocir/x'],
    ['docker.io', 'docker.io', ''],
    ['index.docker.io', 'docker.io', ''],
    ['Index.Docker.io/library', 'docker.io', 'library'],
    ['docker.io/nginx', 'docker.io', 'nginx'],
    ['localhost', 'localhost', ''],
    ['localhost:5000', 'localhost:5000', ''],
    ['reg:5000', 'reg:5000', ''],
    ['[::1]:5000/a', '[::1]:5000', 'a'],
    ['[2001:DB8::1]', '[2001:db8::1]', ''],
    ['10.0.0.1', '10.0.0.1', ''],
  ])('reads %s', (text, host, path) => {
    expect(prefix(text)).toEqual({ host, path });
  });

  it.each([
    ['', 'empty'],
    ['https://fra.ocir.io', 'scheme'],
    ['fra.ocir.io/', 'slash at an end'],
    ['/fra.ocir.io', 'slash at an end'],
    ['fra.ocir.io/a//b', 'component is empty'],
    ['fra.ocir.io/app:1.2', 'tag'],
    [`fra.ocir.io/app@${DIGEST}`, 'digest'],
    ['user@fra.ocir.io', 'user name'],
    ['*.ocir.io', 'wildcards'],
    ['fra.ocir.io/*', 'wildcards'],
    ['fra.ocir.io/a b', 'white space'],
    ['fra.ocir.io/a#b', 'character'],
    ['fra.ocir.io/Tenancy', 'upper-case'],
    ['fra.ocir.io/a..b', 'not a repository path'],
    ['nginx', 'docker.io/nginx'],
    ['library/nginx', 'docker.io/library'],
    ['foo_bar.example', 'not a registry host'],
    ['fra.ocir.io:latest', 'not a registry host'],
    ['fra.ocir.io:0', 'port'],
    ['fra.ocir.io:65536', 'port'],
    ['fra.ocir.io:0443', 'port'],
    ['[::::]:5000', 'not an IPv6 address'],
    ['[::1', 'not a registry host'],
    [`${'a'.repeat(300)}.example`, 'longer than a DNS name'],
    [`fra.ocir.io/${'p'.repeat(256)}`, 'longer than a repository path'],
  ])('refuses %j with a fix', (text, message) => {
    const parsed = parsePrefix(text);
    expect(parsed.ok).toBe(false);
    if (parsed.ok) return;
    expect(parsed.error.code).toBe('InvalidPrefix');
    expect(parsed.error.message).toContain(message);
    expect(parsed.error.fix).not.toBe('');
  });

  it('reads back what it prints', () => {
    fc.assert(
      fc.property(anyPrefix, (original) => {
        expect(prefix(printPrefix(original))).toEqual(original);
      }),
    );
  });
});

describe('coversReference', () => {
  it.each([
    ['fra.ocir.io', 'fra.ocir.io/a/b:1', true],
    ['fra.ocir.io/a', 'fra.ocir.io/a/b', true],
    ['fra.ocir.io/a', 'fra.ocir.io/a', true],
    ['fra.ocir.io/a', 'fra.ocir.io/ab', false],
    ['fra.ocir.io/a', 'fra.ocir.io/ab/a', false],
    ['fra.ocir.io/a/b', 'fra.ocir.io/a', false],
    ['fra.ocir.io', 'FRA.ocir.io/a', true],
    ['fra.ocir.io', 'fra.ocir.io:443/a', false],
    ['fra.ocir.io:443', 'fra.ocir.io/a', false],
    ['fra.ocir.io', 'ams.ocir.io/a', false],
    ['docker.io', 'nginx', true],
    ['docker.io/library', 'nginx', true],
    ['docker.io/nginx', 'nginx', false],
    ['docker.io', 'foo_bar.com/x', false],
  ])('%s covers %s: %s', (outer, text, expected) => {
    expect(coversReference(prefix(outer), reference(text))).toBe(expected);
  });

  it('follows prefixCovers: what covers a prefix covers what is below it', () => {
    fc.assert(
      fc.property(anyPrefix, anyPrefix, anyReference, (outer, inner, below) => {
        if (!prefixCovers(outer, inner) || !coversReference(inner, below)) return;
        expect(coversReference(outer, below)).toBe(true);
      }),
    );
  });
});

describe('prefixCovers', () => {
  it.each([
    ['fra.ocir.io', 'fra.ocir.io/a', true],
    ['fra.ocir.io', 'fra.ocir.io', true],
    ['fra.ocir.io/a', 'fra.ocir.io/a/b', true],
    ['fra.ocir.io/a', 'fra.ocir.io/ab', false],
    ['fra.ocir.io/a', 'fra.ocir.io', false],
    ['fra.ocir.io', 'ams.ocir.io', false],
  ])('%s covers %s: %s', (outer, inner, expected) => {
    expect(prefixCovers(prefix(outer), prefix(inner))).toBe(expected);
  });
});

describe('mapReference', () => {
  it.each([
    ['fra.ocir.io/t/app:1', 'fra.ocir.io', 'ams.ocir.io', 'ams.ocir.io/t/app:1'],
    [`fra.ocir.io/t/app:1@${DIGEST}`, 'fra.ocir.io/t', 'reg:5000/ocir', `reg:5000/ocir/app:1@${DIGEST}`],
    ['fra.ocir.io/t/app', 'fra.ocir.io/t/app', 'reg:5000/copy', 'reg:5000/copy'],
    ['FRA.ocir.io/t/app', 'fra.ocir.io', 'ams.ocir.io', 'ams.ocir.io/t/app'],
    ['nginx', 'docker.io', 'mirror.example/hub', 'mirror.example/hub/library/nginx'],
    ['quay.io/team/app', 'quay.io', 'docker.io', 'docker.io/team/app'],
    ['fra.ocir.io/t/app', 'fra.ocir.io/t/app', 'reg:5000', undefined],
    ['quay.io/app', 'quay.io', 'docker.io', undefined],
    ['fra.ocir.io/t/app', 'fra.ocir.io/u', 'ams.ocir.io', undefined],
    [
      `fra.ocir.io/${'p'.repeat(250)}`,
      'fra.ocir.io',
      'ams.ocir.io/copy',
      `ams.ocir.io/copy/${'p'.repeat(250)}`,
    ],
    [`fra.ocir.io/${'p'.repeat(251)}`, 'fra.ocir.io', 'ams.ocir.io/copy', undefined],
  ])('%s from %s to %s', (text, from, to, expected) => {
    const mapped = mapReference(reference(text), prefix(from), prefix(to));
    expect(mapped === undefined ? undefined : printReference(mapped)).toBe(expected);
  });

  it('gives a reference that is read back as what it is, below the mirror, with tag and digest kept', () => {
    fc.assert(
      fc.property(anyReference, anyPrefix, anyPrefix, (original, from, to) => {
        const start = { ...from, host: original.host.toLowerCase(), path: '' };
        for (const source of [from, start]) {
          const mapped = mapReference(original, source, to);
          if (mapped === undefined) continue;
          expect(reference(printReference(mapped))).toEqual(mapped);
          expect(coversReference(to, mapped)).toBe(true);
          expect([mapped.tag, mapped.digest]).toEqual([original.tag, original.digest]);
        }
      }),
    );
  });

  it('comes back by the reverse mapping', () => {
    fc.assert(
      fc.property(anyReference, anyPrefix, (original, to) => {
        const from = { host: original.host.toLowerCase(), path: '' };
        const mapped = mapReference(original, from, to);
        if (mapped === undefined) return;
        expect(mapReference(mapped, to, from)).toEqual({ ...original, host: from.host });
      }),
    );
  });
});
