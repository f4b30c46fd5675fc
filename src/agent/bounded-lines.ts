// Bounded lines: whole lines out of chunks that are cut anywhere, in the middle of a character too.

const NEWLINE = 0x0a;

/** Collects bytes until a line is complete. */
export class BoundedLines {
  readonly #maxBytes: number;
  readonly #onLine: (line: string) => void;
  #rest: Buffer[] = [];
  #size = 0;

  constructor(maxBytes: number, onLine: (line: string) => void) {
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
  }

  /** false: a line is longer than allowed, and nothing after it can be read either. */
  push(chunk: Buffer): boolean {
    let start = 0;
    for (;;) {
      // No byte of a longer UTF-8 character is a newline's, so lines can be cut before they are decoded.
      const end = chunk.indexOf(NEWLINE, start);
      const part = chunk.subarray(start, end === -1 ? undefined : end);
      this.#size += part.length;
      if (this.#size > this.#maxBytes) return false;
      this.#rest.push(part);
      if (end === -1) return true;
      const line = Buffer.concat(this.#rest).toString('utf8');
      this.#rest = [];
      this.#size = 0;
      if (line.trim() !== '') this.#onLine(line);
      start = end + 1;
    }
  }
}
