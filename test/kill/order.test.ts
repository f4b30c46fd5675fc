// The order of the script's system calls, as strace sees them: write < fsync < rename < fsync of the folder, new before old goes.
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LocalShell } from '../../src/agent/local-shell.ts';
import type { Shell } from '../../src/nodes/shell.ts';
import type { NodeScene } from '../nodes/node-scene.ts';
import { Scenes } from '../nodes/scenes.ts';
import { credentials, furnish, SCENARIOS, type Scenario } from './scenarios.ts';
import { isHidden } from './state.ts';

const CALLS =
  'openat,write,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,link,linkat,mkdir,mkdirat,rmdir,kill';
const straceProgram = '/usr/bin/strace';
const strace = spawnSync(straceProgram, ['-f', '-o', '/dev/null', '/bin/true'], { encoding: 'utf8' });
const whyNot =
  strace.status === 0 ? '' : ` (skipped: ${strace.error?.message ?? strace.stderr.split('\n')[0]})`;

interface Call {
  readonly name: string;
  /** The paths of it, in order; an open file's too (strace -y). */
  readonly paths: readonly string[];
}

/** One of each kind; `.ci/run` and the soak run kill all of them. */
const WRITING = [
  'CRI-O, first, no folder there',
  'CRI-O, other certificates, a host less',
  'CRI-O, other credentials',
  'containerd, first, beside others',
  'containerd, other certificates and order',
] as const;

const scenes = new Scenes();

function parseCall(line: string): Call | undefined {
  const match = /^(\w+)\((.*)\) += (-?\d+)/.exec(line);
  const [, name, words = '', result = ''] = match ?? [];
  if (name === undefined || result.startsWith('-')) return undefined;
  const paths = [...words.matchAll(/"(\/[^"]*)"|\d<(\/[^>]*)>/g)].map(
    ([, quoted, open]) => quoted ?? open ?? '',
  );
  return { name: name.startsWith('rename') ? 'rename' : name.replace(/at$/, ''), paths };
}

/** The calls in the order in which they came back; one that another process's output cuts in two is put together again. */
function parseTrace(text: string): readonly Call[] {
  const halves = new Map<string, string>();
  return text.split('\n').flatMap((line) => {
    const [, pid = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const begun = / <unfinished \.\.\.>$/.exec(rest);
    if (begun !== null) {
      halves.set(pid, rest.slice(0, begun.index));
      return [];
    }
    const resumed = /^<\.\.\. \w+ resumed>/.exec(rest);
    const whole = resumed === null ? rest : `${halves.get(pid) ?? ''}${rest.slice(resumed[0].length)}`;
    return parseCall(whole) ?? [];
  });
}

function scenarioOf(name: string): Scenario {
  const found = SCENARIOS.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no scenario ${name}`);
  return found;
}

/** A scenario's change, and the calls of the script that makes it. */
async function trace(scenario: Scenario): Promise<{
  readonly scene: NodeScene;
  readonly calls: readonly Call[];
  readonly written: readonly string[];
}> {
  const scene = scenes.open({ authFile: 'auth.json' });
  furnish(scene, scenario);
  if (scenario.hasCrio) await scene.startCrio();
  if (scenario.before !== undefined) await scene.apply(scenario.before, { credentials: credentials() });
  const [log, program] = [join(scene.folder, 'strace'), join(scene.folder, 'sh-traced')];
  writeFileSync(
    program,
    `#!/bin/sh\nexec ${straceProgram} -f -y -s 300 -o ${log} -e trace=${CALLS} /bin/dash "$@"\n`,
  );
  chmodSync(program, 0o755);
  const [plain, traced] = [scene.shell(), new LocalShell({ program, path: scenes.path })];
  const shell: Shell = {
    run: (script, limits) => (script.includes('trap ') ? traced : plain).run(script, limits),
  };
  const old = scene.photo();
  const { wanted } = scenario;
  const report =
    wanted === undefined
      ? await scene.restore(undefined, shell)
      : await scene.apply(wanted, { credentials: credentials(), shell });
  expect(report.error).toBeUndefined();
  const now = scene.photo();
  const written = Object.keys(now).filter(
    (path) => !isHidden(path) && now[path]?.startsWith('file') === true && now[path] !== old[path],
  );
  const calls = parseTrace(readFileSync(log, 'utf8'));
  return { scene, calls, written: written.map((path) => scene.path(path)) };
}

