// Diffs that patch would take: applied to the old text they give the new one, and show nothing that has not changed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffTexts } from '../../src/commands/nodes/nodes-unified-diff.ts';

const NO_NEWLINE = '\\ No newline at end of file';

function linesOf(text: string): string[] {
  if (text === '') return [];
  const lines = text.split('\n');
  const last = lines.pop() ?? '';
  return last === '' ? lines.map((line) => `${line}\n`) : [...lines.map((line) => `${line}\n`), last];
}

/** What `patch` does with it; throws where the diff does not fit. */
function patch(before: string, diff: readonly string[]): string {
  const old = linesOf(before);
  const out: string[] = [];
  let at = 0;
  // A line of the diff with the remark below it is one without a line feed.
  const lines = diff.join('\n').split('\n').slice(2);
  for (const [index, line] of lines.entries()) {
    const hunk = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@$/.exec(line);
    if (hunk !== null) {
      const start = Number(hunk[1]) - (hunk[2] === '0' ? 0 : 1);
      out.push(...old.slice(at, start));
      at = start;
      expect(out.length + (hunk[4] === '0' ? 0 : 1)).toBe(Number(hunk[3]));
      continue;
    }
    if (line === NO_NEWLINE) continue;
    const text = line.slice(1) + (lines[index + 1] === NO_NEWLINE ? '' : '\n');
    if (line[0] !== '+') {
      expect(old[at]).toBe(text);
      at += 1;
    }
    if (line[0] !== '-') out.push(text);
  }
  return [...out, ...old.slice(at)].join('');
}

describe('diffTexts', () => {
  it('is empty for the same text, and for no file twice', () => {
    expect(diffTexts('/f', 'a\nb\n', 'a\nb\n')).toEqual([]);
    expect(diffTexts('/f', undefined, undefined)).toEqual([]);
  });

  it('shows three lines around a change, and far changes apart', () => {
    const before = Array.from({ length: 20 }, (_, index) => `line ${index + 1}\n`).join('');
    const after = before.replace('line 4\n', 'LINE 4\n').replace('line 17\n', '');
    expect(diffTexts('/f', before, after).join('\n')).toBe(`--- /f
+++ /f
@@ -1,7 +1,7 @@
 line 1
 line 2
 line 3
-line 4
+LINE 4
 line 5
 line 6
 line 7
@@ -14,7 +14,6 @@
 line 14
 line 15
 line 16
-line 17
 line 18
 line 19
 line 20`);
  });

  it('names a file that is new or goes, also an empty one', () => {
    expect(diffTexts('/f', undefined, 'a\n')).toEqual(['--- /dev/null', '+++ /f', '@@ -0,0 +1 @@', '+a']);
    expect(diffTexts('/f', 'a\n', undefined)).toEqual(['--- /f', '+++ /dev/null', '@@ -1 +0,0 @@', '-a']);
    expect(diffTexts('/f', undefined, '')).toEqual(['--- /dev/null', '+++ /f']);
  });

  it('says where the last line feed is missing', () => {
    expect(diffTexts('/f', 'a', 'a\n').slice(3)).toEqual([`-a\n${NO_NEWLINE}`, '+a']);
  });

  it('gives the new text when it is applied, for any two texts', () => {
    const text = fc
      .array(fc.constantFrom('a\n', 'b\n', 'c\n', '\n', 'd'), { maxLength: 24 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const diff = diffTexts('/f', before, after);
        expect(diff.length === 0 ? before : patch(before, diff)).toBe(after);
      }),
    );
  });

  it('does not stall on large texts that have nothing in common', () => {
    const big = (letter: string): string =>
      Array.from({ length: 5_000 }, (_, index) => `${letter}${index}\n`).join('');
    const start = performance.now();
    expect(diffTexts('/f', big('a'), big('b'))).toHaveLength(10_003);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});
