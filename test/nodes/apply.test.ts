// A node from found to wanted and back, on real folders, by both shells that a node may have.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LocalShell } from '../../src/agent/local-shell.ts';
import { Credential } from '../../src/domain/credential.ts';
import { applyNode, restoreNode } from '../../src/nodes/writing/apply.ts';
import { MAX_FILE_BYTES } from '../../src/nodes/looking/gather-script.ts';
import { sha256Hex } from '../../src/nodes/sha256.ts';
import { quoteForShell } from '../../src/nodes/shell-quote.ts';
import type { Shell } from '../../src/nodes/shell.ts';
import type { WantedHost } from '../../src/nodes/data/wanted.ts';
import type { ApplyReport } from '../../src/nodes/writing/sync-report.ts';
import { CA_ONE, CA_TWO, host, mirror, upstream } from './cases.ts';
import { makeHost, makeWanted, MIRROR, NodeScene, OWNER, UPSTREAM, type SceneOptions } from './node-scene.ts';
import { Scenes } from './scenes.ts';

const DROP_IN = 'containers/registries.conf.d/90-registry-failover.conf';
const HOSTS = `containerd/certs.d/${UPSTREAM}/hosts.toml`;
const login = new Credential({ username: 'pull', password: 'apply-test-secret' });

const scenes = new Scenes();
const open = (options: SceneOptions = {}): NodeScene => scenes.open(options);

/** `write a`, `delete b`, by names below etc. */
function changes(scene: NodeScene, report: ApplyReport): readonly string[] {
  return report.changes.map((change) => `${change.action} ${scene.relative(change.path)}`);
}

/** What no runtime reads, and no person expects. */
function hidden(scene: NodeScene): readonly string[] {
  return scene.names().filter((name) => name.includes('/.') && !name.endsWith('.note'));
}

/** A folder of programs that treat one file as the kernel treats one that is immutable: no second name, and nothing in its place. */
function freeze(scene: NodeScene, name: string): string {
  const folder = join(scene.folder, 'frozen');
  mkdirSync(folder);
  const file = quoteForShell(scene.path(name));
  const refuse = 'echo "Operation not permitted" >&2; exit 1';
  const programs: Readonly<Record<string, string>> = {
    ln: `[ "$2" != ${file} ] || { ${refuse}; }`,
    mv: `for last in "$@"; do :; done; [ "$last" != ${file} ] || { ${refuse}; }`,
  };
  for (const [program, check] of Object.entries(programs)) {
    const text = `#!/bin/sh\n${check}\nexec ${quoteForShell(join(scenes.path, program))} "$@"\n`;
    writeFileSync(join(folder, program), text);
    chmodSync(join(folder, program), 0o755);
  }
  return `${folder}:${scenes.path}`;
}

describe('a node with large files', () => {
  it('is changed and given back when our own file is one', async () => {
    const scene = open();
    const hosts = Array.from({ length: 128 }, (_host, index) => {
      const mirrors = Array.from({ length: 16 }, (_mirror, at) => {
        return mirror(`m${at}.example.com/${'proxy-cache/'.repeat(9)}r${index}`);
      });
      return host([upstream(`r${index}.example.com`), ...mirrors]);
    });
    await scene.apply(makeWanted({ hosts }));
    expect(scene.read(DROP_IN).length).toBeGreaterThan(MAX_FILE_BYTES);
    expect(await scene.apply(makeWanted())).toMatchObject({ outcome: 'Applied', conflicts: [] });
    await scene.apply(makeWanted({ hosts }));
    await scene.restore();
    expect(scene.names()).toEqual([]);
  });

  it('is looked at although a file of others is one long line', async () => {
    const scene = open();
    scene.write('containers/certs.d/x/large', 'x'.repeat(1 << 26));
    expect((await scene.apply()).outcome).toBe('Applied');
  });

  it('is not said to be restored when not all of it was looked at', async () => {
    const scene = open();
    await scene.apply(makeWanted({ runtime: 'containerd' }));
    const large = `# ${'x'.repeat(MAX_FILE_BYTES - 3)}\n`;
    for (let index = 0; index < 33; index += 1) scene.write(`containers/certs.d/x/${index}.conf`, large);
    const photo = scene.photo();
    const report = await scene.restore();
    expect(report).toMatchObject({ outcome: 'Failed' });
    expect(report.error).toMatch(/too much .*nothing was changed/);
    expect(scene.photo()).toEqual(photo);
  });
});