function last(calls: readonly Call[], name: string, path: string): number {
  return calls.findLastIndex((call) => call.name === name && call.paths.includes(path));
}

function firstAfter(calls: readonly Call[], at: number, name: string, path: string): number {
  return calls.findIndex((call, index) => index > at && call.name === name && call.paths.includes(path));
}

/** The rename that brings a path there, by itself or in a folder. */
function arrival(calls: readonly Call[], path: string): number {
  return calls.findIndex(({ name, paths }) => {
    const to = paths.at(-1) ?? '';
    return name === 'rename' && (to === path || path.startsWith(`${to}/`)) && !isHidden(to);
  });
}

describe.runIf(whyNot === '')(`the script that changes a node${whyNot}`, () => {
  const writing = SCENARIOS.filter(({ name }) => (WRITING as readonly string[]).includes(name));

  it.each(writing.map((scenario) => [scenario.name, scenario] as const))(
    'puts every file on the disk before it is seen: %s',
    async (_name, scenario) => {
      const { calls, written } = await trace(scenario);
      expect(written.length).toBeGreaterThan(0);
      for (const path of written) {
        const renamed = arrival(calls, path);
        const [from = '', to = ''] = calls[renamed]?.paths ?? [];
        const beside = `${from}${path.slice(to.length)}`;
        const wrote = last(calls, 'write', beside);
        const synced = firstAfter(calls, wrote, 'fsync', beside);
        const settled = firstAfter(calls, renamed, 'fsync', dirname(to));
        const order = [wrote, synced, renamed, settled];
        expect(
          order.every((at) => at >= 0),
          `${path}: ${order.join(' ')}`,
        ).toBe(true);
        expect(order, path).toEqual(order.toSorted((one, other) => one - other));
        if (from !== beside)
          expect(firstAfter(calls, synced, 'fsync', dirname(beside))).toBeLessThan(renamed);
      }
    },
  );

  it('notes what is under way before the first rename, and takes the note off after the last delete', async () => {
    const { calls, scene } = await trace(scenarioOf('CRI-O, other certificates, a host less'));
    const noted = calls.flatMap(({ name, paths }, index) =>
      name === 'rename' && paths.at(-1)?.endsWith('.note') === true ? [index] : [],
    );
    const dropIn = arrival(
      calls,
      `${scene.layout.containersFolder}/registries.conf.d/90-registry-failover.conf`,
    );
    const hup = calls.findIndex(({ name }) => name === 'kill');
    const stale = calls.findIndex(
      ({ name, paths }) => name === 'rename' && paths[0]?.endsWith('/certs.d/dc1.example.com') === true,
    );
    expect([noted[0], dropIn, hup, stale, noted[1]].map((at) => at ?? -1)).toSatisfy(
      (order: readonly number[]) => order.every((at, index) => at > (order[index - 1] ?? -1)),
    );
  });

  it('places what is new before what is old goes, where the runtime is another one', async () => {
    const { calls, scene } = await trace(scenarioOf('from CRI-O to containerd'));
    const { containersFolder, containerdFolder } = scene.layout;
    const placed = arrival(calls, `${containerdFolder}/certs.d/fra.example.com/hosts.toml`);
    const dropIn = `${containersFolder}/registries.conf.d/90-registry-failover.conf`;
    const gone = calls.findIndex(({ name, paths }) => name === 'rename' && paths[0] === dropIn);
    expect(placed).toBeGreaterThan(0);
    expect(gone).toBeGreaterThan(placed);
  });

  it('lets containerd’s hosts.toml go before the certificates that it names', async () => {
    const { calls } = await trace({
      name: 'stale files in a folder that was there before us',
      found: { 'containerd/certs.d/quay.example.com/notes.txt': 'kept' },
      before: scenarioOf('containerd, restore').before,
      wanted: undefined,
      hasCrio: false,
    });
    const gone = (ending: string): number =>
      calls.findIndex(
        ({ name, paths }) =>
          name === 'rename' && paths[0]?.includes('/quay.example.com/') === true && paths[0].endsWith(ending),
      );
    expect(gone('hosts.toml')).toBeGreaterThan(0);
    expect(gone('hosts.toml')).toBeLessThan(gone('.pem'));
  });
});
