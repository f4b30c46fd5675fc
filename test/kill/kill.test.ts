// A handful of kills for every test run; node test/kill/run.ts does hundreds, npm run soak:kill thousands.
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeProgramFolder } from '../nodes/program-folder.ts';
import { SCENARIOS } from './scenarios.ts';
import { whyNoTracer } from './tracer.ts';
import { Theatre } from './trial.ts';

const missing = whyNoTracer();
const KILLS = 3;
let path = '';

beforeAll(() => {
  path = makeProgramFolder();
});

afterAll(() => {
  rmSync(path, { recursive: true });
});

describe.runIf(missing === undefined)(
  `a node whose writer is killed${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    it.each([
      ['CRI-O, other certificates, a host less', '/bin/dash'],
      ['containerd, other certificates and order', '/bin/bash'],
    ])(
      'has old or new files, whole and valid, and comes right with the next run: %s',
      { timeout: 120_000 },
      async (name, program) => {
        const scenario = SCENARIOS.find((one) => one.name === name);
        if (scenario === undefined) throw new Error('no such scenario');
        const theatre = new Theatre(scenario, program, path);
        try {
          await theatre.open();
          for (let kill = 1; kill <= KILLS; kill += 1) {
            const at = Math.floor((theatre.calls.length * (kill - 0.5)) / KILLS) + 1;
            const { wasKilled, problems } = await theatre.kill(at);
            expect({ at, wasKilled, problems }).toEqual({ at, wasKilled: true, problems: [] });
          }
        } finally {
          theatre.close();
        }
      },
    );
  },
);
