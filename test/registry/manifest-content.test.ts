import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { digestOf, digestsDiffer, isDigest, parseDigestHeader } from '../../src/registry/digest.ts';
import { parseManifest, printPlatform } from '../../src/registry/media-types.ts';
import { redirectTarget } from '../../src/transport/redirect.ts';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;

describe('digests', () => {
  it.each([
    { reference: A, is: true },
    { reference: '1.0', is: false },
    { reference: 'latest', is: false },
    { reference: 'multihash+base58:QmRZ', is: true },
  ])('$reference is one: $is', ({ reference, is }) => {
    expect(isDigest(reference)).toBe(is);
  });

  it.each([
    { header: A, expected: A },
    { header: ` ${A} `, expected: A },
    { header: A.toUpperCase(), expected: undefined },
    { header: 'sha256:abc', expected: undefined },
    { header: '', expected: undefined },
  ])('reads the header "$header"', ({ header, expected }) => {
    expect(parseDigestHeader(header)).toBe(expected);
  });

  it('differ only within one algorithm', () => {
    expect(digestsDiffer(A, B)).toBe(true);
    expect(digestsDiffer(A, A)).toBe(false);
    expect(digestsDiffer(A, `sha512:${'a'.repeat(128)}`)).toBe(false);
  });

  it('are made by the algorithm that is asked for', () => {
    const hex = createHash('sha512').update('x').digest('hex');
    expect(digestOf(Buffer.from('x'), 'sha512:0')).toBe(`sha512:${hex}`);
    expect(digestOf(Buffer.from('x'), undefined)).toMatch(/^sha256:/u);
  });
});

describe('parseManifest', () => {
  it('lists the platforms of an index, without attestations and doubles', () => {
    const platform = (os: string, architecture: string, variant?: string): object => ({
      platform: { os, architecture, variant },
    });
    const manifests = [
      platform('linux', 'arm', 'v7'),
      platform('linux', 'amd64'),
      platform('unknown', 'unknown'),
      platform('linux', 'amd64'),
      {},
      null,
    ];
    const body = JSON.stringify({ mediaType: 'application/vnd.oci.image.index.v1+json', manifests });
    expect(parseManifest(body, '').platforms).toEqual(['linux/amd64', 'linux/arm/v7']);
  });

  it.each(['', 'null', '[]', '"x"', '{"manifests":3}', '{"config":{"digest":4}}', '{'])(
    'takes %s',
    (body) => {
      expect(parseManifest(body, 'x')).toMatchObject({ platforms: undefined, configDigest: undefined });
    },
  );

  it('prints no platform for what has none', () => {
    expect([printPlatform(undefined), printPlatform({ os: 'linux' }), printPlatform(3)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('redirectTarget', () => {
  const from = new URL('https://a.example/v2/x/manifests/1');
  it.each([
    { location: '/other', expected: 'https://a.example/other' },
    { location: 'https://b.example/x?sig=1#frag', expected: 'https://b.example/x?sig=1' },
    { location: 'https://u:p@b.example/x', expected: 'https://b.example/x' },
    { location: '//b.example/x', expected: 'https://b.example/x' },
  ])('goes to $location', ({ location, expected }) => {
    const target = redirectTarget(from, { headers: { location } });
    expect(target.ok && target.value.href).toBe(expected);
  });

  it.each([
    '',
    'http://b.example/',
    'ftp://b.example/',
    'https://',
    'file:///etc/passwd',
    'javascript:alert(1)',
  ])('does not go to "%s"', (location) => {
    expect(redirectTarget(from, { headers: { location } }).ok).toBe(false);
  });
});
