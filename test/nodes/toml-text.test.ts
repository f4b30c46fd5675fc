// TOML text: what is written is what a parser reads, whatever the text.
import fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { readBack } from '../../src/nodes/rendering/read-back.ts';
import { printListItem, printPairs, printTable, printText } from '../../src/nodes/rendering/toml-text.ts';

const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }));

describe('printText', () => {
  it.each([
    ['a quote', 'a"b', '"a\\"b"'],
    ['a backslash', 'a\\b', '"a\\\\b"'],
    ['a line feed', 'a\nb', '"a\\nb"'],
    ['a control character', '\u0000\u007f\u0085', '"\\u0000\\u007F\\u0085"'],
    ['a line separator and a bidi override', '\u2028\u202e', '"\\u2028\\u202E"'],
    ['a format character beyond the first plane', '\u{e0001}', '"\\U000E0001"'],
    ['a letter that is not ASCII', 'ü😀', '"ü😀"'],
  ])('writes %s', (_, text, printed) => {
    expect(printText(text)).toBe(printed);
  });

  it('throws for half a surrogate pair', () => {
    expect(() => printText('a\ud800')).toThrow(TypeError);
  });

  it('reads back as it was, as a value and as a key', () => {
    fc.assert(
      fc.property(anyText, anyText, (key, value) => {
        const lines = [
          ...printTable(['host', key], [[key, [value, value]]]),
          ...printTable(['x'], [[key, value]]),
        ];
        const document = parse(lines.join('\n'));
        const host = Object.fromEntries([[key, Object.fromEntries([[key, [value, value]]])]]);
        expect(JSON.stringify(document)).toBe(
          JSON.stringify({ host, x: Object.fromEntries([[key, value]]) }),
        );
      }),
    );
  });
});

describe('printPairs and tables', () => {
  it('leaves out what is undefined', () => {
    expect(
      printPairs([
        ['a', undefined],
        ['b', true],
        ['c d', ['x', 'y']],
      ]),
    ).toEqual(['b = true', '"c d" = ["x", "y"]']);
    expect(printListItem(['registry', 'mirror'], [['location', 'a.b']])).toEqual([
      '[[registry.mirror]]',
      'location = "a.b"',
    ]);
  });
});

describe('readBack', () => {
  it.each([
    ['another value', 'a = "b"', { a: 'c' }],
    ['a value more', 'a = "b"\nc = "d"', { a: 'b' }],
    ['another order', '[b]\n[a]', { a: {}, b: {} }],
    ['no TOML', 'a = "b', { a: 'b' }],
    ['a table twice', '[a]\n[a]', { a: {} }],
  ])('throws for %s', (_, text, meaning) => {
    expect(() => readBack(text, meaning)).toThrow();
  });

  it('is content with what was meant', () => {
    expect(() =>
      readBack('a = "b"\n[c."d e"]\nf = [true]', { a: 'b', c: { 'd e': { f: [true] } } }),
    ).not.toThrow();
  });
});
