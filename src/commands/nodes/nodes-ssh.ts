// Nodes ssh: the flags that say how nodes are reached over ssh, shared by every command that does, and the shells they give.
import { access, constants } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Credential } from '../../domain/credential.ts';
import type { Problem } from '../../domain/problem.ts';
import { err, ok } from '../../domain/result.ts';
import type { Result } from '../../domain/result.ts';
import type { Shell } from '../../nodes/shell.ts';
import { createSshShell } from '../../ssh/ssh-shell.ts';
import { isSshUser } from '../../ssh/ssh-target.ts';
import type { SshTarget } from '../../ssh/ssh-target.ts';
import { askPassword, readPasswordFile } from './nodes-password.ts';

export interface SshFlags {
  readonly user?: string | undefined;
  readonly identity?: string | undefined;
  readonly sshConfig?: string | undefined;
  readonly sudo?: boolean | undefined;
  readonly askSudoPassword?: boolean | undefined;
  readonly sudoPasswordFile?: string | undefined;
}

/** How nodes are reached. */
export interface SshAccess {
  shellFor(target: SshTarget): Shell;
}

/** Adds the flags to a command. */
export function withSshFlags(command: Command): Command {
  return command
    .option('-u, --user <name>', 'log in as (else what the host or your ssh config says)')
    .option('-i, --identity <file>', 'private key (else what your ssh config and agent offer)')
    .option('--ssh-config <file>', 'another ssh config than your own')
    .option('--sudo', 'become root with sudo, without a password')
    .option('--ask-sudo-password', 'become root with sudo; its password is asked for once')
    .option('--sudo-password-file <file>', 'become root with sudo; its password is the first line of this');
}

async function isReadable(path: string): Promise<boolean> {
  try {
    await access(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

async function findProblems(flags: SshFlags): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const add = (path: string, message: string, fix: string): void => {
    problems.push({ path, code: 'InvalidFlag', message, fix });
  };
  if (flags.user !== undefined && !isSshUser(flags.user))
    add('--user', 'it is no name of a user', 'Write for example --user opc');
  const files = [
    ['--identity', flags.identity],
    ['--ssh-config', flags.sshConfig],
  ] as const;
  for (const [flag, file] of files) {
    if (file !== undefined && !(await isReadable(file)))
      add(flag, 'there is no such file that you may read', 'Name the file by its path');
  }
  if (flags.askSudoPassword === true && flags.sudoPasswordFile !== undefined)
    add('--ask-sudo-password', 'the password is in --sudo-password-file too', 'Leave one of them out');
  return problems;
}

type Password = Result<Credential | undefined, Problem>;

async function readPassword(flags: SshFlags): Promise<Password> {
  if (flags.sudoPasswordFile !== undefined)
    return readPasswordFile(flags.sudoPasswordFile, '--sudo-password-file');
  return flags.askSudoPassword === true ? askPassword('--ask-sudo-password') : ok(undefined);
}

/**
 * Checks the flags, and asks for the password where it is to be asked for: last of all checks, so that nobody types it for
 * nothing. `others` are the problems found elsewhere.
 */
export async function openSshAccess(
  flags: SshFlags,
  others: readonly Problem[] = [],
): Promise<Result<SshAccess, readonly Problem[]>> {
  const problems = [...others, ...(await findProblems(flags))];
  if (problems.length > 0) return err(problems);
  const password = await readPassword(flags);
  if (!password.ok) return err([password.error]);
  const sudoPassword = password.value;
  const options = {
    identity: flags.identity,
    configFile: flags.sshConfig,
    sudo: flags.sudo === true || sudoPassword !== undefined,
    sudoPassword,
  };
  return ok({
    shellFor: (target) => createSshShell({ ...target, user: target.user ?? flags.user }, options),
  });
}
