// Ssh arguments: what OpenSSH is started with. The host comes last but for a constant command, after `--`.
import type { SshTarget } from './ssh-target.ts';

/** How to become root on the node: `None` logs in as root. */
export type SshSudo = 'None' | 'WithoutPassword' | 'WithPassword';

export interface SshConnection {
  /** Private key file; undefined: what ssh config and agent offer. */
  readonly identity: string | undefined;
  /** Another ssh config than the user's. */
  readonly configFile: string | undefined;
  readonly connectTimeoutMs: number;
  readonly sudo: SshSudo;
}

/** Printed by the node before it reads the script; the user's number follows. */
export const READY = 'registry-failover-ready';
/** Printed after the script; its exit code follows. Without it the connection was cut. */
export const DONE = 'registry-failover-exit';
/** What sudo asks with: it comes on stderr, and only then is the password sent. */
export const PASSWORD_PROMPT = 'registry-failover-password:';

// The user's login shell reads this, whichever it is: sh, csh and fish understand single quotes alike. Anything that the shell's
// start-up files print comes before READY. The script is read by a shell of its own, so that what is said after it cannot be
// skipped by its exit.
const RUN = `sh -c 'printf "%s %s\\n" ${READY} "$(id -u)"; sh -s; printf "\\n%s %s\\n" ${DONE} "$?"'`;

const COMMANDS: Readonly<Record<SshSudo, string>> = {
  None: RUN,
  // In English, so that a refusal can be told from another.
  WithoutPassword: `env LC_ALL=C sudo -n ${RUN}`,
  WithPassword: `env LC_ALL=C sudo -S -p ${PASSWORD_PROMPT} ${RUN}`,
};

/** What runs on the node. A constant: nothing of ours or of the operator's is ever put into it. */
export function remoteCommand(sudo: SshSudo): string {
  return COMMANDS[sudo];
}

// Options given here win over the user's config (ssh_config(5): the first value obtained is used). Everything else in it stays
// in force: jump hosts, host aliases, agents, certificates, ControlMaster.
const ALWAYS: readonly string[] = [
  'BatchMode=yes',
  // A host key that is not known, or is another, ends the connection. Never asked, never added.
  'StrictHostKeyChecking=yes',
  'ConnectionAttempts=1',
  // A node that falls silent is given up after 30 s.
  'ServerAliveInterval=10',
  'ServerAliveCountMax=3',
  // What a config has for a person at a keyboard would get into the way: forwarded ports clash between nodes.
  'ClearAllForwardings=yes',
  'ForwardAgent=no',
  'ForwardX11=no',
  'PermitLocalCommand=no',
  'RemoteCommand=none',
  // Failures are told by what ssh says; a config with LogLevel QUIET would say nothing.
  'LogLevel=ERROR',
];

/** The arguments of `ssh`. */
export function sshArguments(target: SshTarget, connection: SshConnection): readonly string[] {
  const { identity, configFile, connectTimeoutMs, sudo } = connection;
  const seconds = Math.max(1, Math.ceil(connectTimeoutMs / 1000));
  return [
    '-T',
    ...(configFile === undefined ? [] : ['-F', configFile]),
    ...[...ALWAYS, `ConnectTimeout=${seconds}`].flatMap((option) => ['-o', option]),
    ...(identity === undefined ? [] : ['-i', identity, '-o', 'IdentitiesOnly=yes']),
    ...(target.user === undefined ? [] : ['-l', target.user]),
    ...(target.port === undefined ? [] : ['-p', String(target.port)]),
    '--',
    target.host,
    remoteCommand(sudo),
  ];
}
