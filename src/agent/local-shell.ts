// Local shell: POSIX sh on this machine as a Shell; the script on stdin, a bounded run, nothing inherited but PATH.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Shell, ShellLimits, ShellOutcome } from '../nodes/shell.ts';

export interface LocalShellOptions {
  /** The shell; `/bin/sh` when absent. */
  readonly program?: string | undefined;
  /** Where programs are looked for; the usual places of root when absent. */
  readonly path?: string | undefined;
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** stderr is for people: what is cut of it was too long to read anyway. */
const STDERR_MAX_BYTES = 64 * 1024;
/** What a process in the background may still say once the shell has ended, or a killed one may take to go. */
const LEAVE_MS = 1000;

/** Bytes up to a bound; the rest is counted, not kept. */
class BoundedBytes {
  readonly #max: number;
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor(max: number) {
    this.#max = max;
  }

  push(chunk: Buffer): void {
    const room = Math.max(0, this.#max - this.#size);
    if (room > 0) this.#chunks.push(chunk.subarray(0, room));
    this.#size += chunk.length;
  }

  isOver(): boolean {
    return this.#size > this.#max;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

/** One script, from its start to the one outcome. */
class Run {
  readonly #limits: ShellLimits;
  readonly #finish: (outcome: ShellOutcome) => void;
  readonly #out: BoundedBytes;
  readonly #err = new BoundedBytes(STDERR_MAX_BYTES);
  #child: ChildProcessWithoutNullStreams | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failure: string | undefined;
  #isDone = false;

  constructor(limits: ShellLimits, finish: (outcome: ShellOutcome) => void) {
    this.#limits = limits;
    this.#finish = finish;
    this.#out = new BoundedBytes(limits.maxBytes);
  }

  start(program: string, path: string, script: string): void {
    // A process group of its own, so that what the script started can be ended with it.
    const child = spawn(program, ['-s'], { cwd: '/', env: { PATH: path }, detached: true, stdio: 'pipe' });
    this.#child = child;
    const { timeoutMs } = this.#limits;
    this.#timer = setTimeout(() => {
      this.#kill(`the script did not end within ${timeoutMs} ms`);
    }, timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      this.#out.push(chunk);
      if (this.#out.isOver()) this.#kill(`the script printed more than ${this.#limits.maxBytes} bytes`);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#err.push(chunk);
    });
    // A script that ends early leaves the rest of itself unread (EPIPE): its exit status tells all there is to tell.
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => {
      this.#failure ??= `${program} cannot be run: ${error.message}`;
      this.#end(undefined, undefined);
    });
    child.on('exit', (exit, signal) => {
      this.#leaveSoon(exit, signal);
    });
    child.on('close', (exit, signal) => {
      this.#end(exit, signal);
    });
    child.stdin.end(script);
  }

  /** The shell has ended; somebody in its group may still hold its output open. */
  #leaveSoon(exit: number | null, signal: string | null): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#killGroup();
      this.#end(exit, signal);
    }, LEAVE_MS);
  }

  #kill(failure: string): void {
    if (this.#failure !== undefined || this.#isDone) return;
    this.#failure = failure;
    this.#killGroup();
    // A process in an uninterruptible call (a dead disk) does not even die of this; nobody waits for it.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#end(undefined, undefined);
    }, LEAVE_MS);
  }

  #killGroup(): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // Nobody of the group is left.
    }
  }

  #end(exit: number | null | undefined, signal: string | null | undefined): void {
    if (this.#isDone) return;
    this.#isDone = true;
    clearTimeout(this.#timer);
    this.#child?.stdout.destroy();
    this.#child?.stderr.destroy();
    const stderr = this.#err.text();
    const failure = this.#failure ?? (exit === null ? `the shell was ended by ${signal}` : undefined);
    if (failure !== undefined || typeof exit !== 'number') {
      this.#finish({ ran: false, failure: failure ?? 'the shell ended without an exit status', stderr });
      return;
    }
    this.#finish({ ran: true, exit, stdout: this.#out.text(), stderr });
  }
}

/** `sh -s` on this machine, as whoever we are. Several may run at once; that is the caller's business. */
export class LocalShell implements Shell {
  readonly #program: string;
  readonly #path: string;

  constructor(options: LocalShellOptions = {}) {
    this.#program = options.program ?? '/bin/sh';
    this.#path = options.path ?? PATH;
  }

  run(script: string, limits: ShellLimits): Promise<ShellOutcome> {
    return new Promise((resolve) => {
      new Run(limits, resolve).start(this.#program, this.#path, script);
    });
  }
}
