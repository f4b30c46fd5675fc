// Ssh shell: OpenSSH as the shell of a node: connect, become root, hand over the script on stdin, give back what came of it.
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Credential } from '../domain/credential.ts';
import type { Shell, ShellLimits, ShellOutcome } from '../nodes/shell.ts';
import { PASSWORD_PROMPT, sshArguments } from './ssh-arguments.ts';
import { classifySshEnding, describeSshFailure } from './ssh-failure.ts';
import type { SshFailure } from './ssh-failure.ts';
import { SshErrors, SshOutput } from './ssh-output.ts';
import type { SshTarget } from './ssh-target.ts';

export interface SshOptions {
  /** Private key file; undefined: what ssh config and agent offer. */
  readonly identity?: string | undefined;
  /** Become root with sudo; else the login is root's. */
  readonly sudo?: boolean | undefined;
  /** Sent only when sudo asks, and only once. */
  readonly sudoPassword?: Credential | undefined;
  /** For the TCP connection; 10 s. */
  readonly connectTimeoutMs?: number | undefined;
  /** Until the node's shell is there, log-in, jump hosts and sudo included; 45 s. */
  readonly startTimeoutMs?: number | undefined;
  /** Another ssh config than the user's. */
  readonly configFile?: string | undefined;
  /** The ssh program; from PATH. */
  readonly program?: string | undefined;
  /** Refuse to run as anybody but root. Default true; off in tests. */
  readonly mustBeRoot?: boolean | undefined;
}

const CONNECT_TIMEOUT_MS = 10_000;
const START_TIMEOUT_MS = 45_000;
/** Between asking ssh to end and ending it. */
const TERM_GRACE_MS = 2_000;
/** A process left behind may hold the pipes of an ssh that has ended. */
const CLOSE_GRACE_MS = 1_000;

/** One run of one script. */
class SshRun {
  readonly #target: SshTarget;
  readonly #options: SshOptions;
  readonly #limits: ShellLimits;
  readonly #script: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #output: SshOutput;
  readonly #errors = new SshErrors();
  readonly #resolve: (outcome: ShellOutcome) => void;
  #failure: SshFailure | undefined;
  #timer: NodeJS.Timeout;
  #hasPassword = false;
  #isOver = false;

  constructor(
    target: SshTarget,
    options: SshOptions,
    work: { readonly script: string; readonly limits: ShellLimits },
    resolve: (outcome: ShellOutcome) => void,
  ) {
    this.#target = target;
    this.#options = options;
    this.#limits = work.limits;
    this.#script = work.script;
    this.#resolve = resolve;
    this.#output = new SshOutput(work.limits.maxBytes);
    this.#child = this.#start();
    this.#timer = setTimeout(() => this.#stop('silent'), options.startTimeoutMs ?? START_TIMEOUT_MS);
  }

  #start(): ChildProcessWithoutNullStreams {
    const options = this.#options;
    const words = sshArguments(this.#target, {
      identity: options.identity,
      configFile: options.configFile,
      connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      sudo: this.#sudo(),
    });
    // A group of its own: it ends whole, and Ctrl-C in the terminal does not cut a script in the middle.
    const child = spawn(options.program ?? 'ssh', words, { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk: Buffer) => this.#hear(chunk));
    child.stderr.on('data', (chunk: Buffer) => this.#hearError(chunk));
    // A connection that is gone while we write is told by the exit.
    child.stdin.on('error', () => {});
    child.on('error', () => this.#end('ssh-missing'));
    child.on('close', (code) => this.#finish(code));
    child.on('exit', (code) => setTimeout(() => this.#finish(code), CLOSE_GRACE_MS).unref());
    return child;
  }

  #sudo(): 'None' | 'WithoutPassword' | 'WithPassword' {
    if (this.#options.sudo !== true) return 'None';
    return this.#options.sudoPassword === undefined ? 'WithoutPassword' : 'WithPassword';
  }

  #hear(chunk: Buffer): void {
    const before = this.#output.stage;
    this.#output.add(chunk);
    if (this.#output.stage === 'overflow') this.#stop('too-much-output');
    else if (before === 'opening' && this.#output.stage === 'ready') this.#begin();
  }

  /** The node's shell is there: now, and not before, the script goes out. */
  #begin(): void {
    clearTimeout(this.#timer);
    if ((this.#options.mustBeRoot ?? true) && this.#output.uid !== 0) return this.#stop('not-root');
    this.#timer = setTimeout(() => this.#stop('too-slow'), this.#limits.timeoutMs);
    this.#child.stdin.end(this.#script);
  }

  #hearError(chunk: Buffer): void {
    this.#errors.add(chunk);
    if (this.#output.stage !== 'opening' || this.#options.sudoPassword === undefined) return;
    const asked = this.#errors.text.split(PASSWORD_PROMPT).length - 1;
    if (asked > 1) return this.#stop('sudo-password-wrong');
    if (asked === 0 || this.#hasPassword) return;
    this.#hasPassword = true;
    this.#child.stdin.write(`${this.#options.sudoPassword.password()}\n`);
  }

  #stop(failure: SshFailure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    clearTimeout(this.#timer);
    // sudo that gets no second password says so and ends; ssh ends with what runs behind it.
    this.#child.stdin.end();
    this.#kill('SIGTERM');
    this.#timer = setTimeout(() => this.#kill('SIGKILL'), TERM_GRACE_MS);
  }

  #kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It has ended.
    }
  }

  #finish(code: number | null): void {
    if (this.#failure !== undefined) return this.#end(this.#failure);
    if (this.#output.uid === undefined) {
      const ending = { exit: code ?? undefined, stderr: this.#errors.text, sudo: this.#sudo() };
      return this.#end(classifySshEnding(ending));
    }
    const finished = this.#output.finish();
    if (finished === undefined) return this.#end('lost');
    const stderr = this.#errors.text.replaceAll(PASSWORD_PROMPT, '');
    this.#settle({ ran: true, ...finished, stderr });
  }

  #end(failure: SshFailure): void {
    const stderr = this.#errors.text;
    const words = describeSshFailure(failure, this.#target, {
      stderr,
      configFile: this.#options.configFile,
    });
    this.#settle({ ran: false, failure: words, stderr });
  }

  #settle(outcome: ShellOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#resolve(outcome);
  }
}

/** A node behind ssh. Every run is a connection of its own, unless the user's ssh config shares them (ControlMaster). */
export function createSshShell(target: SshTarget, options: SshOptions = {}): Shell {
  return {
    run: (script, limits) =>
      new Promise((resolve) => {
        // It settles by itself; nothing else is asked of it.
        void new SshRun(target, options, { script, limits }, resolve);
      }),
  };
}
