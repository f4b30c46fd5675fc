import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalShell } from '../../src/agent/local-shell.ts';
import { eventually } from '../kubernetes/api-server.ts';

const LIMITS = { timeoutMs: 30_000, maxBytes: 1024 * 1024 };
const SHELLS = ['/bin/sh', '/bin/bash'];

function isAlive(pid: number): boolean {
  try {
    // A zombie is dead: it waits for whoever inherited it to look.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe.each(SHELLS)('LocalShell on %s', (program) => {
  const shell = new LocalShell({ program });

  it('gives exit status, stdout and stderr', async () => {
    const outcome = await shell.run('printf out; printf err >&2; exit 3\n', LIMITS);
    expect(outcome).toEqual({ ran: true, exit: 3, stdout: 'out', stderr: 'err' });
  });

  it('hands over PATH and nothing else that we have', async () => {
    process.env['AGENT_TEST_SECRET'] = 'hunter2';
    const outcome = await shell.run('env\n', LIMITS);
    delete process.env['AGENT_TEST_SECRET'];
    const names = (outcome.ran ? outcome.stdout : '').trimEnd().split('\n');
    // What shells set themselves.
    const own = new Set(['PWD', 'OLDPWD', 'SHLVL', '_']);
    expect(names.map((line) => line.split('=')[0] ?? '').filter((name) => !own.has(name))).toEqual(['PATH']);
  });

  it('keeps the script out of every argument', async () => {
    const outcome = await shell.run("tr '\\0' ' ' < /proc/$$/cmdline # hunter2\n", LIMITS);
    expect(outcome).toMatchObject({ ran: true, stdout: `${program} -s ` });
  });

  it('carries scripts and output far larger than a pipe, bytes as they are', async () => {
    const text = 'ä€𝄞 0123456789'.repeat(20_000);
    const outcome = await shell.run(`cat <<'END'\n${text}\nEND\n`, LIMITS);
    expect(outcome.ran && outcome.stdout === `${text}\n`).toBe(true);
  });

  it('says the exit status of a script that ends before it was read to its end', async () => {
    const outcome = await shell.run(`exit 7\n${'# never read\n'.repeat(100_000)}`, LIMITS);
    expect(outcome).toMatchObject({ ran: true, exit: 7 });
  });

  it('refuses more output than allowed, and ends the script', async () => {
    const outcome = await shell.run('while :; do echo 0123456789; done\n', { ...LIMITS, maxBytes: 100 });
    expect(outcome).toMatchObject({ ran: false, failure: 'the script printed more than 100 bytes' });
  });

  it('cuts stderr without ending the script', async () => {
    const outcome = await shell.run('head -c 1000000 /dev/zero | tr "\\0" x >&2; echo done\n', LIMITS);
    expect(outcome).toMatchObject({ ran: true, exit: 0, stdout: 'done\n' });
    expect(outcome.stderr).toHaveLength(64 * 1024);
  });

  it('says which signal ended the shell', async () => {
    const outcome = await shell.run('kill -9 $$\n', LIMITS);
    expect(outcome).toMatchObject({ ran: false, failure: 'the shell was ended by SIGKILL' });
  });
});

describe('LocalShell and time', () => {
  const shell = new LocalShell();
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'shell-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('ends the whole process group when the time is over', async () => {
    const file = join(folder, 'pid');
    const outcome = await shell.run(`sleep 60 & echo $! > ${file}; trap '' TERM HUP; wait\n`, {
      ...LIMITS,
      timeoutMs: 2000,
    });
    expect(outcome).toMatchObject({ ran: false, failure: 'the script did not end within 2000 ms' });
    const pid = Number(readFileSync(file, 'utf8'));
    await eventually(() => {
      expect(isAlive(pid)).toBe(false);
    });
  });

  it('does not wait for a process that was left in the background', async () => {
    const started = performance.now();
    const outcome = await shell.run('sleep 60 & echo $!\n', LIMITS);
    expect(outcome).toMatchObject({ ran: true, exit: 0 });
    expect(performance.now() - started).toBeLessThan(20_000);
    const pid = outcome.ran ? Number(outcome.stdout) : 0;
    await eventually(() => {
      expect(isAlive(pid)).toBe(false);
    });
  });

  it('says when there is no such shell', async () => {
    const outcome = await new LocalShell({ program: join(folder, 'sh') }).run('true\n', LIMITS);
    expect(outcome.ran ? '' : outcome.failure).toContain('cannot be run');
  });

  it('looks for programs where it is told', async () => {
    writeFileSync(join(folder, 'crio'), '#!/bin/sh\necho 1.34.0\n', { mode: 0o755 });
    const outcome = await new LocalShell({ path: `${folder}:/usr/bin:/bin` }).run('crio\n', LIMITS);
    expect(outcome).toMatchObject({ ran: true, stdout: '1.34.0\n' });
  });
});
