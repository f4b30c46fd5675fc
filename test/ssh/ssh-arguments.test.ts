// The command line of ssh: what is always there, and what never is.
import { describe, expect, it } from 'vitest';
import { remoteCommand, sshArguments } from '../../src/ssh/ssh-arguments.ts';
import type { SshConnection, SshSudo } from '../../src/ssh/ssh-arguments.ts';

const CONNECTION: SshConnection = {
  identity: undefined,
  configFile: undefined,
  connectTimeoutMs: 10_000,
  sudo: 'None',
};

function words(connection: Partial<SshConnection> = {}, target = {}): readonly string[] {
  return sshArguments(
    { host: 'worker-1', user: undefined, port: undefined, ...target },
    { ...CONNECTION, ...connection },
  );
}

describe('sshArguments', () => {
  it('has the host and a constant after --, and nothing after that', () => {
    expect(words().slice(-3)).toEqual(['--', 'worker-1', remoteCommand('None')]);
    expect(words().filter((word) => word === '--')).toHaveLength(1);
  });

  it.each([
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'ConnectTimeout=10',
    'ConnectionAttempts=1',
    'ServerAliveInterval=10',
    'ServerAliveCountMax=3',
    'ClearAllForwardings=yes',
    'ForwardAgent=no',
    'ForwardX11=no',
    'PermitLocalCommand=no',
    'RemoteCommand=none',
    'LogLevel=ERROR',
  ])('always says %s, before anything that a config could say', (option) => {
    const all = words();
    expect(all[all.indexOf(option) - 1]).toBe('-o');
  });

  it('names user, port, key and config only when they are given', () => {
    expect(words().filter((word) => /^-[lpiF]$/.test(word))).toEqual([]);
    const named = words({ identity: '/k', configFile: '/c' }, { user: 'opc', port: 2222 }).join(' ');
    for (const part of ['-l opc', '-p 2222', '-i /k -o IdentitiesOnly=yes', '-F /c'])
      expect(named).toContain(part);
  });

  it('leaves jump hosts and shared connections to the user', () => {
    expect(words().join(' ')).not.toMatch(/ControlMaster|ProxyJump|ProxyCommand|UserKnownHostsFile/);
  });

  it('rounds a short time for connecting up to a second', () => {
    expect(words({ connectTimeoutMs: 200 })).toContain('ConnectTimeout=1');
  });
});

describe('remoteCommand', () => {
  it.each<readonly [SshSudo, RegExp]>([
    ['None', /^sh -c '/],
    ['WithoutPassword', /^env LC_ALL=C sudo -n sh -c '/],
    ['WithPassword', /^env LC_ALL=C sudo -S -p registry-failover-password: sh -c '/],
  ])('%s: is one line that every login shell reads alike', (sudo, start) => {
    const command = remoteCommand(sudo);
    expect(command).toMatch(start);
    // One pair of single quotes: what is in them is the same to sh, csh and fish.
    expect(command.match(/'/g)).toHaveLength(2);
    expect(command).toMatch(/^[^\n!]+$/);
  });
});
