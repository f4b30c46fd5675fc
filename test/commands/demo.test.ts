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
      'break fra',
      'admit',
      'heal fra',
      'admit',
      'break hub throttled',
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
    expect(text.match(/nothing to compare/g)).toHaveLength(1);
    expect(stepText(text, 2)).toContain('warning  registry-failover: api:');
    expect(stepText(text, 4)).not.toContain('warning');
    expect(code).toBe(0);
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(text).not.toContain('\u001B');
    for (const [index, { title }] of STORY.entries()) expect(text).toContain(`${index + 1} ${title} ─`);
    expect(stepText(text, 2)).toMatch(
      /\n {3}- image: fra\.demo\.example:\d+\/shop\/api:3\.1\n {3}\+ image: ams\.demo/,
    );

    const whys = text.slice(text.indexOf('Your turn')).match(/why {6}.*/g);
    expect(text).toMatch(/\nams refuses connections\.\nThe probes see it as down (after \d|at once)/);
    expect(text).toMatch(/\nfra accepts connections and never answers\.\nThe probes see it as down after \d/);
    expect(whys).toEqual([
      'why      The upstream cannot serve this image, and no mirror can, or may,',
      'why      The upstream registry serves this image.',
    ]);
    expect(text).toContain('hub answers 429. The next pod that asks finds out; no probe does.');
    expect(text).toContain('There is no fault wobbly: silent, throttled, failing, down.');
    expect(text).not.toContain('demo>');
    expect(text).toContain('There is no registry par');
    expect(text).toMatch(/ams answers again; the probes agree after \d/);
    expect(text).toContain('There is no command frobnicate');
    expect(text).toMatch(/fra believed up; answers as a registry should; \d+ requests?\b/);

    const [, folder = ''] =
      /\n {3}npm run -s cli -- explain \\\n {5}-f (\S+)\/pod\.yaml \\\n {5}-m \1\/manifests\n/.exec(text) ??
      [];
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
      expect(text).toContain('npm run -s cli -- explain --help');
    },
  );
});
