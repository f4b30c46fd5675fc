// What the demo prints keeps to the width it has, loses no word, and is coloured on a terminal only.
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Page, wrap } from '../../src/demo/page.ts';

beforeEach(() => {
  vi.stubEnv('FORCE_COLOR', undefined);
  vi.stubEnv('NO_COLOR', undefined);
});
afterEach(() => void vi.unstubAllEnvs());

function screen(terminal?: { readonly columns: number; readonly colours?: boolean }): {
  readonly page: Page;
  readonly text: () => string;
} {
  const output = new PassThrough();
  const depth = (): number => (terminal?.colours === false ? 1 : 8);
  if (terminal !== undefined)
    Object.assign(output, { isTTY: true, columns: terminal.columns, getColorDepth: depth });
  const chunks: Buffer[] = [];
  output.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { page: new Page(output), text: () => Buffer.concat(chunks).toString('utf8') };
}

describe('wrap', () => {
  it('never exceeds the width, and keeps every character but the blanks it breaks at', () => {
    const words = fc.array(fc.stringMatching(/^[a-z:/.-]{1,90}$/), { maxLength: 30 });
    fc.assert(
      fc.property(words, fc.integer({ min: 20, max: 100 }), (parts, width) => {
        const lines = wrap(parts.join(' '), width, { first: '   - ', rest: '     ' });
        expect(lines.every((line) => line.length <= width)).toBe(true);
        expect(
          lines
            .map((line) => line.slice(5))
            .join('')
            .replaceAll(' ', ''),
        ).toBe(parts.join(''));
      }),
    );
  });

  it('puts the first indent before the first line and the other before the rest', () => {
    expect(wrap('aa bb cc', 6, { first: '> ', rest: '  ' })).toEqual(['> aa', '  bb', '  cc']);
  });
});

describe('Page', () => {
  it.each([
    ['no terminal', undefined, 80],
    ['a usual terminal', { columns: 80 }, 80],
    ['a wide terminal', { columns: 240 }, 100],
    ['a narrow terminal', { columns: 20 }, 40],
    ['a terminal of unknown size', { columns: 0 }, 80],
  ])('is as wide as can be read on %s', (_, terminal, width) => {
    const { page, text } = screen(terminal);
    page.heading('title');
    page.ends('left', 'right');
    page.ends('l'.repeat(200), 'right');
    const lines = text()
      .trimEnd()
      .split('\n')
      .map((line) => stripVTControlCharacters(line));
    expect(lines.map((line) => line.length)).toEqual([width, width, width]);
    expect(lines[2]).toMatch(/l… right$/);
  });

  it.each([
    ['on a terminal', { columns: 80 }, true],
    ['not on a terminal without colours', { columns: 80, colours: false }, false],
    ['not elsewhere', undefined, false],
  ])('is coloured %s', (_, terminal, isColoured) => {
    const { page, text } = screen(terminal);
    page.line('x', 'red');
    expect(text()).toBe(isColoured ? '\u001B[31mx\u001B[39m\n' : 'x\n');
  });
});
