// Failures told apart by the words of OpenSSH, sudo and shells, as they were seen.
import { describe, expect, it } from 'vitest';
import { classifySshEnding, describeSshFailure, SSH_FAILURES } from '../../src/ssh/ssh-failure.ts';
import type { SshFailure } from '../../src/ssh/ssh-failure.ts';

const NODE = { host: 'worker-1', user: 'opc', port: 2222 };

describe('classifySshEnding', () => {
  it.each<readonly [SshFailure, string]>([
    [
      'host-key-unknown',
      'No ED25519 host key is known for n1 and you have requested strict checking.\r\nHost key verification failed.',
    ],
    [
      'host-key-changed',
      '@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.',
    ],
    ['auth-refused', 'opc@n1: Permission denied (publickey,gssapi-keyex).'],
    ['auth-refused', 'Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures'],
    ['name-not-found', 'ssh: Could not resolve hostname n1: Name or service not known'],
    ['unreachable', 'ssh: connect to host 10.0.0.1 port 22: Connection timed out'],
    ['unreachable', 'ssh: connect to host 10.0.0.1 port 22: Connection refused'],
    ['unreachable', 'ssh: connect to host 10.0.0.1 port 22: No route to host'],
    ['unreachable', 'kex_exchange_identification: read: Connection reset by peer'],
    ['unreachable', 'Connection timed out during banner exchange'],
    [
      'ssh-config',
      '/root/.ssh/config: line 3: Bad configuration option: hots\n/root/.ssh/config: terminating, 1 bad configuration options',
    ],
    ['ssh-config', 'Bad owner or permissions on /root/.ssh/config'],
  ])('%s: %s', (failure, stderr) => {
    expect(classifySshEnding({ exit: 255, stderr, sudo: 'None' })).toBe(failure);
  });

  it.each<readonly [SshFailure, number, string]>([
    ['sudo-needs-password', 1, 'sudo: a password is required'],
    ['sudo-needs-password', 1, 'sudo: a terminal is required to read the password; either use the -S option'],
    ['sudo-needs-password', 1, 'sudo: sorry, you must have a tty to run sudo'],
    ['sudo-password-wrong', 1, 'Sorry, try again.\nsudo: 1 incorrect password attempt'],
    ['sudo-refused', 1, 'opc is not in the sudoers file.'],
    ['sudo-refused', 1, 'Sorry, user opc is not allowed to execute "/usr/bin/sh" as root on n1.'],
    ['sudo-missing', 127, "env: 'sudo': No such file or directory"],
    ['no-shell', 127, 'sh: not found'],
    ['no-shell', 1, 'This account is currently not available.'],
  ])('with sudo, %s: %s %s', (failure, exit, stderr) => {
    expect(classifySshEnding({ exit, stderr, sudo: 'WithoutPassword' })).toBe(failure);
  });

  it('cut: ssh was ended by somebody', () => {
    expect(classifySshEnding({ exit: undefined, stderr: '', sudo: 'None' })).toBe('cut');
  });

  it('does not take the words of a script’s sudo for ours', () => {
    expect(classifySshEnding({ exit: 1, stderr: 'sudo: a password is required', sudo: 'None' })).toBe(
      'no-shell',
    );
  });
});

describe('describeSshFailure', () => {
  it.each(SSH_FAILURES)('%s: says what to do, with commands for this very node', (failure) => {
    const words = describeSshFailure(failure, NODE, { stderr: 'first\nlast \u001B[31mwords\n\n' });
    expect(words).toMatch(/^opc@worker-1:2222: [a-z]/);
    expect(words).toContain('It said: last ?[31mwords');
    expect(words).not.toMatch(/\bTRY\b|\bFORGET\b/);
  });

  it('names the commands with user and port', () => {
    const told = (failure: SshFailure): string => describeSshFailure(failure, NODE, { stderr: '' });
    expect(told('unreachable')).toContain('ssh -p 2222 opc@worker-1 true');
    expect(told('host-key-unknown')).toContain('ssh -p 2222 opc@worker-1 true');
    expect(told('host-key-changed')).toContain("ssh-keygen -R '[worker-1]:2222'");
  });

  it('names the ssh config that was given, where aliases and known_hosts are', () => {
    const words = describeSshFailure('host-key-unknown', NODE, { stderr: '', configFile: '/my config' });
    expect(words).toContain("ssh -F '/my config' -p 2222 opc@worker-1 true");
  });
});
