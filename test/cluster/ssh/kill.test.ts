// A connection that dies half-way: thirty times at random moments; `npm run test:ssh-kill` does hundreds.
import { describe, expect, it } from 'vitest';
import { printKills, runKills } from '../../ssh/kills.ts';

const SEED = 20_261_121;

describe('ssh killed at random moments', () => {
  it('leaves the node with its old files or the new, and the next run puts it right', async () => {
    const counts = await runKills({ n: 30, seed: SEED });
    console.log(printKills(counts, SEED));
    expect(counts.invalid).toEqual([]);
    expect(counts.kills).toBe(30);
    expect(counts.hits).toBeGreaterThan(3);
  }, 600_000);
});
