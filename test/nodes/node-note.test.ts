// The note that an owner keeps on a node: what is printed is read back, what is damaged is nobody's.
import { describe, expect, it } from 'vitest';
import { parseNote, printNote, type NodeNote } from '../../src/nodes/writing/node-note.ts';

const OWNER = 'ns/rf';
const EMPTY_NOTE: NodeNote = { made: [], auth: undefined, pending: undefined };
const NOTE: NodeNote = {
  made: ['/etc/containers/certs.d'],
  auth: {
    path: '/etc/crio/auth.json',
    original: { text: '{}\n', mode: 0o640, uid: 0, gid: 12 },
    written: ['aa'],
    keys: new Map([['ams.example.com', ['bb']]]),
  },
  pending: {
    reload: true,
    undo: [
      { path: '/a', old: 'cc' },
      { path: '/b', old: undefined },
    ],
  },
};

describe('a node note', () => {
  it.each<readonly [string, NodeNote]>([
    ['whole', NOTE],
    [
      'of an auth file that there was none of',
      { ...NOTE, auth: NOTE.auth && { ...NOTE.auth, original: undefined } },
    ],
    ['of folders only', { ...EMPTY_NOTE, made: ['/x'] }],
  ])('is read as it was printed: %s', (_name, note) => {
    expect(parseNote(printNote(note, OWNER) ?? '', OWNER)).toEqual(note);
  });

  it('is no file when there is nothing to remember', () => {
    expect(printNote(EMPTY_NOTE, OWNER)).toBeUndefined();
  });

  it.each([
    ['another owner’s', printNote(NOTE, 'other/rf') ?? ''],
    ['of another version', (printNote(NOTE, OWNER) ?? '').replace('"version":1', '"version":2')],
    ['cut short', (printNote(NOTE, OWNER) ?? '').slice(0, 40)],
    ['a list', '[]'],
  ])('is nobody’s when it is %s', (_name, text) => {
    expect(parseNote(text, OWNER)).toBeUndefined();
  });
});
