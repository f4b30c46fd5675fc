// npm run test:cluster [-- FILES]: the suite on a real API server and on the lab; says first why it cannot run here.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { whyNoLab } from '../lab/prerequisites.ts';

const problems = await whyNoLab({ withImage: true });
if (problems.length > 0) {
  console.error(`The cluster tests cannot run here:\n  ${problems.join('\n  ')}`);
  process.exit(2);
}
const root = path.resolve(import.meta.dirname, '../..');
const words = ['run', '--config', path.join(root, 'vitest.cluster.config.ts'), ...process.argv.slice(2)];
const { status } = spawnSync(
  process.execPath,
  [path.join(root, 'node_modules/vitest/vitest.mjs'), ...words],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);
