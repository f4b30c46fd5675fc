// The suite that needs a real API server, or the whole lab: `npm run test:cluster`. Never part of `npm test`.
import { defineConfig } from 'vitest/config';
import { InstallLast } from './test/cluster/lab/sequence.ts';

const patience = { testTimeout: 180_000, hookTimeout: 300_000, teardownTimeout: 120_000 };

export default defineConfig({
  test: {
    pool: 'forks',
    // One file at a time: there is one lab, and two cores.
    fileParallelism: false,
    sequence: { sequencer: InstallLast },
    projects: [
      {
        test: {
          name: 'api-server',
          include: ['test/cluster/**/*.test.ts'],
          exclude: ['test/cluster/lab/**', 'test/cluster/ssh/**'],
          ...patience,
        },
      },
      {
        test: {
          // Real sshd instances, each with namespaces of its own.
          name: 'ssh',
          include: ['test/cluster/ssh/**/*.test.ts'],
          globalSetup: ['test/cluster/ssh/setup.ts'],
          ...patience,
        },
      },
      {
        test: {
          name: 'lab',
          include: ['test/cluster/lab/**/*.test.ts'],
          // The lab, and the product installed in it.
          globalSetup: ['test/cluster/lab/setup.ts'],
          ...patience,
        },
      },
    ],
  },
});
