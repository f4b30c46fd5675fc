// One suite: unit tests (pure), protocol tests (real sockets, real registries). No module mocks anywhere.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/cluster/**'],
    // Bounds for what hangs, on a machine that is several times slower and has other work; no measure of anything.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
    pool: 'forks',
    maxWorkers: 2,
  },
});
