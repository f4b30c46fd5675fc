// The demo as a person sees it: the whole walk-through over real sockets, the prompt after it, and that it can fail.
import { existsSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runDemo } from '../../src/commands/demo.ts';
import type { DemoFlags, DemoInternals } from '../../src/commands/demo.ts';
import { STORY } from '../../src/demo/walk.ts';

/** On a starved machine our own timers are void, and an honest answer is then "slow": the story allows itself a second try. */
const SECOND_TRY = { retry: 2, timeout: 40_000 };
/** Faster than the demo's own second, so that the tests are. */
const PROBE_INTERVAL_MS = 200;

async function run(
  flags: DemoFlags,
  inner: DemoInternals = {},
): Promise<{ readonly code: number; readonly text: string }> {
  const output = new PassThrough();
  const chunks: Buffer[] = [];
  output.on('data', (chunk: Buffer) => chunks.push(chunk));
  const code = await runDemo(flags, { output, probeIntervalMs: PROBE_INTERVAL_MS, ...inner });
  return { code, text: Buffer.concat(chunks).toString('utf8') };
}

/** The lines from a step's heading to the next heading. */
function stepText(text: string, step: number): string {
  const from = text.indexOf(`\n${step} ${STORY[step - 1]?.title} ─`);
  expect(from).toBeGreaterThan(0);
  return text.slice(from, text.indexOf(' ──', from + 80));
}

// styleText colours anything where FORCE_COLOR is set, as some CI systems do.
beforeEach(() => void vi.stubEnv('FORCE_COLOR', undefined));
afterEach(() => void vi.unstubAllEnvs());

describe('demo', () => {
  it('tells the story in 80 columns, then obeys at the prompt until its input ends', SECOND_TRY, async () => {
    const commands = [
      'break ams down',
      'admit',
      'break fra wobbly',
      'heal par',
      'heal',
      'frobnicate',
      'status',
      'help',
    ];
    const input = Readable.from(commands.map((command) => `${command}\n`));
    const { code, text } = await run({ once: false, json: false }, { input });

    expect(text).not.toContain('NOT SO');
    expect(code).toBe(0);
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(text).not.toContain('\u001B');
    for (const [index, { title }] of STORY.entries()) expect(text).toContain(`${index + 1} ${title} ─`);
    expect(stepText(text, 2)).toMatch(
      /\n {3}- image: fra\.demo\.example:\d+\/shop\/api:3\.1\n {3}\+ image: ams\.demo/,
    );

    expect(text).toContain('ams refuses connections.');
    expect(text.split('new pod of shop/web').at(-1)).toContain(
      'why      The upstream registry serves this image.',
    );
    expect(text).toContain('break REGISTRY [FAULT]: fra, ams or hub');
    expect(text).toContain('There is no registry par');
    expect(text).toMatch(/ams answers again; the probes agree after \d/);
    expect(text).toContain('There is no command frobnicate');
    expect(text).toMatch(/fra believed up; answers as a registry should; \d+ requests/);

    const [, folder = ''] = /-f (\S+)\/pod\.yaml/.exec(text) ?? [];
    expect(folder).toContain('registry-failover-demo-');
    expect(existsSync(folder)).toBe(false);
  });

  it(
    'says so, and ends with 1, when nothing goes wrong although the story says it does',
    SECOND_TRY,
    async () => {
      const { code, text } = await run({ once: true, json: false }, { plantsFaults: false, patienceMs: 500 });

      expect(code).toBe(1);
      const wrong = STORY.map((_, index) => index + 1).filter((step) =>
        stepText(text, step).includes('NOT SO'),
      );
      expect(wrong).toEqual([2, 4, 5, 6, 7]);
      expect(text).toContain('Not as told: step 2, 4, 5, 6, 7.');
      expect(stepText(text, 2)).toContain('NOT SO: api is taken from ams');
      expect(text).toContain('npm run cli -- explain --help');
    },
  );
});
