// npm run test:ssh-kill -- [--n 200] [--seed N]: kills ssh at random moments of runs on a real sshd node. Needs root. Exit 1 on an invalid state.
import { parseArgs } from 'node:util';
import { printKills, runKills } from './kills.ts';

const { values } = parseArgs({ options: { n: { type: 'string' }, seed: { type: 'string' } } });
const n = Number(values.n ?? 200);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (!Number.isSafeInteger(n) || n < 1 || !Number.isSafeInteger(seed)) {
  process.stderr.write('npm run test:ssh-kill -- [--n times] [--seed number]\n');
  process.exit(2);
}
const counts = await runKills({ n, seed, say: (line) => process.stderr.write(`${line}\n`) });
process.stdout.write(`${printKills(counts, seed)}\n`);
// No hit would prove nothing.
process.exit(counts.invalid.length === 0 && counts.hits > 0 ? 0 : 1);
