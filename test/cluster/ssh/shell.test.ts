// The ssh shell against real sshd instances: who gets in, who becomes root, and how each failure is told from the others.
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Credential } from '../../../src/domain/credential.ts';
import type { ShellOutcome } from '../../../src/nodes/shell.ts';
import { createSshShell } from '../../../src/ssh/ssh-shell.ts';
import type { SshOptions } from '../../../src/ssh/ssh-shell.ts';
import { startPark, SUDO_PASSWORD } from '../../ssh/park.ts';
import type { Park } from '../../ssh/park.ts';

let park: Park;

beforeAll(async () => {
  park = await startPark(['n1', 'n2']);
});

afterAll(async () => {
  await park.stop();
});

const LIMITS = { timeoutMs: 30_000, maxBytes: 100_000 };
const WHO = 'id -un; echo "to stderr" >&2; exit 7';

interface Way extends SshOptions {
  readonly user?: string;
  readonly host?: string;
  readonly script?: string;
  readonly limits?: typeof LIMITS;
}

function run({ user, host = 'n1', script = WHO, limits = LIMITS, ...options }: Way): Promise<ShellOutcome> {
  const target = { host, user, port: undefined };
  return createSshShell(target, { configFile: park.configFile, ...options }).run(script, limits);
}

async function failureOf(way: Way): Promise<string> {
  const outcome = await run(way);
  return outcome.ran ? `it ran: ${outcome.stdout}` : outcome.failure;
}

const password = (text: string): Credential => new Credential({ username: 'sudo', password: text });

describe('who runs the script', () => {
  it.each<readonly [string, Way]>([
    ['root, who logs in', {}],
    ['root, who logs in with a key that is named', { identity: 'key' }],
    ['root by sudo without a password', { user: 'opc', sudo: true }],
    ['root by sudo with its password', { user: 'deploy', sudo: true, sudoPassword: password(SUDO_PASSWORD) }],
    [
      'root by sudo that asks for none, though one is given',
      { user: 'opc', sudo: true, sudoPassword: password('secret') },
    ],
    ['root, whatever start-up files print', { user: 'noisy', sudo: true }],
  ])('is %s', async (_, way) => {
    const outcome = await run(way.identity === undefined ? way : { ...way, identity: park.identity });
    expect(outcome).toMatchObject({ ran: true, stdout: 'root\n', exit: 7 });
    expect(outcome.stderr).toContain('to stderr');
  });

  it('never hands the password to the script, or to anything else that prints', async () => {
    const sudoPassword = password('hunter2');
    const outcome = await run({ user: 'opc', sudo: true, sudoPassword, script: 'cat; env; ps axww' });
    expect(JSON.stringify(outcome)).toContain('sh -s');
    expect(JSON.stringify(outcome)).not.toContain('hunter2');
  });
});

