// Line writer: the one way to standard output. Asynchronous, batched, bounded; drops are counted.
import sonicBoom from 'sonic-boom';

/** Lines waiting beyond this are dropped: a reader that never reads must not cost more memory than this, or any answer. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/**
 * Lines are written together that come within this time. Every write costs a hand-over to another thread and a system
 * call, which under load is more than making the lines (docs/adr/0010).
 */
const BATCH_MS = 10;
/** Characters. What does not fit is dropped by the batch, so a batch is small beside all that may wait. */
const FULL_BATCH = 256 * 1024;

export class LineWriter {
  readonly #out: sonicBoom.SonicBoom;
  #batch: string[] = [];
  #batchLength = 0;
  #scheduled = false;

  /** @param onDrop Told how many lines were lost, each time some were. */
  constructor(fd: number, onDrop: (lines: number) => void) {
    // With a minLength of 0 its flush() would call back before anything is written.
    this.#out = new sonicBoom.SonicBoom({ fd, sync: false, minLength: 1, maxLength: MAX_WAITING_BYTES });
    this.#out.on('drop', (data: string) => onDrop(data.split('\n').length - 1));
    // A closed reader (EPIPE) must not end the process; what cannot be written is lost.
    this.#out.on('error', () => onDrop(1));
  }

  /** Takes one line, which has to end in a line feed. Never waits, never throws. */
  write(line: string): void {
    this.#batch.push(line);
    this.#batchLength += line.length;
    if (this.#batchLength > FULL_BATCH) this.#flushBatch();
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(() => {
      this.#scheduled = false;
      this.#flushBatch();
    }, BATCH_MS).unref();
  }

  #flushBatch(): void {
    const text = this.#batch.join('');
    this.#batch = [];
    this.#batchLength = 0;
    if (text !== '') this.#out.write(text);
  }

  /** Writes out what waits, for at most `timeoutMs`; a reader that does not read is not waited for. */
  async end(timeoutMs: number): Promise<void> {
    this.#flushBatch();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    const flushed = new Promise<void>((resolve) => this.#out.flush(() => resolve()));
    await Promise.race([flushed, late]);
    clearTimeout(timer);
  }
}
