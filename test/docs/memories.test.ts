// The table of memories: its numbers are those of the code, and no memory is missing from it.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SECRET_LIMITS } from '../../src/cluster/secret-memory.ts';
import { WEBHOOK_DEFAULTS } from '../../src/config/defaults.ts';
import { CHECK_LIMITS } from '../../src/domain/check-schedule.ts';
import { WINDOW_MS } from '../../src/domain/recreation.ts';
import { MAX_FILE_BYTES } from '../../src/manifests/manifest-files.ts';
import { MEMORY_LIMITS } from '../../src/probing/fact-memory.ts';
import { DEFAULT_TRANSPORT } from '../../src/transport/transport.ts';
import { ROOT, readTable, readText } from './documents.ts';
import type { Row } from './documents.ts';

const document = readText('docs/memories.md');
const rows: readonly Row[] = [
  ...readTable(document, ['memory', 'key', 'what', 'bound', 'life']),
  ...readTable(document, ['memory of the controller', 'key', 'what', 'bound', 'life']).map((row) => ({
    ...row,
    memory: row['memory of the controller'] ?? '',
  })),
];

/** A constant that is not exported, read where it stands: `const NAME = 5 * 60_000;`. */
function constantOf(path: string, name: string): number {
  const found = new RegExp(`\\b${name}\\s*[=:]?\\s*([0-9_.]+(?:\\s*\\*\\s*[0-9_.]+)*)\\s*[,;})]`, 'u').exec(
    readText(path),
  );
  if (found === null) {
    throw new Error(
      `${path} has no number called ${name} any more: correct docs/memories.md and this test together`,
    );
  }
  return (found[1] ?? '')
    .split('*')
    .map((factor) => Number(factor.replaceAll('_', '').trim()))
    .reduce((product, factor) => product * factor, 1);
}

/** `20,000`. */
function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `30 s`, `5 min`, `1 h`, as the table writes them. */
function time(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 120_000) return `${ms / 1000} s`;
  return ms < 3_600_000 ? `${ms / 60_000} min` : `${ms / 3_600_000} h`;
}

const registry = (file: string): string => `src/registry/${file}.ts`;
const probing = (file: string): string => `src/probing/${file}.ts`;
const transport = (file: string): string => `src/transport/${file}.ts`;
const controller = (file: string): string => `src/controller/${file}.ts`;
const VIEW = 'src/admission/namespace-view.ts';

