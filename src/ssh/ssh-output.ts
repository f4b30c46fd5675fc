// Ssh output: what a node says, bounded, and cut into what comes before the script, its own output, and its exit code.
import { DONE, READY } from './ssh-arguments.ts';

/** Of what start-up files print before we are ready. */
const MAX_PREFACE = 65_536;
/** Of stderr; the end is kept, since failures are said last. */
const MAX_STDERR = 16_384;

export type SshStage = 'opening' | 'ready' | 'overflow';

const READY_LINE = new RegExp(`(?:^|\\n)${READY} (\\d+)\\r?\\n`);
const DONE_LINE = new RegExp(`\\n${DONE} (\\d+)\\r?\\n$`);
/** Of our own lines around the script's output. */
const OVERHEAD = 64;

/** Collects stdout of one run. */
export class SshOutput {
  readonly #maxBytes: number;
  #stage: SshStage = 'opening';
  #preface = '';
  #chunks: Buffer[] = [];
  #bytes = 0;
  #uid: number | undefined;

  /** `maxBytes` of the script's own output. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes + OVERHEAD;
  }

  get stage(): SshStage {
    return this.#stage;
  }

  /** Who runs the script; undefined until ready. */
  get uid(): number | undefined {
    return this.#uid;
  }

  add(chunk: Buffer): void {
    if (this.#stage === 'opening') this.#open(chunk);
    else this.#keep(chunk);
  }

  #open(chunk: Buffer): void {
    // Byte for byte: a character that is cut in two must not shift what follows.
    this.#preface += chunk.toString('latin1');
    const match = READY_LINE.exec(this.#preface);
    if (match !== null) {
      this.#stage = 'ready';
      this.#uid = Number(match[1]);
      this.#keep(Buffer.from(this.#preface.slice(match.index + match[0].length), 'latin1'));
      this.#preface = '';
    } else if (this.#preface.length > MAX_PREFACE) this.#stage = 'overflow';
  }

  #keep(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) {
      this.#stage = 'overflow';
      this.#chunks = [];
    } else this.#chunks.push(chunk);
  }

  /** What the script said and its exit code; undefined when the end did not arrive. */
  finish(): { readonly stdout: string; readonly exit: number } | undefined {
    const text = Buffer.concat(this.#chunks).toString('utf8');
    const match = DONE_LINE.exec(text);
    return match === null ? undefined : { stdout: text.slice(0, match.index), exit: Number(match[1]) };
  }
}

/** Collects the end of stderr. */
export class SshErrors {
  #text = '';
  #total = 0;

  add(chunk: Buffer): void {
    this.#text = (this.#text + chunk.toString('utf8')).slice(-MAX_STDERR);
    this.#total += chunk.length;
  }

  get text(): string {
    return this.#text;
  }

  get bytes(): number {
    return this.#total;
  }
}
