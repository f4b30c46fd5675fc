// The journal: what is written is read, and a line cut off by a crash spoils nothing else.
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal } from './journal.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'journal-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('Journal', () => {
  it('gives back what was recorded, oldest first, also to another process', () => {
    Journal.open(folder).record({ kind: 'link', name: 'rflab0' });
    Journal.open(folder).record({ kind: 'netns', name: 'rflab-fra' });
    expect(Journal.open(folder).entries()).toEqual([
      { kind: 'link', name: 'rflab0' },
      { kind: 'netns', name: 'rflab-fra' },
    ]);
  });

  it('leaves out a line that a crash cut off, and no other', () => {
    const journal = Journal.open(folder);
    journal.record({ kind: 'link', name: 'rflab0' });
    appendFileSync(path.join(folder, 'journal.jsonl'), '{"kind":"net');
    journal.record({ kind: 'link', name: 'rflab1' });
    expect(journal.entries()).toEqual([
      { kind: 'link', name: 'rflab0' },
      { kind: 'link', name: 'rflab1' },
    ]);
  });

  it('has no entries in a new folder', () => {
    expect(Journal.open(path.join(folder, 'new')).entries()).toEqual([]);
  });
});
