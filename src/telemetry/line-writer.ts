// Line writer: the one way to standard output. Asynchronous, batched, bounded; drops are counted, line by line.
import { write } from 'node:fs';

/** Bytes that may wait beside those that are being written. A reader that never reads costs this much memory, and no answer. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/**
 * Lines are written together that come within this time. Every write costs a hand-over to another thread and a system
 * call, which under load is more than making the lines (docs/adr/0010).
 */
const BATCH_MS = 10;
/** Requests whose lines may wait to be printed; more than come in BATCH_MS, so that only a stalled loop reaches it. */
const MAX_DEFERRED = 1024;
/** UTF-8 takes at most this many bytes for a UTF-16 unit. */
const MAX_BYTES_PER_UNIT = 3;

/** Lines as bytes outside the heap: as strings they would outlive the collector's young generation while they wait. */
class Batch {
  readonly bytes = Buffer.allocUnsafeSlow(MAX_WAITING_BYTES);
  length = 0;
  lines = 0;

  add(line: string): boolean {
    if (this.length + line.length * MAX_BYTES_PER_UNIT > this.bytes.length) return false;
    this.length += this.bytes.write(line, this.length, 'utf8');
    this.lines += 1;
    return true;
  }

  clear(): void {
    this.length = 0;
    this.lines = 0;
  }
}

/** Something that can be printed as lines, each with its line feed; must give the same whenever it is asked. */
export interface Printable {
  lines(): readonly string[];
}

export class LineWriter {
  readonly #fd: number;
  readonly #onDrop: (lines: number) => void;
  readonly #deferred: Printable[] = [];
  #filling = new Batch();
  #writing = new Batch();
  #isBusy = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #waiting: (() => void)[] = [];

  /** @param onDrop Told how many lines were lost, each time some were. */
  constructor(fd: number, onDrop: (lines: number) => void) {
    this.#fd = fd;
    this.#onDrop = onDrop;
  }

  /** Takes one line, which has to end in a line feed. Never waits, never throws. */
  write(line: string): void {
    if (!this.#filling.add(line)) this.#onDrop(1);
    this.#wake();
  }

  /**
   * Takes something to be printed with the next batch: printing many in a row costs half of printing each between two
   * requests (docs/adr/0010). Never waits, never throws.
   */
  defer(printable: Printable): void {
    this.#deferred.push(printable);
    if (this.#deferred.length >= MAX_DEFERRED) this.#print();
    this.#wake();
  }

  #wake(): void {
    this.#timer ??= setTimeout(() => this.#flush(), BATCH_MS).unref();
  }

  #print(): void {
    for (const printable of this.#deferred.splice(0)) {
      for (const line of printable.lines()) if (!this.#filling.add(line)) this.#onDrop(1);
    }
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#print();
    if (this.#isBusy) return;
    if (this.#filling.length === 0) {
      for (const resolve of this.#waiting.splice(0)) resolve();
      return;
    }
    this.#isBusy = true;
    [this.#filling, this.#writing] = [this.#writing, this.#filling];
    this.#writeFrom(0);
  }

  /** Writes the rest of the batch; a pipe may take less than it is given. */
  #writeFrom(offset: number): void {
    const { bytes, length } = this.#writing;
    write(this.#fd, bytes, offset, length - offset, null, (error, written) => {
      if (error?.code === 'EAGAIN') return void setTimeout(() => this.#writeFrom(offset), BATCH_MS).unref();
      if (error === null && offset + written < length) return this.#writeFrom(offset + written);
      // A closed reader (EPIPE) must not end the process; what cannot be written is lost, and said to be.
      if (error !== null) this.#onDrop(this.#writing.lines);
      this.#writing.clear();
      this.#isBusy = false;
      this.#flush();
    });
  }

  /** Writes out what waits, for at most `timeoutMs`; a reader that does not read is not waited for. */
  async end(timeoutMs: number): Promise<void> {
    const written = new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#flush();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([written, late]);
    clearTimeout(timer);
  }
}
