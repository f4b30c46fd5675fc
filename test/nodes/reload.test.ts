// When CRI-O is told of new files: never while a SIGHUP would end it.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeHost, makeWanted, NodeScene, type FakeCrio } from './node-scene.ts';
import { makeProgramFolder } from './program-folder.ts';

/** Of a real CRI-O 1.34.0, built with Go 1.26: from the first tenth of a second on, and in a thread once it has asked for SIGHUP. */
const GO_CAUGHT = 'fffffffd7fc1feff';
const GO_ASKED = 'fffffffc3bba3a00';
/** Of a thread that is forking, at any time. */
const GO_FORKING = 'fffffffffffbfeff';
const NONE = '0000000000000000';

const DROP_IN = 'containers/registries.conf.d/90-registry-failover.conf';

let path = '';
let scene: NodeScene;

beforeEach(() => {
  path = makeProgramFolder();
  // A hundred looks are soon over: nobody here dies of a signal.
  writeFileSync(join(path, 'sleep'), '#!/bin/sh\n');
});

afterEach(() => {
  scene.close();
  rmSync(path, { recursive: true });
});

function open(program = '/bin/dash'): NodeScene {
  scene = new NodeScene({ program, path });
  return scene;
}

function readable(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Resolves when a script has begun to wait. */
function waiting(): Promise<void> {
  const mark = join(path, 'has-slept');
  writeFileSync(join(path, 'sleep'), `#!/bin/sh\necho >>${mark}\nexec /bin/sleep 0.02\n`);
  return expect.poll(() => readable(mark)).not.toBe('');
}

/** Gives a process the masks of another: what it catches, and what each of its threads blocks. */
function disguise({ pid }: FakeCrio, caught: string, threads: readonly string[]): void {
  const entry = join(scene.processFolder, String(pid));
  const status = readFileSync(join(entry, 'status'), 'utf8');
  for (const name of ['status', 'task']) rmSync(join(entry, name));
  writeFileSync(join(entry, 'status'), status.replace(/^SigCgt:.*$/m, `SigCgt:\t${caught}`));
  for (const [index, blocked] of threads.entries()) {
    const thread = join(entry, 'task', String(pid + index));
    mkdirSync(thread, { recursive: true });
    writeFileSync(join(thread, 'status'), status.replace(/^SigBlk:.*$/m, `SigBlk:\t${blocked}`));
  }
}

describe.each(['/bin/dash', '/bin/bash'])('a CRI-O that is starting, told by %s,', (program) => {
  it('lives, nothing is changed, and the report says why', async () => {
    open(program);
    await scene.apply();
    const photo = scene.photo();
    const crio = await scene.startCrio({ starts: true });
    const wanted = makeWanted({ hosts: [makeHost({ isOut: true })] });
    const report = await scene.apply(wanted);
    expect(report).toMatchObject({ outcome: 'Failed', reload: 'NotNeeded' });
    expect(report.error).toContain(`could not wait any longer for CRI-O (process ${crio.pid}) to start`);
    expect(report.error).toContain('nothing was changed');
    expect(scene.photo()).toEqual(photo);
    crio.wake();
    expect(await scene.apply(wanted)).toMatchObject({ outcome: 'Applied', reload: 'Signalled' });
    expect(crio.hups()).toBe(1);
  });

  it('is waited for, and told then', async () => {
    open(program);
    const crio = await scene.startCrio({ starts: true });
    const waits = waiting();
    const report = scene.apply();
    await waits;
    expect(scene.names()).toEqual([]);
    crio.wake();
    expect(await report).toMatchObject({ outcome: 'Applied', reload: 'Signalled' });
    expect(crio.hups()).toBe(1);
    expect(crio.view()).not.toBe('');
  });
});

describe('reload', () => {
  it('needs nobody when what was waited for has ended: a program by the name of crio need not be the server', async () => {
    open();
    const crio = await scene.startCrio({ starts: true });
    const waits = waiting();
    const report = scene.apply();
    await waits;
    await crio.stop();
    expect(await report).toMatchObject({ outcome: 'Applied', reload: 'NotRunning' });
  });

  it('goes back when a CRI-O has begun to start after the files were there, and the next run tells it', async () => {
    open();
    await scene.apply();
    const old = scene.read(DROP_IN);
    const crio = await scene.startCrio({ starts: true });
    const [entry, aside] = [join(scene.processFolder, String(crio.pid)), join(scene.folder, 'aside')];
    renameSync(entry, aside);
    // The first file that is put in place brings it out.
    const mv = join(path, 'mv');
    rmSync(mv);
    const starts = `case "$*" in *.conf) [ ! -e ${aside} ] || /bin/mv ${aside} ${entry} ;; esac`;
    writeFileSync(mv, `#!/bin/sh\n/bin/mv "$@" || exit\n${starts}\n`, { mode: 0o755 });
    const wanted = makeWanted({ hosts: [makeHost({ isOut: true })] });
    const report = await scene.apply(wanted);
    expect(report.outcome).toBe('Failed');
    expect(report.error).toMatch(/could not wait any longer for CRI-O .* the way back failed too/s);
    expect(scene.read(DROP_IN)).toBe(old);
    crio.wake();
    expect(await scene.apply(wanted)).toMatchObject({ outcome: 'Applied', reload: 'Signalled' });
    expect(crio.hups()).toBe(1);
  });

  it.each<[string, string, readonly string[], 'Applied' | 'Failed']>([
    ['tells a Go program that has asked for SIGHUP', GO_CAUGHT, [NONE, NONE, GO_ASKED], 'Applied'],
    ['does not tell one that has asked for nothing', GO_CAUGHT, [NONE, NONE], 'Failed'],
    ['does not take a thread that forks for one that listens', GO_CAUGHT, [NONE, GO_FORKING], 'Failed'],
    ['does not tell one that asked for other signals', GO_CAUGHT, [NONE, 'fffffffc3bba3a01'], 'Failed'],
    ['does not tell one that ignores SIGHUP', 'fffffffd7fc1fefe', [NONE], 'Failed'],
    ['tells any other program that catches SIGHUP', '0000000000010001', [NONE], 'Applied'],
    ['tells no other program that does not', '0000000000010002', [NONE], 'Failed'],
  ])('%s', async (_name, caught, threads, outcome) => {
    open();
    const crio = await scene.startCrio();
    disguise(crio, caught, threads);
    expect((await scene.apply()).outcome).toBe(outcome);
    expect(crio.hups()).toBe(outcome === 'Applied' ? 1 : 0);
  });
});
