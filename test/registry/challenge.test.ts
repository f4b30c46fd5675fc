import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../src/registry/challenge.ts';

describe('parseChallenges', () => {
  it.each([
    {
      name: 'the usual one',
      header: 'Bearer realm="https://a/token",service="a",scope="repository:x/y:pull,push"',
      expected: [
        {
          scheme: 'bearer',
          parameters: { realm: 'https://a/token', service: 'a', scope: 'repository:x/y:pull,push' },
        },
      ],
    },
    {
      name: 'blanks, odd case and bare values',
      header: 'BEARER  Realm = https://a/token?x=1 , SERVICE="a"',
      expected: [{ scheme: 'bearer', parameters: { realm: 'https://a/token?x=1', service: 'a' } }],
    },
    {
      name: 'two in one header',
      header: 'Basic realm="x", Bearer realm="https://a/t",error="insufficient_scope"',
      expected: [
        { scheme: 'basic', parameters: { realm: 'x' } },
        { scheme: 'bearer', parameters: { realm: 'https://a/t', error: 'insufficient_scope' } },
      ],
    },
    {
      name: 'two headers',
      header: ['Negotiate', 'Basic realm="x"'],
      expected: [
        { scheme: 'negotiate', parameters: {} },
        { scheme: 'basic', parameters: { realm: 'x' } },
      ],
    },
    {
      name: 'escapes in a quoted string',
      header: 'Basic realm="a \\"quoted\\" \\\\ name"',
      expected: [{ scheme: 'basic', parameters: { realm: 'a "quoted" \\ name' } }],
    },
    {
      name: 'a parameter twice',
      header: 'Basic realm="a", realm="b"',
      expected: [{ scheme: 'basic', parameters: { realm: 'a' } }],
    },
    {
      name: 'an unclosed quote',
      header: 'Bearer realm="https://a',
      expected: [{ scheme: 'bearer', parameters: { realm: 'https://a' } }],
    },
    { name: 'nothing', header: '', expected: [] },
    { name: 'no header', header: undefined, expected: [] },
    { name: 'only garbage', header: '=,"\\,,@(', expected: [] },
    { name: 'a parameter without a scheme', header: 'realm="x"', expected: [] },
    {
      name: 'a parameter called __proto__',
      header: 'Bearer __proto__="x", realm="https://a"',
      expected: [{ scheme: 'bearer', parameters: { ['__proto__']: 'x', realm: 'https://a' } }],
    },
  ])('reads $name', ({ header, expected }) => {
    const found = parseChallenges(header).map(({ scheme, parameters }) => [
      scheme,
      Object.entries(parameters),
    ]);
    expect(found).toEqual(expected.map(({ scheme, parameters }) => [scheme, Object.entries(parameters)]));
  });

  it('takes any text, quickly', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        for (const { scheme } of parseChallenges(text)) expect(scheme).not.toBe('');
      }),
    );
    const started = performance.now();
    parseChallenges('a="'.repeat(1_000_000));
    parseChallenges(`${'a'.repeat(1_000_000)}=`);
    parseChallenges('\t'.repeat(1_000_000));
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('reads back what it is given', () => {
    const quoted = fc.string({ unit: 'grapheme-ascii', maxLength: 40 });
    fc.assert(
      fc.property(quoted, quoted, (realm, service) => {
        const escape = (text: string): string => text.replaceAll(/["\\]/gu, (character) => `\\${character}`);
        const [found] = parseChallenges(`Bearer realm="${escape(realm)}", service="${escape(service)}"`);
        expect({ ...found?.parameters }).toEqual({ realm, service });
      }),
    );
  });
});