describe('a file with a credential that somebody has made readable', () => {
  it('is not told of in words', async () => {
    const scene = open();
    const hosts = [makeHost({ auth: 'Node' })];
    const credentials = new Map([[MIRROR, login]]);
    await scene.apply(makeWanted({ runtime: 'containerd', hosts }), { credentials });
    chmodSync(scene.path(HOSTS), 0o644);
    const changed = await scene.apply(makeWanted({ runtime: 'containerd' }), { dryRun: true });
    expect(JSON.stringify(changed.changes)).not.toContain(login.basic());
    const restored = await scene.restore();
    expect(restored.changes).toMatchObject([{ action: 'delete', secret: true }]);
    expect(JSON.stringify(restored)).not.toContain(login.basic());
  });
});

describe('two owners on a node with CRI-O', () => {
  it('do not change each other’s keys, and leave none behind', async () => {
    const scene = open({ authFile: 'auth.json' });
    scene.write('auth.json', '{}');
    const photo = scene.photo();
    const hosts = [makeHost({ auth: 'Node' })];
    const other = new Credential({ username: 'other', password: 'apply-test-other' });
    await scene.apply(makeWanted({ hosts, owner: 'a/a' }), { credentials: new Map([[MIRROR, login]]) });
    const second = await scene.apply(makeWanted({ hosts, owner: 'b/b' }), {
      credentials: new Map([[MIRROR, other]]),
    });
    expect(second).toMatchObject({ outcome: 'Unchanged', conflicts: [{ reason: 'OtherOwner' }] });
    expect(scene.read('auth.json')).toContain(login.basic());
    await scene.restore('a/a');
    await scene.restore('b/b');
    expect(scene.photo()).toEqual(photo);
  });
});

/** The note of a run that was killed while it worked on these. */
function writePending(scene: NodeScene, undo: readonly { path: string; old?: string }[]): void {
  const note = { version: 1, owner: OWNER, made: [], pending: { reload: true, undo } };
  const name = `containers/.registry-failover.${OWNER.replace('/', '_')}.note`;
  scene.write(name, `${JSON.stringify(note)}\n`, 0o600);
}

describe('what somebody else has written since a run was killed', () => {
  const theirs = 'unqualified-search-registries = ["theirs"]\n';

  it('is not taken away when the next run goes back', async () => {
    const scene = open();
    await scene.startCrio({ dies: true });
    writePending(scene, [{ path: scene.path(DROP_IN) }]);
    scene.write(DROP_IN, theirs);
    expect((await scene.apply()).conflicts).toMatchObject([{ reason: 'NotOurs' }]);
    expect(scene.read(DROP_IN)).toBe(theirs);
  });

  it('is not replaced by what the killed run had kept', async () => {
    const scene = open();
    await scene.apply();
    const kept = scene.read(DROP_IN);
    await scene.startCrio({ dies: true });
    scene.write('containers/registries.conf.d/.90-registry-failover.conf.registry-failover.old', kept);
    writePending(scene, [{ path: scene.path(DROP_IN), old: sha256Hex(kept) }]);
    scene.write(DROP_IN, theirs);
    await scene.apply();
    expect(scene.read(DROP_IN)).toBe(theirs);
    expect(hidden(scene)).toEqual([]);
  });
});

