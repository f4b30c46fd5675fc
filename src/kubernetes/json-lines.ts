// JSON lines: whole lines out of chunks that are cut anywhere, in the middle of a character too.

const NEWLINE = 0x0a;

/** Collects bytes until a line is complete. */
export class LineReader {
  readonly #cap: number;
  readonly #onLine: (line: string) => void;
  #rest: Uint8Array[] = [];
  #size = 0;

  /** `cap`: bytes of a line. */
  constructor(cap: number, onLine: (line: string) => void) {
    this.#cap = cap;
    this.#onLine = onLine;
  }

  /** false: a line is longer than the cap, and what follows cannot be read either. The bytes are not kept. */
  push(chunk: Uint8Array): boolean {
    let start = 0;
    for (;;) {
      // No byte of a longer UTF-8 character is a newline's, so lines can be cut before they are decoded.
      const end = chunk.indexOf(NEWLINE, start);
      const part = chunk.subarray(start, end === -1 ? undefined : end);
      if (this.#size + part.length > this.#cap) return false;
      if (end === -1) {
        this.#keep(part);
        return true;
      }
      this.#emit(part);
      start = end + 1;
    }
  }

  #keep(part: Uint8Array): void {
    if (part.length === 0) return;
    this.#rest.push(Uint8Array.from(part)); // a copy: a short rest must not hold on to the whole chunk
    this.#size += part.length;
  }

  #emit(part: Uint8Array): void {
    const line = Buffer.concat([...this.#rest, part]).toString('utf8');
    this.#rest = [];
    this.#size = 0;
    if (line.trim() !== '') this.#onLine(line);
  }
}
