// The line writer against a real pipe: everything arrives when it is read, and nothing waits when it is not.
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, rmSync } from 'node:fs';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LineWriter } from '../../src/telemetry/line-writer.ts';

let folder: string;
let writeFd: number;
let readFd: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pipe-'));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  writeFd = openSync(path, constants.O_WRONLY);
});
afterEach(() => {
  closeSync(readFd);
  closeSync(writeFd);
  rmSync(folder, { recursive: true });
});

/** Reads what is there now. */
function readNow(): string {
  const buffer = Buffer.alloc(1 << 20);
  try {
    return buffer.toString('utf8', 0, readSync(readFd, buffer));
  } catch {
    return '';
  }
}

describe('LineWriter', () => {
  it('writes every line, in order', async () => {
    const writer = new LineWriter(writeFd, () => {});
    for (let line = 0; line < 100; line += 1) writer.write(`${line}\n`);
    await writer.end(1000);
    expect(readNow()).toBe(Array.from({ length: 100 }, (_, line) => `${line}\n`).join(''));
  });

  it('drops and counts instead of waiting when nobody reads, and ends all the same', async () => {
    let dropped = 0;
    const writer = new LineWriter(writeFd, (lines) => (dropped += lines));
    const line = `${'x'.repeat(1023)}\n`;
    const started = performance.now();
    for (let round = 0; round < 60; round += 1) {
      for (let count = 0; count < 500; count += 1) writer.write(line);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await writer.end(100);
    expect(performance.now() - started).toBeLessThan(20_000);
    // 30,000 lines of 1 KiB, and two batches that can hold a third of 4 MiB each for certain: most are gone, and said to be.
    expect(dropped).toBeGreaterThan(20_000);
    expect(dropped).toBeLessThan(28_000);
    // Let the blocked write end before the pipe is closed.
    for (let round = 0; round < 50; round += 1) {
      readNow();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  });
});
