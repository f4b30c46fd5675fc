// Odd hosts: strange text in any field of a node's data never becomes a file that is not meant.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oddLogin, oddWanted, tryOdd } from './odd-hosts.ts';

describe('data with odd text', () => {
  it('is refused, left out, or rendered into files that read back as meant', () => {
    let [files, accepted] = [0, 0];
    fc.assert(
      fc.property(oddWanted, oddLogin, (odd, login) => {
        const trial = tryOdd(odd, login);
        files += trial.files;
        accepted += Number(trial.isAccepted);
        expect(trial.fault).toBeUndefined();
      }),
      { numRuns: 150 },
    );
    // Otherwise nothing was tried.
    expect(files).toBeGreaterThan(75);
    expect(accepted).toBeGreaterThan(15);
  });
});
