// Disks that refuse: full, read-only, not ours to write, a folder that is missing. A clear word, and nothing changed.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { LocalShell } from '../../src/agent/local-shell.ts';
import type { Shell } from '../../src/nodes/shell.ts';
import { CA_ONE } from './cases.ts';
import { makeHost, makeWanted, type NodeScene, photograph, type WantedParts } from './node-scene.ts';
import { Scenes } from './scenes.ts';

const isRoot = process.getuid?.() === 0;
const canMount =
  isRoot &&
  spawnSync('unshare', ['-m', '--propagation', 'private', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status ===
    0;
const whyNot = canMount ? '' : ' (skipped: needs root and a mount namespace)';
const RUNTIMES = ['crio', 'containerd'] as const;

const scenes = new Scenes();
const open = (): NodeScene => scenes.open();
const children: ChildProcess[] = [];

// Hooks of after a test run from the last to the first: before their scene is closed.
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Disk {
  /** Runs scripts where the disk is mounted. */
  readonly shell: Shell;
  readonly photo: () => ReturnType<typeof photograph>;
  /** In the disk's namespace. */
  readonly run: (command: string) => void;
}

/** A small disk of its own at the scene's etc, in a mount namespace that ends with the test. */
async function mountDisk(scene: NodeScene, size: string): Promise<Disk> {
  const etc = join(scene.folder, 'etc');
  const setUp = `mount -t tmpfs -o size=${size} tmpfs ${etc} && mkdir ${etc}/containers ${etc}/containerd && echo ready && read line`;
  const child = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', setUp], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const enter = ['--mount=/proc/' + String(child.pid) + '/ns/mnt'];
  const program = join(scene.folder, 'sh-inside');
  // LocalShell gives `-s` to its program.
  spawnSync('sh', [
    '-c',
    `printf '#!/bin/sh\\nexec /usr/bin/nsenter ${enter[0] ?? ''} /bin/dash "$@"\\n' >${program}; chmod 755 ${program}`,
  ]);
  return {
    shell: new LocalShell({ program, path: scenes.path }),
    photo: () => photograph(`/proc/${child.pid}/root${etc}`),
    run: (command) => {
      const done = spawnSync('nsenter', [...enter, 'sh', '-c', `cd ${etc} && ${command}`], {
        encoding: 'utf8',
      });
      if (done.status !== 0) throw new Error(done.stderr);
    },
  };
}

function wanted(parts: WantedParts & { readonly isOut?: boolean }): ReturnType<typeof makeWanted> {
  return makeWanted({ hosts: [makeHost({ caPem: CA_ONE, isOut: parts.isOut === true })], ...parts });
}

describe.runIf(canMount)(`a disk${whyNot}`, () => {
  it.each(RUNTIMES)('that is full is told, and the node is as it was: %s', async (runtime) => {
    const scene = open();
    const disk = await mountDisk(scene, '64k');
    expect((await scene.apply(wanted({ runtime }), { shell: disk.shell })).error).toBeUndefined();
    disk.run('head -c 200000 /dev/zero >fill 2>/dev/null || true');
    const photo = disk.photo();
    const report = await scene.apply(wanted({ runtime, isOut: true }), { shell: disk.shell });
    expect(report.outcome).toBe('Failed');
    expect(report.error).toMatch(/could not write .*No space left on device.*; nothing was changed/s);
    expect(disk.photo()).toEqual(photo);
    disk.run('rm fill');
    expect((await scene.apply(wanted({ runtime, isOut: true }), { shell: disk.shell })).outcome).toBe(
      'Applied',
    );
  });

  it('that fills up at every point leaves a node that is old or new, and says which', async () => {
    const scene = open();
    const disk = await mountDisk(scene, '128k');
    const old = wanted({ runtime: 'containerd' });
    await scene.apply(old, { shell: disk.shell });
    const outcomes = new Set<string>();
    for (const pages of [0, 2, 4, 12]) {
      // The disk has so many pages left.
      disk.run(
        `rm -f fill; head -c 131072 /dev/zero >fill 2>/dev/null; truncate -s -$((${pages} * 4096)) fill`,
      );
      const photo = disk.photo();
      const report = await scene.apply(wanted({ runtime: 'containerd', isOut: true }), {
        shell: disk.shell,
      });
      outcomes.add(report.outcome);
      if (report.outcome === 'Failed') expect(disk.photo()).toEqual(photo);
    }
    expect(outcomes).toContain('Failed');
    expect(outcomes).toContain('Applied');
  });

  it.each(RUNTIMES)('that is read-only is told, and the node is as it was: %s', async (runtime) => {
    const scene = open();
    const disk = await mountDisk(scene, '1m');
    await scene.apply(wanted({ runtime }), { shell: disk.shell });
    disk.run('mount -o remount,ro "$PWD"');
    const photo = disk.photo();
    for (const next of [
      wanted({ runtime, isOut: true }),
      { ...wanted({ runtime, hosts: [] }), action: 'Restore' as const },
    ]) {
      const report = await scene.apply(next, { shell: disk.shell });
      expect(report.outcome).toBe('Failed');
      expect(report.error).toMatch(/Read-only file system.*; nothing was changed/s);
    }
    expect(disk.photo()).toEqual(photo);
    expect((await scene.apply(wanted({ runtime }), { shell: disk.shell })).outcome).toBe('Unchanged');
  });
});

describe('a node', () => {
  it.each(RUNTIMES)('whose folders we may not write is told, and is as it was: %s', async (runtime) => {
    const scene = open();
    // Root may write everywhere, so that root's scripts run as nobody here.
    const program = join(scene.folder, 'sh-as-nobody');
    if (isRoot) {
      const as = 'exec /usr/bin/setpriv --reuid 65534 --regid 65534 --clear-groups /bin/dash "$@"';
      spawnSync('sh', [
        '-c',
        `printf '#!/bin/sh\\n%s\\n' '${as}' >${program}; chmod 755 ${program} ${scene.folder}`,
      ]);
      chmodSync(scenes.path, 0o755);
    }
    mkdirSync(scene.path('containers/registries.conf.d'));
    mkdirSync(scene.path('containerd/certs.d'));
    for (const name of ['containers', 'containers/registries.conf.d', 'containerd', 'containerd/certs.d'])
      chmodSync(scene.path(name), 0o555);
    const photo = scene.photo();
    const shell = isRoot ? new LocalShell({ program, path: scenes.path }) : scene.shell();
    const report = await scene.apply(wanted({ runtime }), { shell });
    expect(report.outcome).toBe('Failed');
    expect(report.error).toMatch(/Permission denied.*; nothing was changed/s);
    expect(scene.photo()).toEqual(photo);
    for (const name of ['containers', 'containers/registries.conf.d', 'containerd', 'containerd/certs.d'])
      chmodSync(scene.path(name), 0o755);
  });

  it('without the folder above the runtime’s is told', async () => {
    const scene = open();
    rmSync(join(scene.folder, 'etc'), { recursive: true });
    const report = await scene.apply(wanted({}));
    expect(report.outcome).toBe('Failed');
    expect(report.error).toMatch(/could not find the folder .*etc; nothing was changed/);
  });
});
