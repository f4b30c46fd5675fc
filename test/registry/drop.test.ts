import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

/** Everything happens in a namespace that ends with the process: nothing of the machine's network is touched. */
const IN_NAMESPACE = ['-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
const DIAL_TIMEOUT_MS = 1000;

function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  try {
    execFileSync('unshare', [...IN_NAMESPACE, 'iptables', '-A', 'INPUT', '-j', 'DROP'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'needs unshare, ip and iptables';
  }
}

interface Observed {
  readonly outcomes: string[];
  readonly details: string[];
  readonly longestMs: number;
}

const skipped = whyNot();

describe.skipIf(skipped !== undefined)(
  `an address that DROPs${skipped ? ` (skipped: ${skipped})` : ''}`,
  () => {
    it(
      'answers twenty questions within the dial time-out, cold and on connections that were alive',
      { retry: 2 },
      async () => {
        const child = fileURLToPath(new URL('drop-child.ts', import.meta.url));
        const { stdout } = await promisify(execFile)('unshare', [...IN_NAMESPACE, process.execPath, child]);
        const seen = JSON.parse(stdout) as Record<'cold' | 'healed' | 'warm', Observed> & {
          ping: { outcome: string; ms: number };
        };
        expect(seen.cold.outcomes).toEqual(['unreachable']);
        expect(seen.cold.details.join()).toMatch(
          /no TCP connection to drop\.registry\.test:\d+ within 1000 ms/u,
        );
        expect(seen.cold.longestMs).toBeLessThan(DIAL_TIMEOUT_MS + 100);
        expect(seen.healed.outcomes).toEqual(['available']);
        expect(seen.warm.outcomes).toEqual(['unreachable']);
        expect(seen.warm.longestMs).toBeLessThan(DIAL_TIMEOUT_MS + 100);
        expect(seen.ping.outcome).toBe('unreachable');
        expect(seen.ping.ms).toBeLessThan(DIAL_TIMEOUT_MS + 100);
      },
    );
  },
);
