// The ssh shell with a program in place of ssh: the talk around a script, its limits, and its ends. Real sshd: test/cluster/ssh.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Credential } from '../../src/domain/credential.ts';
import type { ShellOutcome } from '../../src/nodes/shell.ts';
import { createSshShell } from '../../src/ssh/ssh-shell.ts';
import type { SshOptions } from '../../src/ssh/ssh-shell.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'rf-ssh-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The last argument is what the node's login shell is given. */
const HERE = 'for command; do :; done; exec sh -c "$command"';

let programs = 0;

function program(body: string): string {
  programs += 1;
  const file = path.join(folder, `ssh-${programs}`);
  writeFileSync(file, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return file;
}

/** A process that has ended may wait for whoever collects it. */
function isAlive(pid: string): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !readFileSync(stat, 'utf8').includes(') Z ');
}

const LIMITS = { timeoutMs: 30_000, maxBytes: 1_000 };

function run(body: string, script: string, options: SshOptions = {}, limits = LIMITS): Promise<ShellOutcome> {
  const target = { host: 'n1', user: undefined, port: undefined };
  return createSshShell(target, { program: program(body), mustBeRoot: false, ...options }).run(
    script,
    limits,
  );
}

describe('createSshShell', () => {
  it('hands the script over and gives back output and exit code', async () => {
    const outcome = await run(HERE, 'echo out; echo err >&2; exit 3');
    expect(outcome).toEqual({ ran: true, exit: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  it('hands nothing over before the node is ready', async () => {
    const file = path.join(folder, 'early');
    const outcome = await run(`timeout 0.3 cat > ${file}; exit 255`, 'a secret');
    expect(outcome).toMatchObject({ ran: false });
    expect(readFileSync(file, 'utf8')).toBe('');
  });

  it('passes over what start-up files print, even when it looks like us', async () => {
    const noise = 'echo registry-failover-ready; printf "x registry-failover-ready 0\\n"';
    expect(await run(`${noise}; ${HERE}`, 'echo out')).toMatchObject({ ran: true, stdout: 'out\n' });
  });

  it('does not take the exit of ssh for the script’s, nor the script’s words for its end', async () => {
    const outcome = await run(HERE, 'echo; echo registry-failover-exit 0; exit 255');
    expect(outcome).toMatchObject({ ran: true, exit: 255, stdout: '\nregistry-failover-exit 0\n' });
  });

  it('says that the end is missing when the connection is cut', async () => {
    const cut = 'echo registry-failover-ready 0; cat >/dev/null; echo half; exit 255';
    expect(await run(cut, 'exit 0')).toMatchObject({
      ran: false,
      failure: expect.stringMatching(/ended while the script ran/) as string,
    });
  });

  it('ends what takes too long, with everything that belongs to it', async () => {
    const file = path.join(folder, 'pid');
    const limits = { timeoutMs: 2_000, maxBytes: 1_000 };
    const outcome = await run(HERE, `echo $$ > ${file}; sleep 30`, {}, limits);
    expect(outcome).toMatchObject({
      ran: false,
      failure: expect.stringMatching(/did not end in time/) as string,
    });
    const pid = readFileSync(file, 'utf8').trim();
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 15_000 });
  });

  it('ends what does not get as far as a shell', async () => {
    const outcome = await run('sleep 60', 'exit 0', { startTimeoutMs: 150 });
    expect(outcome).toMatchObject({
      ran: false,
      failure: expect.stringMatching(/did not get as far as a shell/) as string,
    });
  });

  it('ends what says too much, before or after it is ready', async () => {
    const words = expect.stringMatching(/more than is read/) as string;
    expect(await run(HERE, 'yes | head -c 100000')).toMatchObject({ ran: false, failure: words });
    expect(await run('yes | head -c 1000000; sleep 60', '')).toMatchObject({ ran: false, failure: words });
  });

  it('gives the limit to the last byte', async () => {
    expect(await run(HERE, 'printf %01000d 7')).toMatchObject({ ran: true, exit: 0 });
  });

  it('keeps the end of a long stderr', async () => {
    const outcome = await run(HERE, 'yes 1234567 | head -n 10000 >&2; echo last >&2');
    expect(outcome.ran && outcome.stderr.length).toBe(16_384);
    expect(outcome.stderr.endsWith('last\n')).toBe(true);
  });

  it('tells that there is no ssh', async () => {
    const target = { host: 'n1', user: undefined, port: undefined };
    const outcome = await createSshShell(target, { program: path.join(folder, 'none') }).run('', LIMITS);
    expect(outcome).toMatchObject({
      ran: false,
      failure: expect.stringMatching(/no ssh program here/) as string,
    });
  });

  it('refuses a login that is not root', async () => {
    const nobody = 'echo registry-failover-ready 1000; cat';
    const outcome = await run(nobody, 'touch x', { mustBeRoot: true });
    expect(outcome).toMatchObject({
      ran: false,
      failure: expect.stringMatching(/the login is not root/) as string,
    });
  });
});

describe('the password for sudo', () => {
  const sudoPassword = new Credential({ username: 'sudo', password: 'open sesame' });
  const asks = 'printf registry-failover-password: >&2; IFS= read -r word';

  it('goes out when it is asked for, and is not in the output', async () => {
    const outcome = await run(`${asks}; [ "$word" = "open sesame" ] || exit 1; ${HERE}`, 'cat; echo out', {
      sudo: true,
      sudoPassword,
    });
    expect(outcome).toEqual({ ran: true, exit: 0, stdout: 'out\n', stderr: '' });
  });

  it('does not go out when nobody asks, whatever is said', async () => {
    const noisy = `echo noise >&2; sleep 0.2; ${HERE}`;
    const outcome = await run(noisy, 'cat; echo out', { sudo: true, sudoPassword });
    expect(outcome).toEqual({ ran: true, exit: 0, stdout: 'out\n', stderr: 'noise\n' });
  });

  it('is none of the script’s business, which may say what sudo says', async () => {
    const says = 'printf registry-failover-password: >&2';
    const outcome = await run(HERE, `${says}; sleep 0.1; ${says}; sleep 0.1; exit 0`, {
      sudo: true,
      sudoPassword,
    });
    expect(outcome).toMatchObject({ ran: true, exit: 0 });
  });

  it('goes out once', async () => {
    const outcome = await run(`${asks}; ${asks}; echo again`, 'exit 0', { sudo: true, sudoPassword });
    expect(outcome).toMatchObject({ ran: false, failure: expect.stringMatching(/tried once/) as string });
  });
});
