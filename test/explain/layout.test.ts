// Layout: text that fits, can be copied, and cannot steer a terminal.
import { describe, expect, it } from 'vitest';
import {
  bullet,
  indent,
  labelled,
  printDuration,
  printable,
  shortDigest,
  wrapError,
} from '../../src/explain/layout.ts';

describe('wrapError', () => {
  it('indents what does not fit, and leaves what fits as it is', () => {
    expect(wrapError('error: one two three', 14)).toEqual(['error: one', '  two three']);
    expect(wrapError('', 14)).toEqual(['']);
    expect(wrapError('error: one', 80)).toEqual(['error: one']);
  });
});

describe('layout', () => {
  it('wraps at spaces within 80 columns', () => {
    const lines = indent('word '.repeat(40).trim(), 10);
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) {
      expect(line.length).toBeLessThanOrEqual(80);
      expect(line).toMatch(/^ {10}word/);
    }
  });

  it('leaves a long reference in one piece', () => {
    const reference = `host.example/${'a'.repeat(100)}:1`;
    expect(indent(`it is ${reference} here`, 4)).toEqual(['    it is', `    ${reference}`, '    here']);
  });

  it('hangs what follows a label or a bullet', () => {
    const long = 'word '.repeat(20).trim();
    expect(labelled('note', long, 4)[0]).toMatch(/^ {4}note {6}word/);
    expect(labelled('note', long, 4)[1]).toMatch(/^ {14}word/);
    expect(bullet(long, 4)[0]).toMatch(/^ {4}- word/);
    expect(bullet(long, 4)[1]).toMatch(/^ {6}word/);
  });

  it('styles the text, not its label, and after it has been wrapped', () => {
    expect(labelled('result', 'served', 0, (text) => `<${text}>`)).toEqual(['result    <served>']);
  });

  it('shows control and invisible characters instead of obeying them', () => {
    expect(printable('a\u001B[31mb\u202Ec\nd')).toBe('a?[31mb?c?d');
    expect(indent('x\u001B[2Jy', 0)).toEqual(['x?[2Jy']);
  });

  it.each([
    [0.4, '0 ms'],
    [41.4, '41 ms'],
    [994, '994 ms'],
    [996, '1.00 s'],
    [1512, '1.51 s'],
  ])('prints %d ms as %s', (ms, text) => {
    expect(printDuration(ms)).toBe(text);
  });

  it('shortens a digest', () => {
    expect(shortDigest(`sha256:${'ab'.repeat(32)}`)).toBe('sha256:abababababab');
  });
});