/** Memory, column, and what has to stand there. */
const TOLD: readonly (readonly [string, string, string])[] = [
  ['facts', 'bound', `${count(MEMORY_LIMITS.facts)},`],
  ['facts', 'life', `available: ${time(MEMORY_LIMITS.availableFreshMs)} fresh`],
  ['facts', 'life', `up to ${time(MEMORY_LIMITS.availableStaleMs)} while`],
  ['facts', 'life', `denied: ${time(MEMORY_LIMITS.refusedMs)}`],
  ['throttles', 'bound', `${count(MEMORY_LIMITS.throttles)},`],
  ['throttles', 'life', `at least ${time(constantOf(registry('retry-after'), 'SHORTEST_MS'))},`],
  ['throttles', 'life', `at most ${time(constantOf(registry('retry-after'), 'LONGEST_MS'))};`],
  ['throttles', 'life', `${time(constantOf(registry('retry-after'), 'DEFAULT_MS'))} without`],
  ['digests', 'bound', `${count(MEMORY_LIMITS.digests)},`],
  ['endpoint health', 'bound', `${count(constantOf(probing('health-book'), 'MAX_ENDPOINTS'))},`],
  [
    'endpoint health',
    'what',
    `at most ${constantOf('src/domain/health.ts', 'MAX_FAILURES_KEPT')} repositories`,
  ],
  ['watches', 'life', `${WEBHOOK_DEFAULTS.probeInterval.replace('s', ' s')} between pings`],
  ['watches', 'life', `${time(constantOf('src/commands/engine.ts', 'DOWN_INTERVAL_MS'))} while down`],
  ['watches', 'life', `give or take ${constantOf(probing('health-monitor'), 'JITTER') * 100} %`],
  ['re-checks', 'bound', `${constantOf(probing('health-monitor'), 'MAX_RECHECKS')} per endpoint`],
  ['witnesses', 'bound', `endpoint, ${count(constantOf(probing('health-monitor'), 'MAX_WITNESSES'))},`],
  ['questions under way', 'life', time(constantOf('src/commands/engine.ts', 'SETTLE_MS'))],
  ['tokens', 'bound', `${count(constantOf(registry('token'), 'MAX_TOKENS'))},`],
  ['tokens', 'what', `${time(constantOf(registry('token'), 'FETCH_MS'))} each`],
  ['tokens', 'life', `at least ${time(constantOf(registry('token'), 'SHORTEST_LIFE_S') * 1000)},`],
  ['tokens', 'life', `at most ${time(constantOf(registry('token'), 'LONGEST_LIFE_S') * 1000)},`],
  ['tokens', 'life', `less ${time(constantOf(registry('token'), 'BEFORE_EXPIRY_S') * 1000)}`],
  ['challenges', 'bound', `${count(constantOf(registry('manifest-client'), 'MAX_CHALLENGES'))},`],
  ['names', 'bound', `${count(constantOf(transport('names'), 'max'))},`],
  ['names', 'life', `${time(constantOf(transport('names'), 'freshMs \\?\\?'))} fresh`],
  ['names', 'life', `last good ones ${time(constantOf(transport('names'), 'LAST_GOOD_MS'))},`],
  ['connections', 'bound', `${count(constantOf(transport('transport'), 'MAX_ORIGINS'))} origins`],
  ['connections', 'bound', `; ${DEFAULT_TRANSPORT.maxConnectionsPerOrigin} connections each`],
  ['connections', 'life', `${time(DEFAULT_TRANSPORT.idleMs)} idle`],
  ['secure contexts', 'bound', `${constantOf(transport('tls-trust'), 'max')},`],
  [
    'files',
    'bound',
    `${count(constantOf('src/manifests/manifest-files.ts', 'MAX_FILES'))} files a folder, ${MAX_FILE_BYTES / 1024 / 1024} MiB each`,
  ],
  [
    'declarations',
    'bound',
    `of ${count(constantOf('src/admission/declared-state.ts', 'MAX_UNDECLARED'))} others`,
  ],
  [
    "pods' pull secrets",
    'bound',
    `${count(SECRET_LIMITS.secrets)} and ${SECRET_LIMITS.bytes / 1024 / 1024} MiB,`,
  ],
  ["pods' pull secrets", 'life', `${time(SECRET_LIMITS.freshMs)} fresh`],
  ["pods' pull secrets", 'life', `${time(SECRET_LIMITS.lastGoodMs)} for want of an API server`],
  ["pods' pull secrets", 'life', `absent: ${time(SECRET_LIMITS.absentMs)};`],
  ["pods' pull secrets", 'life', `not readable: ${time(SECRET_LIMITS.failedMs)},`],
  ['calls for pull secrets', 'bound', `${constantOf('src/cluster/pull-secrets.ts', 'MAX_CALLS')};`],
  ['calls for pull secrets', 'what', time(constantOf('src/cluster/pull-secrets.ts', 'WAIT_MS'))],
  ['calls for pull secrets', 'life', time(constantOf('src/cluster/pull-secrets.ts', 'CALL_MS'))],
  ['namespace views', 'bound', `${count(constantOf(VIEW, 'MAX_PLANS'))} images;`],
  ['namespace views', 'bound', `${count(constantOf(VIEW, 'MAX_QUESTIONS'))} questions`],
  ['namespace views', 'bound', `over ${count(constantOf(VIEW, 'MAX_KEY_CHARACTERS'))} characters`],
  [
    'lines to write',
    'bound',
    `${constantOf('src/telemetry/line-writer.ts', 'MAX_WAITING_BYTES') / 1024 / 1024} MiB waiting for the reader`,
  ],
  [
    'lines to write',
    'a restart loses',
    `up to ${time(constantOf('src/commands/process-life.ts', 'LAST_LINES_MS'))} is`,
  ],
  ['shared decisions', 'bound', `${count(constantOf(controller('pod-book'), 'MAX_SHARED'))},`],
  [
    'secrets seen',
    'a restart loses',
    `${constantOf(controller('namespace-watch'), 'OPENS_PER_SECOND')} namespaces a second`,
  ],
  ['grace', 'life', `${time(constantOf(controller('derived-secrets'), 'GRACE_MS'))}, then`],
  ['work queue', 'bound', `; ${constantOf(controller('work-queue'), 'CONCURRENCY')} run at once`],
  ['work queue', 'life', `at most ${time(constantOf(controller('work-queue'), 'MAX_BACKOFF_MS'))}`],
  ['check records', 'bound', `${count(constantOf(controller('credential-check'), 'MAX_RECORDS'))} beside`],
  ['check records', 'life', `${time(CHECK_LIMITS.intervalMs)} apart`],
  ['check records', 'life', `${time(CHECK_LIMITS.refusedMs)} to ${time(CHECK_LIMITS.refusedLongestMs)} when`],
  [
    'account tries',
    'bound',
    `${CHECK_LIMITS.accountTries} tries in ${time(CHECK_LIMITS.accountWindowMs)} each`,
  ],
  ['event series', 'bound', `${count(constantOf(controller('event-sink'), 'MAX_SERIES'))},`],
  ['event series', 'life', time(constantOf(controller('event-sink'), 'SERIES_MS'))],
  ['recreations', 'bound', `${count(constantOf(controller('recreation-watch'), 'MAX_OWNERS'))} owners`],
  ['recreations', 'life', time(WINDOW_MS)],
];

