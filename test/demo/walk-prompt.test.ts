// The prompt's own words: who is prompted, what a fault will do, and what is said of an answer from memory.
import { PassThrough, Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { issueCa, issueServing, validFor } from '../../src/certificates/issue.ts';
import { CAST } from '../../src/demo/cast.ts';
import { Page } from '../../src/demo/page.ts';
import { Prompt } from '../../src/demo/prompt.ts';
import { Scene } from '../../src/demo/scene.ts';
import { Screen } from '../../src/demo/screen.ts';
import { Stage } from '../../src/demo/stage.ts';
import type { AuditCandidate, AuditRecord } from '../../src/domain/audit-record.ts';
import type { HealthStatus } from '../../src/domain/health.ts';

const FILES = { manifests: '/demo/manifests', pod: '/demo/pod.yaml' };
const FROM_MEMORY = 'From memory: fra served this image a moment ago, and was not asked.';

let stage: Stage;
/** What the probes believe of every registry. */
let health: HealthStatus;
let upstream: Partial<AuditCandidate>;

function record(): AuditRecord {
  const ams: Partial<AuditCandidate> = { endpoint: stage.hostPort('ams'), outcome: 'not-asked' };
  const fra: Partial<AuditCandidate> = { endpoint: `${stage.hostPort('fra')}/shop`, ms: 1, ...upstream };
  return { action: 'keep', reason: 'r', sentence: 's', candidates: [fra, ams] } as unknown as AuditRecord;
}

/** What is written for these lines, without the greeting. */
async function answers(lines: readonly string[], keyboard = false): Promise<string> {
  const output = new PassThrough();
  const chunks: Buffer[] = [];
  output.on('data', (chunk: Buffer) => chunks.push(chunk));
  const input = Object.assign(Readable.from(lines.map((line) => `${line}\n`)), { isTTY: keyboard });
  const answer = { uid: 'u', ms: 1, allowed: true, patch: [], warnings: [], failure: undefined };
  const insight = { health: () => health, audit: () => [record()] };
  const scene = new Scene({ stage, reviewer: { review: async () => answer }, insight, patienceMs: 50 });
  const page = new Page(output);
  await new Prompt({ input, output, page, screen: new Screen(page, stage), scene, files: FILES }).run();
  const text = Buffer.concat(chunks).toString('utf8');
  expect(text.split('\n').every((line) => line.length <= 80)).toBe(true);
  return text.slice(text.indexOf('help shows the rest.\n') + 'help shows the rest.\n'.length);
}

beforeAll(async () => {
  const validity = validFor(1, new Date());
  const issuer = await issueCa({ name: 'prompt test CA', validity });
  const names = Object.values(CAST).flatMap(({ host, address }) => [host, address]);
  stage = await Stage.open({
    certificate: await issueServing(issuer, { names, validity }),
    plantsFaults: true,
  });
});
beforeEach(() => {
  vi.stubEnv('FORCE_COLOR', undefined);
  health = 'up';
  upstream = { outcome: 'available', fromMemory: true };
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const place of ['fra', 'ams', 'hub'] as const) await stage.heal(place);
});
afterAll(() => stage.close());

describe('Prompt', () => {
  it('prompts a keyboard, and nobody else', async () => {
    expect(await answers(['heal fra', 'quit'], true)).toBe('demo> fra answers already.\n\n');
    expect(await answers(['heal fra', 'quit'])).toBe('fra answers already.\n');
  });

  it.each([
    ['break hub throttle', 'There is no fault throttle: silent, throttled, failing, down.\n'],
    ['break hub none', 'There is no fault none: silent, throttled, failing, down.\n'],
    ['break par', 'There is no registry par: fra, ams or hub.\n'],
    ['break', 'break REGISTRY [FAULT]: fra, ams or hub; silent, throttled, failing, down\n'],
    ['break hub throttled', 'hub answers 429. The next pod that asks finds out; no probe does.\n'],
    [
      'break fra',
      'fra accepts connections and never answers.\nThe probes have not noticed within \\d+ ms.\n',
    ],
    ['heal', 'Every registry answers already.\n'],
  ])('answers %s', async (line, said) => {
    expect(await answers([line])).toMatch(new RegExp(`^${said.replaceAll(/[[\].]/g, String.raw`\$&`)}`));
  });

  it('says that the probes know already', async () => {
    health = 'down';
    expect(await answers(['break fra failing'])).toBe(
      'fra answers 503 to every request.\nThe probes see it as down at once.\n',
    );
  });

  it('promises no probe for the end of a rate limit', async () => {
    expect(await answers(['break hub throttled', 'heal'])).toMatch(
      /\nhub answers again\. An account that was told 429 is not used there until 30 s\nafter that\.\n$/,
    );
  });

  it('says so when a broken registry is answered for from memory', async () => {
    expect(await answers(['break fra throttled', 'admit'])).toContain(FROM_MEMORY);
  });

  it.each([
    ['is not broken', ['admit'], { outcome: 'available', fromMemory: true }],
    ['was asked', ['break fra throttled', 'admit'], { outcome: 'available', fromMemory: false }],
    ['is known to be limited', ['break fra throttled', 'admit'], { outcome: 'throttled', fromMemory: true }],
  ] as const)('says nothing of memory when the registry %s', async (_, lines, seen) => {
    upstream = seen;
    const text = await answers(lines);
    expect(text).toContain(`fra/shop    ${seen.outcome}`);
    expect(text).not.toContain('From memory');
  });

  it('tells a long answer in two lines, and that there would be more', async () => {
    upstream = {
      outcome: 'missing',
      fromMemory: false,
      detail: `fra: ${'word '.repeat(20)}${'x'.repeat(40)} end`,
    };
    const text = await answers(['admit']);
    expect(text).toMatch(/fra\/shop {4}missing, 1\.0 ms: word (word ?)+\n {24}(word ?)+…\n {12}ams/);
  });

  it('gives explain as a command to paste', async () => {
    expect(await answers(['help'])).toContain(
      '\n   npm run -s cli -- explain \\\n     -f /demo/pod.yaml \\\n     -m /demo/manifests\n',
    );
  });
});