describe.each(['/bin/dash', '/bin/bash'])('a node whose sh is %s', (program) => {
  it('is given CRI-O’s files and told once, and then nothing is left to do', async () => {
    const scene = open({ program });
    const crio = await scene.startCrio();
    const wanted = makeWanted({ hosts: [makeHost({ caPem: CA_ONE })] });
    const first = await scene.apply(wanted);
    expect(first).toMatchObject({ outcome: 'Applied', reload: 'Signalled', conflicts: [] });
    expect(first.error).toBeUndefined();
    expect(changes(scene, first)).toEqual([
      `write containers/certs.d/${MIRROR}/registry-failover.crt`,
      `write ${DROP_IN}`,
    ]);
    expect(crio.view()).toBe(scene.read(DROP_IN));
    const photo = scene.photo();
    const second = await scene.apply(wanted);
    expect(second).toMatchObject({
      outcome: 'Unchanged',
      changes: [],
      reload: 'NotNeeded',
      files: first.files,
    });
    expect(scene.photo()).toEqual(photo);
    expect(crio.hups()).toBe(1);
  });

  it('is as before, byte for byte, after a restore, and the second restore finds nothing', async () => {
    const scene = open({ program, authFile: 'auth.json' });
    scene.write('containers/registries.conf', 'unqualified-search-registries = []\n', 0o640);
    scene.write('containers/registries.conf.d/00-others.conf', '[[registry]]\nlocation = "x.example.com"\n');
    scene.write('containers/certs.d/x.example.com/ca.crt', 'x', 0o600);
    scene.write('auth.json', '{ "auths": {} }', 0o640);
    const photo = scene.photo();
    const crio = await scene.startCrio();
    const hosts = [host([upstream(UPSTREAM), mirror(MIRROR, { auth: 'Node', caPem: CA_ONE })])];
    const credentials = new Map([[MIRROR, login]]);
    expect((await scene.apply(makeWanted({ hosts }), { credentials })).outcome).toBe('Applied');
    expect(scene.read('auth.json')).toContain(login.basic());
    expect(await scene.restore()).toMatchObject({ outcome: 'Restored', reload: 'Signalled', files: [] });
    expect(scene.photo()).toEqual(photo);
    expect(crio.view()).toBe('');
    expect(await scene.restore()).toMatchObject({ outcome: 'Unchanged', changes: [] });
  });

  it('is given containerd’s hosts, loses the stale ones, and CRI-O is left in peace', async () => {
    const scene = open({ program });
    const crio = await scene.startCrio();
    scene.write('containerd/certs.d/operators.example/hosts.toml', 'server = "https://x"\n');
    const photo = scene.photo();
    const other = host([upstream('quay.example.com'), mirror(MIRROR, { caPem: CA_ONE })]);
    await scene.apply(makeWanted({ runtime: 'containerd', hosts: [makeHost({ caPem: CA_ONE }), other] }));
    const report = await scene.apply(
      makeWanted({ runtime: 'containerd', hosts: [makeHost({ caPem: CA_TWO })] }),
    );
    expect(report.outcome).toBe('Applied');
    const pems = scene.names().filter((name) => name.endsWith('.pem'));
    expect(pems).toHaveLength(1);
    expect(scene.read(HOSTS)).toContain(pems[0]?.split('/').at(-1));
    expect(scene.names().join(' ')).not.toContain('quay');
    expect(hidden(scene)).toEqual([]);
    await scene.restore();
    expect(scene.photo()).toEqual(photo);
    expect(crio.hups()).toBe(0);
  });

  it('goes back when CRI-O dies of the new files', async () => {
    // With the real `sleep`: the script watches for a second, and a process takes its time to die.
    const scene = scenes.keep(new NodeScene({ program }));
    await scene.apply(makeWanted());
    const photo = scene.photo();
    await scene.startCrio({ dies: true });
    const report = await scene.apply(makeWanted({ hosts: [makeHost({ isOut: true, caPem: CA_ONE })] }));
    expect(report.outcome).toBe('RolledBack');
    expect(report.error).toMatch(/could not tell CRI-O .*every file is as it was before/s);
    expect(scene.photo()).toEqual(photo);
  });

  it('tells a CRI-O that lives on of the way back too', async () => {
    const scene = scenes.keep(new NodeScene({ program }));
    await scene.apply(makeWanted());
    const old = scene.read(DROP_IN);
    await scene.startCrio({ dies: true });
    const other = await scene.startCrio();
    expect((await scene.apply(makeWanted({ hosts: [makeHost({ isOut: true })] }))).outcome).toBe(
      'RolledBack',
    );
    await expect.poll(() => [other.hups(), other.view()]).toEqual([2, old]);
  });

  it('is as before, and said to be, when one of its files cannot be replaced (chattr +i)', async () => {
    const scene = open({ program });
    const two = (isOut: boolean): readonly WantedHost[] => [
      makeHost({ isOut }),
      makeHost({ prefix: 'quay.example', isOut }),
    ];
    await scene.apply(makeWanted({ runtime: 'containerd', hosts: two(false) }));
    const photo = scene.photo();
    const fixed = 'containerd/certs.d/quay.example/hosts.toml';
    const path = freeze(scene, fixed);
    const shell = new LocalShell({ program, path });
    const wanted = makeWanted({ runtime: 'containerd', hosts: two(true) });
    const { layout, processFolder } = scene;
    const report = await applyNode(shell, {
      wanted,
      layout,
      processFolder,
      credentials: new Map(),
      dryRun: false,
    });
    expect(report).toMatchObject({ outcome: 'RolledBack' });
    expect(report.error).toMatch(/could not rename .*; every file is as it was before$/s);
    expect(scene.photo()).toEqual(photo);
  });

  it('stops before the first change when something has changed since it was looked at, and tries once more', async () => {
    const scene = open({ program });
    await scene.apply(makeWanted());
    const real = scene.shell();
    let runs = 0;
    // A person is editing: the file is another one each time.
    const shell: Shell = {
      run: (script, limits) => {
        if (script.includes('trap ')) scene.write(DROP_IN, `${scene.read(DROP_IN)}# ${(runs += 1)}\n`);
        return real.run(script, limits);
      },
    };
    const report = await scene.apply(makeWanted({ hosts: [makeHost({ isOut: true })] }), { shell });
    expect(report).toMatchObject({ outcome: 'Failed' });
    expect(report.error).toContain('changed while');
    expect(runs).toBe(2);
    expect(scene.read(DROP_IN)).toMatch(/# 1\n# 2\n$/);
    expect(hidden(scene)).toEqual([]);
  });

  it('comes to its end when its connection dies in the middle', async () => {
    const scene = scenes.keep(new NodeScene({ program }));
    const crio = await scene.startCrio();
    const real = scene.shell();
    const shell: Shell = {
      run: async (script, limits) => {
        if (!script.includes('trap ')) return real.run(script, limits);
        const child = spawn(program, ['-s'], { detached: true, stdio: ['pipe', 'pipe', 'ignore'] });
        const ended = once(child, 'exit');
        child.stdin.end(script);
        await expect.poll(() => crio.hups()).toBe(1);
        // It is watching CRI-O now. What sshd does when the connection is gone: SIGHUP to all, nobody at the other end.
        process.kill(-(child.pid ?? 0), 'SIGHUP');
        child.stdout.destroy();
        expect(await ended).toEqual([0, null]);
        return { ran: false, failure: 'the connection is gone', stderr: '' };
      },
    };
    expect((await scene.apply(makeWanted(), { shell })).error).toContain(
      'the connection is gone; how far it came is not known',
    );
    expect((await scene.apply(makeWanted())).outcome).toBe('Unchanged');
    expect(crio.view()).toBe(scene.read(DROP_IN));
  });

  it('comes to its end when nobody listens any more', async () => {
    const scene = open({ program });
    const real = scene.shell();
    // Output that nobody takes is a pipe that breaks: what a dead connection looks like from the node.
    const deaf: Shell = {
      run: (script, limits) => real.run(script.includes('trap ') ? `exec >&-\n${script}` : script, limits),
    };
    const report = await scene.apply(makeWanted(), { shell: deaf });
    expect(report.outcome).toBe('Failed');
    expect(report.error).toContain('is not known');
    expect((await scene.apply(makeWanted())).outcome).toBe('Unchanged');
  });
});

describe('applyNode', () => {
  it.runIf(process.getuid?.() === 0)(
    'needs no more rights than the agent has: root with CAP_KILL alone',
    async () => {
      const scene = open({ authFile: 'auth.json' });
      scene.write('auth.json', '{"auths":{}}', 0o600);
      const photo = scene.photo();
      const crio = await scene.startCrio();
      const program = `${scene.folder}/sh-of-agent`;
      const rights = '--bounding-set=-all,+kill --inh-caps=-all';
      writeFileSync(program, `#!/bin/sh\nexec /usr/bin/setpriv ${rights} /bin/dash "$@"\n`, { mode: 0o755 });
      const shell = new LocalShell({ program, path: scenes.path });
      const hosts = [host([upstream(UPSTREAM), mirror(MIRROR, { auth: 'Node', caPem: CA_ONE })])];
      const report = await scene.apply(makeWanted({ hosts }), {
        credentials: new Map([[MIRROR, login]]),
        shell,
      });
      expect(report).toMatchObject({ outcome: 'Applied', reload: 'Signalled', conflicts: [] });
      expect(report.found?.wholeHost).toBe(false);
      expect(crio.hups()).toBe(1);
      expect((await scene.restore(undefined, shell)).outcome).toBe('Restored');
      expect(scene.photo()).toEqual(photo);
    },
  );

  it('tells what it would do, and does not', async () => {
    const scene = open();
    const photo = scene.photo();
    const report = await scene.apply(makeWanted(), { dryRun: true });
    expect(report.outcome).toBe('WouldApply');
    expect(report.changes[0]?.after).toContain('[[registry]]');
    expect(scene.photo()).toEqual(photo);
  });

  it('shows no credential in its report, nor in what it found', async () => {
    const scene = open({ authFile: 'auth.json' });
    scene.write('auth.json', `{"auths":{"own":{"auth":"${login.basic()}"}}}`);
    const hosts = [host([upstream(UPSTREAM), mirror(MIRROR, { auth: 'Node' })])];
    const credentials = new Map([[MIRROR, login]]);
    const crio = await scene.apply(makeWanted({ hosts }), { credentials });
    const containerd = await scene.apply(makeWanted({ hosts, runtime: 'containerd' }), { credentials });
    expect(containerd.outcome).toBe('Applied');
    const texts = [crio, containerd].flatMap((report) => [
      JSON.stringify({ ...report, found: [...(report.found?.entries ?? [])] }),
    ]);
    expect(texts.join(' ')).not.toContain(login.basic());
    expect(scene.read(HOSTS)).toContain(login.basic());
    expect(scene.photo()[HOSTS]).toMatch(/^file 600 /);
  });

  it('gives the operator’s auth file back with the owner and mode it had, when CRI-O gives way to containerd', async () => {
    const scene = open({ authFile: 'auth.json' });
    scene.write('auth.json', '{"auths":{}}', 0o640);
    const hosts = [host([upstream(UPSTREAM), mirror(MIRROR, { auth: 'Node' })])];
    const photo = scene.photo();
    await scene.apply(makeWanted({ hosts }), { credentials: new Map([[MIRROR, login]]) });
    await scene.apply(makeWanted({ hosts: [makeHost()], runtime: 'containerd' }));
    expect(scene.read('auth.json')).toBe('{"auths":{}}');
    expect(scene.names()).not.toContain(DROP_IN);
    await scene.restore();
    expect(scene.photo()).toEqual(photo);
  });

  it('gives the auth file back to whoever restores without naming it, and tells of one that is named anew', async () => {
    const scene = open({ authFile: 'auth.json' });
    scene.write('auth.json', '{"auths":{}}', 0o640);
    const hosts = [host([upstream(UPSTREAM), mirror(MIRROR, { auth: 'Node' })])];
    const credentials = new Map([[MIRROR, login]]);
    const photo = scene.photo();
    await scene.apply(makeWanted({ hosts }), { credentials });
    const task = { dryRun: false, processFolder: scene.processFolder };
    const other = { ...scene.layout, authFile: scene.path('other.json') };
    const report = await applyNode(scene.shell(), {
      ...task,
      wanted: makeWanted({ hosts }),
      credentials,
      layout: other,
    });
    expect(report.conflicts.map(({ reason }) => reason)).toEqual(['AuthFileInvalid']);
    const unnamed = { ...scene.layout, authFile: undefined };
    await restoreNode(scene.shell(), { ...task, owner: OWNER, layout: unnamed });
    expect(scene.photo()).toEqual(photo);
  });

  it('leaves other people’s files and tells of them, while the rest is done', async () => {
    const scene = open();
    scene.write(HOSTS, 'server = "https://mine.example.com"\n');
    const quay = host([upstream('quay.example.com'), mirror(MIRROR)]);
    const report = await scene.apply(makeWanted({ runtime: 'containerd', hosts: [makeHost(), quay] }));
    expect(report.outcome).toBe('Applied');
    expect(report.conflicts.map(({ path: name, reason }) => [scene.relative(name), reason])).toEqual([
      [HOSTS, 'NotOurs'],
    ]);
    expect(scene.read(HOSTS)).toBe('server = "https://mine.example.com"\n');
  });

  it('does not touch another installation’s files, neither to apply nor to restore', async () => {
    const scene = open();
    await scene.apply(makeWanted());
    const photo = scene.photo();
    const report = await scene.apply(makeWanted({ owner: 'second/rf' }));
    expect(report.conflicts[0]?.reason).toBe('OtherOwner');
    expect((await scene.restore('second/rf')).outcome).toBe('Unchanged');
    expect(scene.photo()).toEqual(photo);
  });

  it('follows no link, neither of a file nor of a folder', async () => {
    const scene = open();
    scene.write('elsewhere/file', 'precious');
    scene.write('containers/registries.conf.d/00.conf', '');
    symlinkSync(scene.path('elsewhere/file'), scene.path(DROP_IN));
    expect((await scene.apply(makeWanted())).conflicts[0]?.reason).toBe('SymlinkInTheWay');
    unlinkSync(scene.path(DROP_IN));
    rmSync(scene.path('containers/registries.conf.d'), { recursive: true });
    symlinkSync(scene.path('elsewhere'), scene.path('containers/registries.conf.d'));
    expect((await scene.apply(makeWanted())).conflicts[0]?.reason).toBe('SymlinkInTheWay');
    expect(scene.names().filter((name) => name.startsWith('elsewhere'))).toEqual(['elsewhere/file']);
    expect(scene.read('elsewhere/file')).toBe('precious');
  });

  it('writes nothing beside a drop-in that CRI-O would refuse, and still takes its own away', async () => {
    const scene = open();
    await scene.apply(makeWanted());
    scene.write('containers/registries.conf.d/00-broken.conf', '[[registry\n');
    const photo = scene.photo();
    const report = await scene.apply(makeWanted({ hosts: [makeHost({ isOut: true })] }));
    expect(report.outcome).toBe('Failed');
    expect(report.error).toMatch(/^ForeignConfigBroken: .*00-broken\.conf/);
    expect(scene.photo()).toEqual(photo);
    expect((await scene.restore()).outcome).toBe('Restored');
  });

  it('takes turns with other runs on the same node', async () => {
    const scene = open();
    const orders = [false, true, false, true].map((isOut) =>
      makeWanted({ hosts: [makeHost({ isOut, caPem: CA_ONE })] }),
    );
    const reports = await Promise.all(orders.map((wanted) => scene.apply(wanted)));
    const told = reports.map(({ outcome, error = '' }) => `${outcome} ${error}`);
    // Who comes second finds another node than it looked at, looks again, and may find the same once more.
    expect(told.filter((text) => !/^(Applied|Unchanged) |changed while/.test(text))).toEqual([]);
    expect(hidden(scene)).toEqual([]);
    expect(['Applied', 'Unchanged']).toContain((await scene.apply(makeWanted())).outcome);
    await scene.restore();
    expect(scene.names()).toEqual([]);
  });

  it('clears nothing away that another run, which holds the lock, has beside', async () => {
    const scene = open();
    await scene.apply(makeWanted());
    const beside = 'containers/registries.conf.d/.90-registry-failover.conf.registry-failover.new';
    const real = scene.shell();
    // The lock is held by somebody for longer than anybody waits (the waiting itself is cut short here).
    const shell: Shell = {
      run: (script, limits) => {
        if (!script.includes('trap ')) return real.run(script, limits);
        scene.write(beside, 'somebody is writing this');
        return real.run(`flock() { return 1; }\n${script}`, limits);
      },
    };
    const report = await scene.apply(makeWanted({ hosts: [makeHost({ isOut: true })] }), { shell });
    expect(report.error).toContain('could not wait for another run');
    expect(scene.read(beside)).toBe('somebody is writing this');
  });

  it('clears nothing away of a run at the other runtime’s files, which holds another lock', async () => {
    const scene = open();
    const name = 'containers/registries.conf.d/.90-registry-failover.conf.registry-failover';
    scene.write(`${name}.new`, 'somebody is writing this');
    scene.write(`${name}.old`, 'somebody may go back to this');
    await scene.apply(makeWanted({ runtime: 'containerd', owner: 'b/b' }));
    expect(scene.names().filter((path) => path.includes(name))).toHaveLength(2);
    await scene.restore('b/b');
    expect(scene.names().filter((path) => path.includes(name))).toHaveLength(2);
    await scene.apply(makeWanted());
    expect(hidden(scene)).toEqual([]);
  });

  it('repairs what somebody did to its files', async () => {
    const scene = open();
    await scene.apply(makeWanted());
    const photo = scene.photo();
    scene.write(DROP_IN, `${scene.read(DROP_IN)}# mine\n`);
    expect((await scene.apply(makeWanted())).outcome).toBe('Applied');
    chmodSync(scene.path(DROP_IN), 0o600);
    expect((await scene.apply(makeWanted())).outcome).toBe('Applied');
    rmSync(scene.path(DROP_IN));
    expect((await scene.apply(makeWanted())).outcome).toBe('Applied');
    expect(scene.photo()).toEqual(photo);
  });

  it('says so when there is no CRI-O to be told', async () => {
    const scene = open();
    expect(await scene.apply(makeWanted())).toMatchObject({ outcome: 'Applied', reload: 'NotRunning' });
  });

  it('makes the runtime’s own folder, and takes it away again', async () => {
    const scene = open();
    rmSync(scene.layout.containerdFolder, { recursive: true });
    const photo = scene.photo();
    expect((await scene.apply(makeWanted({ runtime: 'containerd' }))).outcome).toBe('Applied');
    await scene.restore();
    expect(scene.photo()).toEqual(photo);
  });

  it('does not go on where its note cannot be read', async () => {
    const scene = open();
    await scene.apply(makeWanted());
    const note = scene.names().find((name) => name.endsWith('.note')) ?? '';
    scene.write(note, 'not ours any more');
    const report = await scene.apply(makeWanted({ hosts: [makeHost({ isOut: true })] }));
    expect(report.outcome).toBe('Failed');
    expect(report.error).toContain('cannot be read');
  });
});
