// npm run walk:ssh: `nodes` over ssh on three sshd nodes of this machine, as a person would work: each command, what it prints, its exit code.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { runProgram } from './cli.ts';
import { OCIR } from './declarations.ts';
import { giveForeignFiles } from './foreign-files.ts';
import { startPark } from './park.ts';
import type { Park } from './park.ts';
import { snapshot } from './snapshot.ts';
import { startCrio } from './stand-ins.ts';

const NAMES = ['worker-1', 'worker-2', 'worker-3'];
const HOSTS = ['--hosts', NAMES.join(',')];

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

interface Visit {
  readonly why: string;
  readonly words: readonly string[];
  readonly exit: number;
}

class Walk {
  readonly #park: Park;
  readonly #sets: string;
  #surprises = 0;

  constructor(park: Park) {
    this.#park = park;
    this.#sets = path.join(park.folder, 'mirrors.yaml');
    writeFileSync(this.#sets, OCIR);
  }

  /** How often something was not as announced. */
  get surprises(): number {
    return this.#surprises;
  }

  /** One command, with what it says; a person would leave `--ssh-config` out. */
  async visit({ why, words, exit }: Visit): Promise<void> {
    const needsSets = words[0] !== 'restore';
    const all = [...words, ...(needsSets ? ['-m', this.#sets] : []), ...HOSTS];
    say(`\n# ${why}\n$ registry-failover nodes ${all.join(' ').replace(this.#sets, 'mirrors.yaml')}`);
    const end = await runProgram(['nodes', ...all, '--ssh-config', this.#park.configFile]);
    say(`${end.stderr}${end.stdout}`.trimEnd());
    say(`exit ${String(end.exit)}`);
    this.expect(end.exit === exit, `exit ${exit} was expected`);
  }

  expect(isSo: boolean, otherwise: string): void {
    if (isSo) return;
    this.#surprises += 1;
    say(`UNEXPECTED: ${otherwise}`);
  }

  async photograph(): Promise<string> {
    return (await Promise.all(this.#park.nodes.map(snapshot))).join('\n');
  }
}

async function walk(park: Park): Promise<number> {
  const [, , third] = park.nodes;
  for (const node of park.nodes) {
    await giveForeignFiles(node);
    await startCrio(node);
  }
  const steps = new Walk(park);
  const before = await steps.photograph();
  await steps.visit({ why: 'what would change', words: ['diff'], exit: 1 });
  if (third !== undefined) await startCrio(third, { atHangup: 'Dies' });
  say('\n(From here on the CRI-O of worker-3 ends when it is told to read its files.)');
  await steps.visit({ why: 'a canary, then the others; one is put back', words: ['apply'], exit: 4 });
  if (third !== undefined) await startCrio(third);
  say('\n(The CRI-O of worker-3 is mended.)');
  await steps.visit({ why: 'the one that is left', words: ['apply'], exit: 0 });
  await steps.visit({ why: 'a second run', words: ['apply'], exit: 0 });
  await steps.visit({ why: 'has anything drifted?', words: ['status'], exit: 0 });
  await steps.visit({ why: 'all of it away again', words: ['restore'], exit: 0 });
  const isAsFound = (await steps.photograph()) === before;
  say(`\n/etc of the three nodes, bytes, modes and owners: ${isAsFound ? 'as before' : 'NOT as before'}`);
  steps.expect(isAsFound, 'the nodes are not as they were');
  return steps.surprises === 0 ? 0 : 1;
}

if (process.getuid?.() !== 0) {
  process.stderr.write(
    'npm run walk:ssh makes network namespaces and starts sshd in them: run it as root, on Linux\n',
  );
  process.exit(2);
}
say('Three nodes of this machine: each an sshd with network, files and processes of its own.');
say(
  'Their CRI-O is a stand-in: a process of that name and version that hears SIGHUP. The lab has real ones: npm run cluster.',
);
const park = await startPark(NAMES);
try {
  process.exitCode = await walk(park);
} finally {
  await park.stop();
}
