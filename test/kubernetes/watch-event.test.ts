import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineReader } from '../../src/kubernetes/json-lines.ts';
import { parseWatchEvent } from '../../src/kubernetes/watch-event.ts';

describe('LineReader', () => {
  it('gives the same lines however the bytes are cut', () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => JSON.stringify(text));
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 8 }),
        fc.array(fc.nat(60), { maxLength: 30 }),
        (lines, cuts) => {
          const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
          const read: string[] = [];
          const reader = new LineReader(10_000, (text) => read.push(text));
          let start = 0;
          for (const cut of [...cuts, bytes.length]) {
            // The chunk's memory is used again for the next one, as the HTTP client does.
            const chunk = Uint8Array.from(bytes.subarray(start, start + cut));
            expect(reader.push(chunk)).toBe(true);
            chunk.fill(0);
            start += cut;
          }
          expect(read).toEqual(lines);
        },
      ),
    );
  });

  it('reads a line as long as the cap and none that is longer', () => {
    const read: string[] = [];
    const reader = new LineReader(8, (text) => read.push(text));
    expect(reader.push(Buffer.from('12345678\n1234'))).toBe(true);
    expect(reader.push(Buffer.from('5678\n'))).toBe(true);
    expect(reader.push(Buffer.from('1234'))).toBe(true);
    expect(reader.push(Buffer.from('56789'))).toBe(false);
    expect(read).toEqual(['12345678', '12345678']);
  });
});

describe('parseWatchEvent', () => {
  const object = { metadata: { name: 'a', resourceVersion: '7' } };

  it.each([
    ['an addition', { type: 'ADDED', object }, { type: 'put', object }],
    ['a change', { type: 'MODIFIED', object }, { type: 'put', object }],
    ['a removal', { type: 'DELETED', object }, { type: 'gone', object }],
    [
      'a bookmark, which has no name',
      { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } },
      { type: 'bookmark', resourceVersion: '9' },
    ],
    ['what a later server may say', { type: 'SIGH', object: {} }, { type: 'unknown' }],
  ])('reads %s', (_what, event, expected) => {
    expect(parseWatchEvent(JSON.stringify(event))).toEqual(expected);
  });

  it('reads a failure', () => {
    const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
    expect(parseWatchEvent(JSON.stringify({ type: 'ERROR', object: status }))).toMatchObject({
      type: 'failure',
      failure: { kind: 'expired', status: 410, message: 'too old resource version' },
    });
  });

  it.each([
    ['half a line', '{"type":"ADDED","obj'],
    ['no object', '[]'],
    ['no type', '{}'],
    ['an object without a name', '{"type":"ADDED","object":{"metadata":{}}}'],
    ['a bookmark without a version', '{"type":"BOOKMARK","object":{}}'],
  ])('makes nothing of %s', (_what, line) => {
    expect(parseWatchEvent(line)).toBeUndefined();
  });
});
