// Report: the figures as one JSON object, as a table for README and docs, and held against the budgets.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { Place } from './place.ts';
import type { ColdResult } from './cold.ts';
import type { MemoryResult } from './memory.ts';
import { LEAST_UTILISATION } from './memory.ts';
import type { OutageResult } from './outage.ts';
import { addVerified } from './verify.ts';
import type { Verified } from './verify.ts';

const ROOT = path.join(import.meta.dirname, '..');
const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

/** Design, section "Budgets and numbers to beat". */
const MEMORY = Place.countsGroups ? 'memory (working set)' : 'resident memory';
const BUDGET = { ratio: 0.6, p99Factor: 2, firstMs: 1_100, rssMb: 150 };

/**
 * The best-known rewriting webhook written in Go, measured on the same kind of machine with pods of three containers over
 * thirty images.
 */
const GO = { rps: 1_650, p50Ms: 7, p99Ms: 46, silentP50Ms: 2_000, silentP99Ms: 3_100, deniedShare: 0.05 };

export interface BenchResult {
  readonly memory: MemoryResult;
  readonly cold: ColdResult;
  /** undefined with the reason in `dropSkipped`. */
  readonly drop: OutageResult | undefined;
  readonly dropSkipped: string | undefined;
  readonly silent: OutageResult;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function figures({ rps, p50Ms, p99Ms, cpuUs }: MemoryResult['empty']) {
  return { rps: round(rps, 0), p50Ms: round(p50Ms, 2), p99Ms: round(p99Ms, 2), cpuUs: round(cpuUs, 1) };
}

function outage(result: OutageResult | undefined) {
  if (result === undefined) return null;
  const { firstMs, p50Ms, p99Ms, denied, timeouts } = result;
  return { firstMs: round(firstMs, 0), p50Ms: round(p50Ms, 2), p99Ms: round(p99Ms, 2), denied, timeouts };
}

function ratioOf({ memory }: BenchResult): number {
  return memory.empty.cpuUs / memory.memory.cpuUs;
}

function rssOf({ memory, cold, drop, silent }: BenchResult): number {
  return Math.max(memory.rssMb, cold.rssMb, drop?.rssMb ?? 0, silent.rssMb);
}

/** The one object of `--json`. */
export function toJson(result: BenchResult): object {
  return {
    empty: figures(result.memory.empty),
    memory: { ...figures(result.memory.memory), ratioToEmpty: round(ratioOf(result), 3) },
    cold: figures(result.cold.cold),
    outage: { drop: outage(result.drop), silent: outage(result.silent) },
    rssMb: round(rssOf(result), 0),
  };
}

function verifiedOf({ memory, cold, drop, silent }: BenchResult): Verified {
  const all = [
    memory.verified,
    cold.verified,
    silent.verified,
    ...(drop === undefined ? [] : [drop.verified]),
  ];
  return all.reduce(addVerified);
}

interface Check {
  readonly what: string;
  readonly budget: string;
  readonly found: string;
  readonly holds: boolean;
}

function outageChecks(name: string, result: OutageResult | undefined): Check[] {
  if (result === undefined) return [];
  const { firstMs, denied, timeouts } = result;
  return [
    {
      what: `${name}: the first pod that meets it`,
      budget: `≤ ${BUDGET.firstMs} ms`,
      found: `${firstMs.toFixed(0)} ms`,
      holds: firstMs <= BUDGET.firstMs,
    },
    {
      what: `${name}: pods denied, and webhook time-outs (1,000 pods with everything dead included)`,
      budget: '0 and 0',
      found: `${denied} and ${timeouts}`,
      holds: denied === 0 && timeouts === 0,
    },
  ];
}

/** Every budget with what was found. */
export function checkBudgets(result: BenchResult): readonly Check[] {
  const { empty, memory } = result.memory;
  const ratio = ratioOf(result);
  const p99Factor = memory.p99Ms / empty.p99Ms;
  const rss = rssOf(result);
  return [
    {
      what: "CPU of an empty route for one request, as a share of the webhook's",
      budget: `≥ ${BUDGET.ratio}`,
      found: ratio.toFixed(2),
      holds: ratio >= BUDGET.ratio,
    },
    {
      what: "p99 in memory, against the empty route's",
      budget: `≤ ${BUDGET.p99Factor} ×`,
      found: `${p99Factor.toFixed(2)} ×`,
      holds: p99Factor <= BUDGET.p99Factor,
    },
    ...outageChecks('black hole', result.drop),
    ...outageChecks('connected but silent', result.silent),
    {
      what: `${MEMORY} of the webhook, the most seen`,
      budget: `< ${BUDGET.rssMb} MB`,
      found: `${rss.toFixed(0)} MB`,
      holds: rss < BUDGET.rssMb,
    },
    {
      what: 'sampled pods that were not where they should be: kept in memory and cold, moved in an outage',
      budget: '0',
      found: String(verifiedOf(result).misplaced),
      holds: verifiedOf(result).misplaced === 0,
    },
    {
      what: `rounds in which something else than the server set the pace (utilisation below ${LEAST_UTILISATION})`,
      budget: '0',
      found: String(result.memory.invalid),
      holds: result.memory.invalid === 0,
    },
  ];
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function ms(value: number): string {
  return value < 10 ? `${value.toFixed(1)} ms` : `${count(value)} ms`;
}

type Row = readonly string[];

function table(rows: readonly Row[]): string {
  const [head, ...body] = rows.map((row) => `| ${row.join(' | ')} |`);
  return [head, `|${' --- |'.repeat(rows[0]?.length ?? 0)}`, ...body].join('\n');
}

function outageRow(name: string, result: OutageResult | undefined, go: string): Row {
  if (result === undefined) return [name, 'not measured here', go];
  const { firstMs, p50Ms, p99Ms, denied } = result;
  return [name, `first pod ${ms(firstMs)}, then p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}; ${denied} denied`, go];
}

/** The table for people: ours beside the Go webhook's. */
export function printTable(result: BenchResult): string {
  const { empty, memory } = result.memory;
  const { cold } = result.cold;
  const line = ({ rps, p50Ms, p99Ms }: typeof empty): string =>
    `${count(rps)} requests/s, p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}`;
  const go = `p50 ${count(GO.silentP50Ms)} ms, p99 ${count(GO.silentP99Ms)} ms; ${GO.deniedShare * 100} % denied`;
  return table([
    [
      'pods with 3 images, 16 connections, one core',
      'registry-failover',
      'the best-known rewriting webhook in Go',
    ],
    ['everything known', line(memory), line({ ...GO, cpuUs: 0 })],
    ['an empty route of the same server, for comparison', line(empty), ''],
    [
      'CPU for one pod',
      `${memory.cpuUs.toFixed(0)} µs, of which ${empty.cpuUs.toFixed(0)} µs are the empty route's`,
      '',
    ],
    ['every image new, registries well', line(cold), ''],
    outageRow('upstream connected but silent', result.silent, go),
    outageRow('upstream black-holed (packets dropped)', result.drop, ''),
    [
      `${count(result.silent.storm.pods)} pods in ${result.silent.storm.seconds} s, every registry dead`,
      `p50 ${ms(result.silent.storm.p50Ms)}, p99 ${ms(result.silent.storm.p99Ms)}; ${result.silent.denied} denied, ${result.silent.timeouts} time-outs`,
      '',
    ],
    [MEMORY, `${count(rssOf(result))} MB`, ''],
  ]);
}

/** What was measured where, with the budgets; the whole of docs/benchmarks.md. */
function printPage(result: BenchResult, plan: { readonly rounds: number; readonly seconds: number }): string {
  const checks = checkBudgets(result).map(({ what, budget, found, holds }) => [
    what,
    budget,
    found,
    holds ? 'yes' : '**no**',
  ]);
  const { memory, silent, drop, dropSkipped } = result;
  const verified = verifiedOf(result).looked;
  const cpu = cpus();
  return `# Benchmarks

Written by \`npm run bench\`; do not edit. Node ${process.version}, ${cpu.length} × ${cpu[0]?.model.trim() ?? 'unknown CPU'}, ${new Date().toISOString().slice(0, 10)}.

${printTable(result)}

## Budgets

${table([['what', 'budget', 'found', 'held'], ...checks])}

## How it is measured

- The real webhook process out of \`dist/\`, with the Node flags of the image: background probes on, \`/metrics\` scraped every two seconds,
  log and audit written to a pipe that is read. Ten mirror sets with two mirrors each, every image inside one of them.
- The load is AdmissionReviews as an API server sends them: 40 pods of a Deployment, three containers each, 30 images, 7 KB, one
  pull secret; \`wrk\` over HTTPS and HTTP/1.1, 16 connections. The server has core 0 to itself; wrk, the registries and
  the reader of the pipe have core 1.
- A round counts only when the server used at least ${LEAST_UTILISATION} of its core (here, medians: empty route
  ${memory.utilisation.empty.toFixed(2)}, webhook ${memory.utilisation.memory.toFixed(2)}); otherwise something else was the bottleneck, and the round is tried again.
- The empty route is a POST of the same bodies in a process of its own with the same flags: TLS, HTTP, the framework's default JSON parser, a
  constant answer. ${plan.rounds} alternating rounds of ${plan.seconds} s each; medians. CPU is that of all threads of the server, from /proc.
- Sampled answers are decoded, their patches applied, and the pods compared with what they have to be: ${count(verified)} this time.
  One request that fails, is denied, or is not answered in 3 s ends the run.
- Memory is the working set as the kubelet reckons it, read at the end of each scenario: the usage of a control group with nothing but the webhook in it, less
  inactive file pages. It runs a copy of the \`node\` program that nobody else has in memory, so that those pages count as they do in a
  container. Where no group can be made it is VmRSS, and the row is called resident memory.
- Cold: each round has a webhook that was just started, and every pod names three images that were never asked for.
- Outage: ten upstreams, known to be well a moment before, die at once: packets to them are dropped in a network namespace, or they go on accepting
  connections and never say a word. The first pod names images that were never asked for; it is sent to this webhook and to one that starts
  into the outage, and the slower counts. Nine more follow together, one for each other set (here, the slowest: silent ${ms(silent.nextMs)}${drop === undefined ? '' : `, black hole ${ms(drop.nextMs)}`}).
  Then comes the load as above. Last the mirrors die too, and ${count(silent.storm.pods)} pods come within ${silent.storm.seconds} s.
${dropSkipped === undefined ? '' : `- Black hole: not measured (${dropSkipped}).\n`}
The Go webhook's figures were measured on the same kind of machine with pods of three containers over thirty images; when its upstream goes
silent it denies 5 % of the pods.
`;
}

/** Writes docs/benchmarks.md, and the table into README where its markers are. */
export function writeDocs(
  result: BenchResult,
  plan: { readonly rounds: number; readonly seconds: number },
): void {
  writeFileSync(path.join(ROOT, 'docs/benchmarks.md'), printPage(result, plan));
  const readme = path.join(ROOT, 'README.md');
  if (!existsSync(readme)) return;
  const text = readFileSync(readme, 'utf8');
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) return;
  writeFileSync(readme, `${text.slice(0, begin + BEGIN.length)}\n${printTable(result)}\n${text.slice(end)}`);
}
