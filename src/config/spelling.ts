// Spelling: which known word a misspelt one was meant to be.

/** Edits (insert, delete, replace, swap of neighbours) between two words: optimal string alignment. */
function distance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const at = (up: number, left: number): number => rows[row - up]?.[column - left] ?? Infinity;
      current[column] = Math.min(
        at(1, 0) + 1,
        (current[column - 1] ?? Infinity) + 1,
        at(1, 1) + (isSame ? 0 : 1),
        isSwap ? at(2, 2) + 1 : Infinity,
      );
    }
    rows.push(current);
  }
  return rows[from.length]?.[to.length] ?? Infinity;
}

/**
 * The known word closest to `word`, case and separators aside; undefined when none is close enough to be meant: a third of
 * its letters, at most three edits. Words above 64 characters are nobody's slip.
 */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_ ]/g, '');
  const wanted = plain(word);
  const ranked = known
    .map((candidate) => ({ candidate, edits: distance(wanted, plain(candidate)) }))
    .filter(({ candidate, edits }) => edits <= Math.min(3, Math.ceil(candidate.length / 3)))
    .sort((a, b) => a.edits - b.edits);
  return ranked[0]?.candidate;
}
