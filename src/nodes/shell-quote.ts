// Shell quote: text as one word of POSIX sh, whatever is in it.

/** In single quotes, where nothing but the single quote means anything. NUL cannot be in a word: it is a bug of the caller. */
export function quoteForShell(text: string): string {
  if (text.includes('\0')) throw new Error('a word of a shell script cannot hold NUL');
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
