// Nodes unified diff: what would change in a file, in the form that diff -u has and patch reads.

const CONTEXT = 3;
/** Comparisons that are worth it; two texts with more differing lines than that are shown as one taken away and one added. */
const MAX_CELLS = 4_000_000;
const NO_NEWLINE = '\\ No newline at end of file';

interface Line {
  readonly kind: ' ' | '-' | '+';
  readonly text: string;
}

/** Lines without their line feed; a last one without is marked as diff does. */
function splitLines(text: string | undefined): string[] {
  if (text === undefined || text === '') return [];
  const lines = text.split('\n');
  const last = lines.pop() ?? '';
  return last === '' ? lines : [...lines, `${last}\n${NO_NEWLINE}`];
}

/** Length of the longest common subsequence of what follows position (i, j), for each; row by row. */
function commonLengths(a: readonly string[], b: readonly string[]): (i: number, j: number) => number {
  const width = b.length + 1;
  const cells = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => cells[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const length = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
      cells[i * width + j] = length;
    }
  }
  return at;
}

function compareMiddle(a: readonly string[], b: readonly string[]): Line[] {
  const removed = (text: string): Line => ({ kind: '-', text });
  const added = (text: string): Line => ({ kind: '+', text });
  if (a.length * b.length > MAX_CELLS) return [...a.map(removed), ...b.map(added)];
  const at = commonLengths(a, b);
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    const [old, fresh] = [a[i] ?? '', b[j] ?? ''];
    if (old === fresh) {
      lines.push({ kind: ' ', text: old });
      i += 1;
      j += 1;
    } else if (at(i + 1, j) >= at(i, j + 1)) {
      lines.push(removed(old));
      i += 1;
    } else {
      lines.push(added(fresh));
      j += 1;
    }
  }
  return [...lines, ...a.slice(i).map(removed), ...b.slice(j).map(added)];
}

/** Every line of both, in order. */
function compareLines(a: readonly string[], b: readonly string[]): Line[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  const most = Math.min(a.length, b.length) - start;
  while (end < most && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const same = (text: string): Line => ({ kind: ' ', text });
  return [
    ...a.slice(0, start).map(same),
    ...compareMiddle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...a.slice(a.length - end).map(same),
  ];
}

/** Ranges of lines that are shown: changes with their context; those that touch are one. */
function findHunks(lines: readonly Line[]): { readonly from: number; readonly to: number }[] {
  const hunks: { from: number; to: number }[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.kind === ' ') continue;
    const from = Math.max(0, index - CONTEXT);
    const to = Math.min(lines.length, index + CONTEXT + 1);
    const last = hunks.at(-1);
    if (last !== undefined && from <= last.to) last.to = to;
    else hunks.push({ from, to });
  }
  return hunks;
}

/** `3`, `3,4`, `0,0`: an empty range is named by the line before it. */
function printRange(before: number, count: number): string {
  const start = count === 0 ? before : before + 1;
  return count === 1 ? String(start) : `${start},${count}`;
}

function printHunk(
  lines: readonly Line[],
  { from, to }: { readonly from: number; readonly to: number },
): string[] {
  const count = (part: readonly Line[], without: Line['kind']): number =>
    part.filter(({ kind }) => kind !== without).length;
  const head = lines.slice(0, from);
  const part = lines.slice(from, to);
  const old = printRange(count(head, '+'), count(part, '+'));
  const fresh = printRange(count(head, '-'), count(part, '-'));
  return [`@@ -${old} +${fresh} @@`, ...part.map(({ kind, text }) => kind + text)];
}

/** The lines of a unified diff with its two file lines; none when the texts are the same. undefined: no file. */
export function diffTexts(path: string, before: string | undefined, after: string | undefined): string[] {
  const lines = compareLines(splitLines(before), splitLines(after));
  const hunks = findHunks(lines);
  if (hunks.length === 0 && (before === undefined) === (after === undefined)) return [];
  return [
    `--- ${before === undefined ? '/dev/null' : path}`,
    `+++ ${after === undefined ? '/dev/null' : path}`,
    ...hunks.flatMap((hunk) => printHunk(lines, hunk)),
  ];
}
