// Page: text laid out for a terminal: wrapped to its width, styled only where a terminal shows it.
import { styleText } from 'node:util';
import type { Writable } from 'node:stream';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** A terminal, or anything else that is written to. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

const NARROWEST = 40;
const USUAL = 80;
/** Longer lines than this are tiring to read on any screen. */
const WIDEST = 100;

/** Where a paragraph stands: `first` before its first line, `rest` before the others. */
export interface Indent {
  readonly first: string;
  readonly rest: string;
}

/** Cuts a word that is longer than a line. */
function piecesOf(word: string, width: number): string[] {
  const pieces: string[] = [];
  for (let start = 0; start < word.length; start += width) pieces.push(word.slice(start, start + width));
  return pieces;
}

/** The text in lines of at most `width` characters, indents included. */
export function wrap(text: string, width: number, indent: Indent = { first: '', rest: '' }): string[] {
  const room = width - Math.max(indent.first.length, indent.rest.length);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((each) => piecesOf(each, room))) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((each, index) => (index === 0 ? indent.first : indent.rest) + each);
}

export class Page {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Characters in a line: the terminal's, within reason; 80 where there is no terminal. */
  get width(): number {
    const { isTTY, columns = 0 } = this.#output;
    // A terminal that was never told its size says 0.
    const wanted = isTTY === true && columns > 0 ? columns : USUAL;
    return Math.min(WIDEST, Math.max(NARROWEST, wanted));
  }

  /** One line as it is; the caller knows that it fits. */
  line(text = '', ...styles: Style[]): void {
    this.#output.write(`${this.#styled(text, styles)}\n`);
  }

  /** A paragraph, wrapped. */
  text(text: string, indent?: Indent, ...styles: Style[]): void {
    for (const line of wrap(text, this.width, indent)) this.line(line, ...styles);
  }

  /** One line with something at its right end. The left part is cut when both do not fit. */
  ends(left: string, right: string, ...styles: Style[]): void {
    const room = this.width - right.length - 1;
    const shown = left.length > room ? `${left.slice(0, room - 1)}…` : left;
    this.line(`${shown.padEnd(room)} ${right}`, ...styles);
  }

  /** A heading with a rule to the right edge. */
  heading(text: string): void {
    this.line(`${text} ${'─'.repeat(Math.max(0, this.width - text.length - 1))}`, 'bold');
  }

  /** Colours and weights only on a terminal that wants them: styleText looks at isTTY and NO_COLOR itself. */
  #styled(text: string, styles: readonly Style[]): string {
    if (styles.length === 0) return text;
    return styleText([...styles], text, { stream: this.#output });
  }
}