/** The folders that live as long as the process, or a leadership; what `domain` and `config` hold is handed to them. */
const REMEMBERING = [
  'admission',
  'audit',
  'cluster',
  'commands',
  'controller',
  'http',
  'kubernetes',
  'manifests',
  'probing',
  'registry',
  'telemetry',
  'transport',
];

/** Fields that live no longer than one question, one dial or one pod, or that hold a folder's watchers: no memories. */
const TRANSIENT = new Set([
  'src/admission/inquiry.ts',
  'src/manifests/folder-watch.ts',
  'src/transport/dial.ts',
  'src/transport/exchange.ts',
]);

const FIELD = /#\w+[^=;(]*=\s*new (?:LRUCache|Map|WeakMap|Set)\b|:\s*new LRUCache\b/u;

function filesWithMemories(): string[] {
  return REMEMBERING.flatMap((folder) =>
    readdirSync(join(ROOT, 'src', folder), { recursive: true, encoding: 'utf8' })
      .map((file) => `src/${folder}/${file}`)
      .filter((path) => path.endsWith('.ts') && FIELD.test(readText(path))),
  );
}

describe('docs/memories.md', () => {
  it.each(TOLD)('tells the truth about %s (%s): %s', (memory, column, text) => {
    const row = rows.find((each) => each['memory'] === memory);
    expect(row?.[column]).toContain(text);
  });

  it('has a row for every file that remembers', () => {
    const told = rows.map((row) => row['where']).join(' ');
    const found = filesWithMemories();
    expect(found.length).toBeGreaterThan(12);
    expect(found.filter((path) => !TRANSIENT.has(path) && !told.includes(`\`${path}\``))).toEqual([]);
  });

  it('says from which length on a text of a pod is no key', () => {
    const image = constantOf('src/domain/plan.ts', 'MAX_IMAGE_CHARACTERS');
    const name = constantOf('src/domain/pod.ts', 'MAX_NAME_CHARACTERS');
    expect(document).toContain(`more than ${count(image)} characters is no reference`);
    expect(document).toContain(`name has more than ${count(name)} is passed over`);
  });

  it('gives every memory a bound and a place', () => {
    expect(rows.length).toBeGreaterThan(12);
    expect(rows.filter((row) => row['bound'] === '' || row['where'] === '')).toEqual([]);
  });
});
