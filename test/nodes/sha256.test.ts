// The hash that the plan and `sha256sum` compare by, against node's own.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../../src/nodes/sha256.ts';

describe('sha256Hex', () => {
  it('agrees with the platform on every length around the blocks', () => {
    for (let length = 0; length < 200; length += 1) {
      const text = 'aé€😀'.repeat(length).slice(0, length);
      const bytes = Buffer.from(new TextEncoder().encode(text));
      expect(sha256Hex(text)).toBe(createHash('sha256').update(bytes).digest('hex'));
    }
  });

  it('agrees on a large text', () => {
    const text = 'x'.repeat(300_000);
    expect(sha256Hex(text)).toBe(createHash('sha256').update(text).digest('hex'));
  });
});
