import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanRegistryText, MAX_REGISTRY_TEXT_BYTES } from '../../src/domain/registry-text.ts';

describe('cleanRegistryText', () => {
  it.each([
    { name: 'plain words stay', text: 'manifest unknown', expected: 'manifest unknown' },
    { name: 'blanks and line ends collapse', text: '  a \r\n\t b\u2028c  ', expected: 'a b c' },
    { name: 'terminal escapes go', text: 'a\u001B[31mred\u0000\u009B', expected: 'a[31mred' },
    {
      name: 'bidi overrides and zero-width characters go',
      text: 'a\u202Eb\u2066c\u200Bd\uFEFF',
      expected: 'abcd',
    },
    { name: 'lone surrogates go', text: 'a\uD800b', expected: 'ab' },
    {
      name: 'a query goes',
      text: 'GET https://a.example/x?sig=secret&y=1 failed',
      expected: 'GET https://a.example/x failed',
    },
    { name: 'a fragment goes', text: 'https://a.example/x#secret', expected: 'https://a.example/x' },
    {
      name: 'user info goes',
      text: 'see https://user:pass@a.example/x',
      expected: 'see https://a.example/x',
    },
    { name: 'user info with an @ goes', text: 'https://u:p@ss@a.example', expected: 'https://a.example' },
    { name: 'a scheme-relative URL is cleaned', text: '//u:p@a.example/x?y', expected: '//a.example/x' },
    { name: "a path's query goes", text: 'bad request: /token?account=x', expected: 'bad request: /token' },
    { name: 'a question is none', text: 'what? really?', expected: 'what? really?' },
    { name: 'quotes end a URL', text: 'Get "https://a/?q=1": EOF', expected: 'Get "https://a/": EOF' },
  ])('$name', ({ text, expected }) => {
    expect(cleanRegistryText(text)).toBe(expected);
  });

  it('cuts between characters', () => {
    const cut = cleanRegistryText('😀'.repeat(100));
    expect(cut).toBe(`${'😀'.repeat(49)}…`);
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(MAX_REGISTRY_TEXT_BYTES);
  });

  it('is bounded, visible, one line and idempotent for any text', () => {
    const pieces = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('https://', '//', '@', '?', '#', '/', ' ', '\u202E'),
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        const clean = cleanRegistryText(parts.join(''));
        expect(Buffer.byteLength(clean)).toBeLessThanOrEqual(MAX_REGISTRY_TEXT_BYTES);
        expect(clean).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(cleanRegistryText(clean)).toBe(clean);
      }),
      { numRuns: 500 },
    );
  });

  it('takes hostile text without slowing down', () => {
    const started = performance.now();
    for (const piece of ['//', '/', '@', 'a:', '//@', '?', ' '])
      cleanRegistryText(piece.repeat(8192 / piece.length));
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