describe('a failure', () => {
  it.each<readonly [string, Way, RegExp]>([
    ['no sudo for this user', { user: 'opc' }, /opc@n1: the login is not root\. Add --sudo/],
    [
      'sudo that wants a password',
      { user: 'deploy', sudo: true },
      /deploy@n1: sudo wants a password.*--ask-sudo-password/,
    ],
    [
      'a wrong password',
      { user: 'deploy', sudo: true, sudoPassword: password('no') },
      /refuses the password\. It was tried once/,
    ],
    ['a login that runs nothing', { user: 'locked' }, /locked@n1: its login runs no commands/],
    [
      'a user that does not exist',
      { user: 'nobody-here' },
      /nobody-here@n1: it refuses the login.*Permission denied/,
    ],
    ['a name that does not exist', { host: 'nowhere' }, /nowhere: the name is not known.*Could not resolve/],
    ['nobody at the port', { host: 'closed' }, /closed: no ssh server answers there.*refused/],
    [
      'a host whose key is not known',
      { host: 'stranger' },
      /its host key is not in known_hosts.*ssh -F .* stranger true/,
    ],
    ['no ssh here', { program: '/nowhere/ssh' }, /there is no ssh program here/],
  ])('is told: %s', async (_, way, words) => {
    expect(await failureOf(way)).toMatch(words);
  });

  it('is told: nobody answers, within the time for a connection', async () => {
    const [, n2] = park.nodes;
    await n2!.drop(true);
    const start = performance.now();
    expect(await failureOf({ host: 'n2', connectTimeoutMs: 1_000 })).toMatch(
      /n2: no ssh server answers.*timed out/,
    );
    // Less than the 10 s that are given when nothing is said.
    expect(performance.now() - start).toBeLessThan(8_000);
    await n2!.drop(false);
    expect(await run({ host: 'n2' })).toMatchObject({ ran: true });
  });

  it('is told: the connection falls silent in the middle, and the node is given up', async () => {
    const [, n2] = park.nodes;
    const going = run({ host: 'n2', script: 'sleep 600', limits: { timeoutMs: 1_500, maxBytes: 100 } });
    expect(await going).toMatchObject({ ran: false, failure: expect.stringMatching(/did not end in time/) });
    await n2!.sh('pkill -KILL -x sleep || :');
  });

  it('is told: the connection is cut in the middle', async () => {
    const [, n2] = park.nodes;
    const script = 'touch /run/begun; sleep 600';
    const going = run({ host: 'n2', script });
    // The first sshd is the listener; the others are connections.
    await n2!.sh(
      'until [ -e /run/begun ]; do sleep 0.02; done; rm /run/begun; pgrep -x sshd | tail -n +2 | xargs kill -KILL; pkill -x sleep',
    );
    expect(await going).toMatchObject({
      ran: false,
      failure: expect.stringMatching(/connection ended while the script ran/),
    });
  });

  it('is told: more output than is read', async () => {
    const way = { script: 'head -c 200000 /dev/zero', limits: { timeoutMs: 5_000, maxBytes: 1_000 } };
    expect(await failureOf(way)).toMatch(/sent more than is read/);
  });

  it('is told apart: a host that shows another key than before', async () => {
    const [, n2] = park.nodes;
    await n2!.changeHostKey();
    expect(await failureOf({ host: 'n2' })).toMatch(/n2: it shows ANOTHER host key.*ssh-keygen -R 'n2'/);
  });
});

describe('the output', () => {
  it('comes back byte for byte, up to the limit', async () => {
    const script = String.raw`printf 'no line feed \342\202\254'; exit 0`;
    expect(await run({ script })).toMatchObject({ ran: true, stdout: 'no line feed €', exit: 0 });
    const big = await run({ script: 'head -c 90000 /dev/zero | tr "\\0" x' });
    expect(big).toMatchObject({ ran: true, exit: 0 });
    expect(big.ran && big.stdout.length).toBe(90_000);
  });

  it('is nothing of a script of which only a part has arrived', async () => {
    // A function that is called on the last line: without that line nothing of it runs.
    const script = `work() {\n  touch /run/worked\n  # ${'x'.repeat(200_000)}\n}\nwork`;
    const folder = path.join(park.folder, 'cut');
    writeFileSync(folder, `#!/bin/sh\nhead -c 150000 | exec ssh "$@"\n`, { mode: 0o755 });
    const outcome = await run({ script, program: folder });
    expect(outcome).toMatchObject({ ran: true, exit: 2 });
    expect(await park.nodes[0]!.sh('ls /run')).not.toContain('worked');
    expect(await run({ script })).toMatchObject({ ran: true, exit: 0 });
    expect(await park.nodes[0]!.sh('ls /run')).toContain('worked');
  });
});

describe('a node without what is needed', () => {
  it('is told: no sudo', async () => {
    await park.nodes[0]!.sh('mv /usr/bin/sudo /usr/bin/sudo.off');
    expect(await failureOf({ user: 'opc', sudo: true })).toMatch(/opc@n1: it has no sudo/);
    await park.nodes[0]!.sh('mv /usr/bin/sudo.off /usr/bin/sudo');
  });

  it('is told: no sh, where the login shell is another', async () => {
    await park.nodes[0]!.sh(
      'cp /bin/bash /usr/local/bin/login-bash; usermod -s /usr/local/bin/login-bash noisy; mv /usr/bin/sh /usr/bin/sh.off',
    );
    const failure = await failureOf({ user: 'noisy' });
    // nsenter starts its script with sh.
    renameSync(`${park.nodes[0]!.root}/usr/bin/sh.off`, `${park.nodes[0]!.root}/usr/bin/sh`);
    expect(failure).toMatch(/noisy@n1: its login runs no commands.*It said: .*sh.*not found/);
  });
});
