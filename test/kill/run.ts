// node test/kill/run.ts [--kills N] [--seed N] [--rounds N] [--only TEXT] [--output FILE]: kills the script that changes a node at
// system calls that change something there, and judges what is left. Exit 1 on any invalid state, and when nothing was killed.
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Random } from '../fuzz/random.ts';
import { makeProgramFolder } from '../nodes/program-folder.ts';
import { SCENARIOS } from './scenarios.ts';
import { whyNoTracer } from './tracer.ts';
import { Theatre, type TrialResult } from './trial.ts';

const USAGE =
  'node test/kill/run.ts [--kills number | --rounds number] [--seed number] [--only text] [--output file]';
const SHELLS = ['/bin/dash', '/bin/bash'] as const;
/** A restore costs as much again, and is the same for most kills. */
const RESTORES_ONE_IN = 4;

interface Target {
  readonly theatre: Theatre;
  readonly name: string;
  readonly at: number;
}

interface Tally {
  kills: number;
  misses: number;
  readonly failures: string[];
  /** Kills by the name of the system call. */
  readonly byCall: Map<string, number>;
}

function readNumber(text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`not a number: ${text}\n${USAGE}\n`);
  process.exit(2);
}

async function openTheatres(only: string, path: string): Promise<readonly Theatre[]> {
  const theatres: Theatre[] = [];
  for (const scenario of SCENARIOS.filter(({ name }) => name.includes(only))) {
    for (const program of SHELLS) {
      const theatre = new Theatre(scenario, program, path);
      theatres.push(theatre);
      await theatre.open();
      process.stdout.write(`${theatre.name}: ${theatre.calls.length} system calls\n`);
    }
  }
  return theatres;
}

/** Every call `rounds` times, or so many drawn at random, each call once before any is drawn twice. */
function chooseTargets(
  theatres: readonly Theatre[],
  choice: { readonly kills: number; readonly rounds: number; readonly seed: number },
): readonly Target[] {
  const all = theatres.flatMap((theatre) =>
    theatre.calls.map((_call, index) => ({ theatre, name: theatre.name, at: index + 1 })),
  );
  const rounds = choice.rounds > 0 ? choice.rounds : Math.ceil(choice.kills / Math.max(1, all.length));
  const drawn = Array.from({ length: rounds }, (_unused, round) => {
    const random = new Random(choice.seed, round);
    return all
      .map((target) => ({ target, rank: random.next() }))
      .toSorted((one, other) => one.rank - other.rank);
  }).flat();
  const targets = drawn.map(({ target }) => target);
  return choice.rounds > 0 ? targets : targets.slice(0, choice.kills);
}

function count(tally: Tally, target: Target, { wasKilled, call, problems }: TrialResult): void {
  if (wasKilled) tally.kills += 1;
  else tally.misses += 1;
  const name = call.split(' ')[0] ?? '';
  tally.byCall.set(name, (tally.byCall.get(name) ?? 0) + 1);
  if (problems.length === 0) return;
  const where = `${target.name}, call ${target.at} of ${target.theatre.calls.length} (${call})`;
  tally.failures.push(where);
  process.stdout.write(`INVALID ${where}\n${problems.map((problem) => `  ${problem}\n`).join('')}`);
}

/** Read at the start: what runs for half an hour is what was there then. */
const COMMIT = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
  cwd: import.meta.dirname,
  encoding: 'utf8',
}).trim();

function printResult(
  tally: Tally,
  facts: {
    readonly seed: number;
    readonly calls: number;
    readonly theatres: number;
    readonly seconds: number;
  },
): string {
  const rows = [...tally.byCall]
    .toSorted(([, one], [, other]) => other - one)
    .map(([name, kills]) => `| ${name} | ${kills} |`);
  return [
    '# The kill suite',
    '',
    'The script that changes a node, killed (SIGKILL, the whole process group) at the entry of system calls that change something in the',
    "node's folders. After each kill: every file old or new and whole, every configuration valid for its runtime, every certificate named in one",
    'there, no source lost, no credential readable by others; after the next run: everything as wanted, and CRI-O has read it; after a restore',
    `(every ${RESTORES_ONE_IN}th): everything as before us, byte for byte. Made by \`node test/kill/run.ts\`.`,
    '',
    '| | |',
    '|---|---|',
    `| commit | ${COMMIT} |`,
    `| seed | ${facts.seed} |`,
    `| scenarios × shells | ${facts.theatres} |`,
    `| system calls in them | ${facts.calls} |`,
    `| kills | ${tally.kills} |`,
    `| runs that ended before their call | ${tally.misses} |`,
    `| invalid states | ${tally.failures.length} |`,
    `| seconds | ${facts.seconds} |`,
    '',
    '| killed at | kills |',
    '|---|---|',
    ...rows,
    '',
  ].join('\n');
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string' },
      rounds: { type: 'string' },
      seed: { type: 'string' },
      only: { type: 'string' },
      output: { type: 'string' },
    },
  });
  const missing = whyNoTracer();
  if (missing !== undefined) {
    process.stderr.write(`cannot kill at system calls: ${missing}\n`);
    return 2;
  }
  const seed = readNumber(values.seed, 1);
  const began = Date.now();
  const path = makeProgramFolder();
  let theatres: readonly Theatre[] = [];
  const tally: Tally = { kills: 0, misses: 0, failures: [], byCall: new Map() };
  try {
    theatres = await openTheatres(values.only ?? '', path);
    const targets = chooseTargets(theatres, {
      kills: readNumber(values.kills, 100),
      rounds: readNumber(values.rounds, 0),
      seed,
    });
    for (const [index, target] of targets.entries()) {
      count(tally, target, await target.theatre.kill(target.at, index % RESTORES_ONE_IN === 0));
      if ((index + 1) % 50 === 0)
        process.stdout.write(`${index + 1} of ${targets.length} kills, ${tally.failures.length} invalid\n`);
    }
  } finally {
    for (const theatre of theatres) theatre.close();
    rmSync(path, { recursive: true });
  }
  const calls = theatres.reduce((sum, theatre) => sum + theatre.calls.length, 0);
  const seconds = Math.round((Date.now() - began) / 1000);
  if (values.output !== undefined) {
    writeFileSync(values.output, printResult(tally, { seed, calls, theatres: theatres.length, seconds }));
  }
  process.stdout.write(
    `${theatres.length} scenarios, ${calls} system calls, ${tally.kills} kills (seed ${seed}, ${tally.misses} ended before), ${tally.failures.length} invalid states, ${seconds} s\n`,
  );
  return tally.failures.length > 0 || tally.kills === 0 ? 1 : 0;
}

process.exitCode = await main();
