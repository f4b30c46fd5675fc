// A real CRI-O that is told of new files while it starts: it must live, and read them. ADR 0014 stands on what is seen here.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LocalShell } from '../../../src/agent/local-shell.ts';
import { applyNode, gather } from '../../../src/nodes/writing/apply.ts';
import { ensureBinaries } from '../../lab/binaries.ts';
import { prepareCrio } from '../../lab/node-crio.ts';
import { labNodes } from '../../lab/nodes.ts';
import { makeHost, makeWanted } from '../../nodes/node-scene.ts';

const TURNS = 20;
const programs = ['runc', 'conmon', 'unshare'].every((name) => spawnSync('which', [name]).status === 0);
const isHere = process.getuid?.() === 0 && programs && existsSync('/etc/containers');

describe.skipIf(!isHere)(`a CRI-O that starts${isHere ? '' : ' (skipped, for want of root or runc)'}`, () => {
  let folder: string;
  let command: readonly string[];
  let environment: Readonly<Record<string, string>>;
  let said = '';
  let crio: ChildProcess | undefined;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'rf-young-'));
    const [node] = labNodes(folder);
    for (const made of ['etc/containers', 'proc', 'trust'])
      mkdirSync(path.join(node.folder, made), { recursive: true });
    const binaries = await ensureBinaries('crio', (line) => console.log(line));
    const spec = prepareCrio({ node, lab: folder, binaries, trustFolder: path.join(node.folder, 'trust') });
    const flags = spec.command.slice(spec.command.indexOf(path.join(binaries, 'crio')));
    // Its storage, and its view of /etc/containers, are mounts that go with it.
    const view = `mount --bind ${node.etc}/containers /etc/containers && exec "$@"`;
    command = ['unshare', '--mount', '--propagation', 'private', '--', 'sh', '-c', view, 'view', ...flags];
    environment = { PATH: process.env['PATH'] ?? '', ...spec.environment };
    folder = node.folder;
  });
  afterEach(async () => {
    if (crio?.exitCode === null && crio.signalCode === null) {
      const ended = once(crio, 'exit');
      crio.kill('SIGKILL');
      await ended;
    }
  });
  afterAll(() => {
    rmSync(path.dirname(folder), { recursive: true, force: true });
  });

  const processFolder = (): string => path.join(folder, 'proc');

  /** Started, and no more than that: the program is CRI-O by now, the only one that the script can see. */
  async function start(): Promise<number> {
    const [program = '', ...args] = command;
    said = '';
    crio = spawn(program, args, { env: environment, stdio: ['ignore', 'ignore', 'pipe'] });
    crio.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    const { pid = 0 } = crio;
    await expect.poll(() => readFileSync(`/proc/${pid}/comm`, 'utf8'), { interval: 1 }).toBe('crio\n');
    rmSync(processFolder(), { recursive: true });
    mkdirSync(processFolder());
    symlinkSync(`/proc/${pid}`, path.join(processFolder(), String(pid)));
    return pid;
  }

  async function apply(isOut: boolean): ReturnType<typeof applyNode> {
    const layout = {
      containersFolder: path.join(folder, 'etc/containers'),
      containerdFolder: path.join(folder, 'etc/containerd'),
      authFile: undefined,
    };
    const shell = new LocalShell();
    const found = await gather(shell, layout, processFolder());
    if (!found.ok) throw new Error(found.error);
    await start();
    return applyNode(shell, {
      wanted: makeWanted({ hosts: [makeHost({ isOut })] }),
      layout,
      credentials: new Map(),
      dryRun: false,
      found: found.value,
      processFolder: processFolder(),
    });
  }

  it.each(Array.from({ length: TURNS }, (_turn, index) => index))(
    'lives and reads the files, turn %i',
    async (turn) => {
      const report = await apply(turn % 2 === 1);
      expect(report.error).toBeUndefined();
      expect(report).toMatchObject({ outcome: 'Applied', reload: 'Signalled' });
      await expect.poll(() => said, { timeout: 10_000 }).toContain('Configuration reload completed');
      expect([crio?.exitCode, crio?.signalCode]).toEqual([null, null]);
      expect(said).toContain('Applied new registry configuration');
    },
  );

  it('would end of a SIGHUP that came at once', async () => {
    const pid = await start();
    const ended = once(crio ?? process, 'exit');
    // It has handlers for nearly all signals as soon as it runs at all, which is why those say nothing.
    await expect
      .poll(() => readFileSync(`/proc/${pid}/status`, 'utf8'), { interval: 1 })
      .toMatch(/^SigCgt:\s[0-9a-f]*[13579bdf]$/m);
    process.kill(pid, 'SIGHUP');
    expect(await ended).toEqual([null, 'SIGHUP']);
  });
});
