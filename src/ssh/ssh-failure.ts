// Ssh failure: why a script could not be run on a node, told apart by what ssh, sudo and the login shell say.
import { PASSWORD_PROMPT } from './ssh-arguments.ts';
import type { SshSudo } from './ssh-arguments.ts';
import { printSshTarget } from './ssh-target.ts';
import type { SshTarget } from './ssh-target.ts';
import { quoteForShell } from '../nodes/shell-quote.ts';

/** Closed list. `lost`: the connection ended while the script ran; what it did is not known. */
export const SSH_FAILURES = [
  'ssh-missing',
  'ssh-config',
  'name-not-found',
  'unreachable',
  'silent',
  'host-key-unknown',
  'host-key-changed',
  'auth-refused',
  'sudo-missing',
  'sudo-refused',
  'sudo-needs-password',
  'sudo-password-wrong',
  'not-root',
  'no-shell',
  'cut',
  'lost',
  'too-slow',
  'too-much-output',
] as const;
export type SshFailure = (typeof SSH_FAILURES)[number];

/** What is wrong, then what to do about it. TRY and FORGET are replaced by commands that can be typed. */
const WORDS: Readonly<Record<SshFailure, string>> = {
  'ssh-missing': 'there is no ssh program here. Install OpenSSH, for example apt-get install openssh-client',
  'ssh-config': 'ssh refuses its own configuration. Correct it; TRY must work',
  'name-not-found': 'the name is not known. Check its spelling, the DNS, and Host entries of your ssh config',
  unreachable: 'no ssh server answers there. Check the address, the port and firewalls with TRY',
  silent: 'it did not get as far as a shell in time. Look at it with TRY -v',
  'host-key-unknown':
    'its host key is not in known_hosts, and nothing is trusted unseen. Log in once by hand, and answer yes when the key that it shows is the one on the console of the node: TRY',
  'host-key-changed':
    'it shows ANOTHER host key than known_hosts has: the node was installed anew, or somebody is in between. Find out which; only then FORGET and add the new key',
  'auth-refused':
    'it refuses the login. Check --user, --identity and the keys of the agent (ssh-add -l); passwords are not asked for',
  'sudo-missing': 'it has no sudo. Log in as root (--user root) without --sudo',
  'sudo-refused': 'sudo does not let this user run a shell as root. Change sudoers, or log in as root',
  'sudo-needs-password':
    'sudo wants a password there. Give --ask-sudo-password or --sudo-password-file, or allow the user sudo without one',
  'sudo-password-wrong': 'sudo refuses the password. It was tried once',
  'not-root': 'the login is not root. Add --sudo, or log in as root (--user root)',
  'no-shell': 'its login runs no commands. Check the login shell of the user with TRY',
  cut: 'the connection ended before a shell was there; nothing was begun. Run the command again',
  lost: 'the connection ended while the script ran; the node has its old files or the new, each complete. Run the command again',
  'too-slow':
    'the script did not end in time; the node has its old files or the new, each complete. Run the command again',
  'too-much-output': 'it sent more than is read from a node. Look at it with TRY',
};

/** How a run of ssh ended that was none, as far as it is needed to say why. */
export interface SshEnding {
  /** undefined: ended by a signal. */
  readonly exit: number | undefined;
  readonly stderr: string;
  readonly sudo: SshSudo;
}

// OpenSSH 7.4 to 10: ssh.c, sshconnect.c, sshconnect2.c, readconf.c; its messages are in English only.
const SAID: readonly (readonly [SshFailure, RegExp])[] = [
  ['host-key-changed', /REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed/i],
  ['host-key-unknown', /No \S+ host key is known for|Host key verification failed/],
  ['name-not-found', /Could not resolve hostname/],
  ['ssh-config', /Bad configuration option|Bad owner or permissions on|terminating, \d+ bad configuration/],
  ['auth-refused', /Permission denied|Too many authentication failures|No supported authentication methods/],
  [
    'unreachable',
    /Connection (?:refused|timed out|reset|closed by)|No route to host|Network is unreachable|banner exchange|kex_exchange_identification|Operation timed out|Connection to \S+ port \d+ timed out/,
  ],
];

// sudo 1.8 to 1.9 under LC_ALL=C; the last is what shells say of a command that is not there.
const SUDO_SAID: readonly (readonly [SshFailure, RegExp])[] = [
  ['sudo-password-wrong', /Sorry, try again|incorrect password|no password was provided/],
  ['sudo-needs-password', /password is required|terminal is required|must have a tty/],
  ['sudo-refused', /not in the sudoers file|not allowed to (?:execute|run)|may not run sudo/],
  ['sudo-missing', /sudo.*(?:not found|No such file|Unknown command)/],
];

function find(list: readonly (readonly [SshFailure, RegExp])[], text: string): SshFailure | undefined {
  return list.find(([, pattern]) => pattern.test(text))?.[0];
}

const SSH_OWN_FAILURE = 255;

/** Why the node never said that it is ready. */
export function classifySshEnding({ exit, stderr, sudo }: SshEnding): SshFailure {
  if (exit === undefined) return 'cut';
  if (exit === SSH_OWN_FAILURE) return find(SAID, stderr) ?? 'unreachable';
  const bySudo = sudo === 'None' ? undefined : find(SUDO_SAID, stderr);
  return bySudo ?? 'no-shell';
}

const MAX_SAID = 200;

/** The last line that ssh or the node said, when it said one: the words of others, made harmless. */
function lastWords(stderr: string): string {
  const lines = stderr.replaceAll(PASSWORD_PROMPT, '').split('\n');
  const last = lines.map((line) => line.trim()).findLast((line) => line !== '') ?? '';
  return last.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?').slice(0, MAX_SAID);
}

/** What stands in for the words in capitals. */
function commandsFor(target: SshTarget, configFile: string | undefined): ReadonlyMap<string, string> {
  const { host, user, port } = target;
  const config = configFile === undefined ? '' : ` -F ${quoteForShell(configFile)}`;
  const at = port === undefined ? '' : ` -p ${port}`;
  const known = port === undefined ? host : `[${host}]:${port}`;
  return new Map([
    ['TRY', `ssh${config}${at} ${user === undefined ? '' : `${user}@`}${host} true`],
    ['FORGET', `ssh-keygen -R '${known}'`],
  ]);
}

/** For people: which node, what is wrong, what to do, and what was said. `configFile`: another ssh config than the user's. */
export function describeSshFailure(
  failure: SshFailure,
  target: SshTarget,
  { stderr, configFile }: { readonly stderr: string; readonly configFile?: string | undefined },
): string {
  const said = lastWords(stderr);
  const commands = commandsFor(target, configFile);
  const words = WORDS[failure].replaceAll(/\b(?:TRY|FORGET)\b/g, (word) => commands.get(word) ?? word);
  return `${printSshTarget(target)}: ${words}.${said === '' ? '' : ` It said: ${said}`}`;
}
