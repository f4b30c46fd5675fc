// npm run bench [-- --json] [-- --quick]: what an admission costs, in memory, cold and in an outage. Exit 1 when a budget is not held.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { measureCold } from './cold.ts';
import { measureMemory } from './memory.ts';
import { measureDrop, whyNoNamespace } from './namespace.ts';
import { measureOutage } from './outage.ts';
import type { OutageResult } from './outage.ts';
import { Place } from './place.ts';
import { checkBudgets, printTable, toJson, writeDocs } from './report.ts';
import type { BenchResult } from './report.ts';

/** A quick run shows that everything works; its figures are rough and are written nowhere. */
const FULL = { rounds: 5, seconds: 6, coldRounds: 3, coldSeconds: 5, outageSeconds: 6 };
const QUICK = { rounds: 1, seconds: 2, coldRounds: 1, coldSeconds: 2, outageSeconds: 2 };

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
});
const plan = values.quick ? QUICK : FULL;

/** Progress goes where it does not mix with the JSON. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function demand(): void {
  for (const command of ['wrk', 'taskset', 'mkfifo']) {
    try {
      execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' });
    } catch {
      throw new Error(`${command} is not installed (Debian: apt-get install wrk util-linux coreutils)`);
    }
  }
  if (!existsSync(path.join(import.meta.dirname, '../dist/main.mjs'))) {
    throw new Error('there is no dist/main.mjs: npm run build');
  }
}

function sayOutage(name: string, result: OutageResult): void {
  const { firstMs, nextMs, p50Ms, p99Ms, rps, denied, timeouts, storm } = result;
  say(
    `  ${name}: first ${firstMs.toFixed(0)} ms, nine more ${nextMs.toFixed(0)} ms, then ${rps.toFixed(0)}/s p50 ${p50Ms.toFixed(2)} p99 ${p99Ms.toFixed(2)} ms; storm p50 ${storm.p50Ms.toFixed(1)} p99 ${storm.p99Ms.toFixed(1)} ms; ${denied} denied, ${timeouts} time-outs`,
  );
}

async function measureServing(): Promise<Pick<BenchResult, 'memory' | 'cold'>> {
  const place = await Place.open();
  try {
    say(`in memory: ${plan.rounds} alternating round(s) of ${plan.seconds} s`);
    const memory = await measureMemory(place, plan, say);
    say('cold: every image new');
    const cold = await measureCold(place, { rounds: plan.coldRounds, seconds: plan.coldSeconds }, say);
    return { memory, cold };
  } finally {
    place.close();
  }
}

async function measureAll(): Promise<BenchResult> {
  const serving = await measureServing();
  say('outage: connected but silent');
  const silent = await measureOutage('silent', plan.outageSeconds);
  sayOutage('silent', silent);
  const dropSkipped = whyNoNamespace();
  say(
    dropSkipped === undefined
      ? 'outage: packets dropped'
      : `outage: packets dropped: skipped, ${dropSkipped}`,
  );
  const drop = dropSkipped === undefined ? await measureDrop(plan.outageSeconds) : undefined;
  if (drop !== undefined) sayOutage('drop', drop);
  return { ...serving, silent, drop, dropSkipped };
}

demand();
process.once('SIGINT', () => process.exit(130));
const result = await measureAll();
console.log(values.json ? JSON.stringify(toJson(result)) : `\n${printTable(result)}`);
const missed = checkBudgets(result).filter(({ holds }) => !holds);
for (const { what, budget, found } of missed) say(`budget missed: ${what}: ${found}, budget ${budget}`);
if (result.memory.invalid > 0) {
  say(
    'nothing written: something else used the cores, and such figures are about that. Run it on a quiet machine.',
  );
} else if (!values.quick) {
  writeDocs(result, plan);
  say('written: docs/benchmarks.md, and the table in README.md');
}
process.exitCode = missed.length === 0 ? 0 : 1;
