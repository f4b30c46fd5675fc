// Layout: text for a terminal of 80 columns: wrapping, columns, and the few styles that are used.

export const WIDTH = 80;

export type Style = 'title' | 'good' | 'bad' | 'unsure' | 'quiet';

/** Colours a text, or gives it back as it is where there are no colours. */
export type Paint = (style: Style, text: string) => string;

/** What a manifest or a registry wrote must not steer the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
}

function wrapWords(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Wraps at spaces, never within a word: references have to stay in one piece to be copied. */
export function indent(text: string, columns: number): string[] {
  return wrapWords(printable(text), WIDTH - columns).map((line) => ' '.repeat(columns) + line);
}

/** `- text`, hanging. */
export function bullet(text: string, columns: number): string[] {
  const lines = indent(text, columns + 2);
  return lines.map((line, index) =>
    index === 0 ? `${' '.repeat(columns)}- ${line.slice(columns + 2)}` : line,
  );
}

/** One line of an error in a terminal of this width, what follows indented by two. Made printable by whoever wrote it. */
export function wrapError(line: string, width: number): string[] {
  return wrapWords(line, width - 2).map((part, index) => (index === 0 ? part : `  ${part}`));
}

const LABEL_WIDTH = 10;

/** `label     text`, the text wrapped in a column of its own and given a style after that: colours have no width. */
export function labelled(
  label: string,
  text: string,
  columns: number,
  style: (text: string) => string = (plain) => plain,
): string[] {
  const start = columns + LABEL_WIDTH;
  return indent(text, start).map((line, index) => {
    const head = index === 0 ? ' '.repeat(columns) + label.padEnd(LABEL_WIDTH) : ' '.repeat(start);
    return head + style(line.slice(start));
  });
}

/** `41 ms`, `1.02 s`. */
export function printDuration(ms: number): string {
  return ms < 995 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** Enough of a digest to tell two apart: `sha256:9f86d081884c`. */
export function shortDigest(digest: string): string {
  const colon = digest.indexOf(':');
  return digest.slice(0, colon + 1 + 12);
}
