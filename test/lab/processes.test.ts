// Real programs: started, found by another handle, stopped, killed, started again, and ended with the process that tied them to itself.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal } from './journal.ts';
import { findMarked, isRunning, startTicksOf } from './proc.ts';
import { endProcess } from './end-process.ts';
import { Processes } from './processes.ts';
import { waitFor } from './wait.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'processes-'));
});
afterEach(async () => {
  for (const id of findMarked(folder)) await endProcess(id, 0);
  rmSync(folder, { recursive: true });
});

const sleeper = { name: 'sleeper', command: ['sleep', '300'] };
/** Says that it waits, and takes SIGTERM for nothing. */
const stubborn = {
  name: 'stubborn',
  command: ['sh', '-c', 'trap "" TERM; echo here; while :; do sleep 0.1; done'],
};

describe.runIf(process.platform === 'linux')('Processes', () => {
  it('writes the very process into the journal', async () => {
    const journal = Journal.open(folder);
    const processes = new Processes({ folder, journal });
    processes.start(sleeper);
    const pid = processes.pidOf('sleeper');
    expect(journal.entries()).toEqual([
      { kind: 'process', name: 'sleeper', pid, startTicks: startTicksOf(pid) },
    ]);
    await processes.kill('sleeper');
  });

  it('runs nothing when it dies before the journal has the process', async () => {
    const journal = {
      folder,
      record: () => {
        throw new Error('no space left');
      },
    } as unknown as Journal;
    const processes = new Processes({ folder, journal });
    expect(() => processes.start(stubborn)).toThrow('no space left');
    await waitFor('the gate to close', 5_000, () => Promise.resolve(findMarked(folder).length === 0));
    expect(processes.said('stubborn')).toBe('');
  });

  it('lets another handle stop a program and start it again', async () => {
    new Processes({ folder, journal: Journal.open(folder) }).start(sleeper);
    const other = new Processes({ folder, journal: Journal.open(folder) });
    const first = other.pidOf('sleeper');
    expect(other.isRunning('sleeper')).toBe(true);
    await other.stop('sleeper');
    expect(other.isRunning('sleeper')).toBe(false);
    other.startAgain('sleeper');
    expect(other.isRunning('sleeper')).toBe(true);
    expect(other.pidOf('sleeper')).not.toBe(first);
  });

  it('refuses a second program of a name that runs', () => {
    const processes = new Processes({ folder, journal: Journal.open(folder) });
    processes.start(sleeper);
    expect(() => processes.start(sleeper)).toThrow('sleeper runs already');
  });

  it('ends by SIGKILL what does not end by SIGTERM', async () => {
    const processes = new Processes({ folder });
    processes.start(stubborn);
    await processes.waitUntil('stubborn', 5_000, () =>
      Promise.resolve(processes.said('stubborn') === 'here\n'),
    );
    await processes.stop('stubborn', 200);
    expect(processes.isRunning('stubborn')).toBe(false);
  });

  it('says what a program wrote when it ends before it is ready', async () => {
    const processes = new Processes({ folder });
    processes.start({ name: 'failing', command: ['sh', '-c', 'echo no such file; exit 1'] });
    await expect(processes.waitUntil('failing', 5_000, () => Promise.resolve(false))).rejects.toThrow(
      'failing ended: no such file',
    );
  });

  it('hands on none of this process’s environment but its own', async () => {
    const processes = new Processes({ folder, path: ['/opt/tools'] });
    processes.start({ name: 'env', command: ['env'], environment: { COLOUR: 'red' } });
    await waitFor('env to end', 5_000, () => Promise.resolve(!processes.isRunning('env')));
    const names = processes
      .said('env')
      .trim()
      .split('\n')
      .map((line) => line.replace(/=.*/u, ''));
    expect(names.filter((name) => name !== '_' && name !== 'PWD').sort()).toEqual([
      'COLOUR',
      'HOME',
      'PATH',
      'REGISTRY_FAILOVER_LAB',
    ]);
  });

  it('ends programs without a journal when this process is killed', async () => {
    const script = `
      const { Processes } = await import(${JSON.stringify(path.join(import.meta.dirname, 'processes.ts'))});
      const processes = new Processes({ folder: ${JSON.stringify(folder)} });
      processes.start({ name: 'sleeper', command: ['sleep', '300'] });
      await processes.waitUntil('sleeper', 5000, async () => (await import('node:fs')).readFileSync('/proc/' + processes.pidOf('sleeper') + '/cmdline', 'latin1').startsWith('sleep'));
      console.log(processes.pidOf('sleeper'));
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    const id = { pid, startTicks: startTicksOf(pid) ?? 0 };
    expect(isRunning(id)).toBe(true);
    parent.kill('SIGKILL');
    await waitFor('the program to end', 5_000, () => Promise.resolve(!isRunning(id)));
  });
});
