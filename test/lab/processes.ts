// The programs of a lab: started so that none can escape, stopped and started again by name, also from another process.
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { endProcess, GRACE_MS } from './end-process.ts';
import type { Journal } from './journal.ts';
import { isRunning, MARK, startTicksOf } from './proc.ts';
import type { ProcessId } from './proc.ts';
import { waitFor } from './wait.ts';

/** One program. It is written to a file of the lab's folder (mode 0600), so that it can be started again. */
export interface ProgramSpec {
  /** Unique in the lab; names its log `<folder>/logs/<name>.log` too. */
  readonly name: string;
  readonly command: readonly string[];
  /** Beside PATH, HOME and the lab's mark. Nothing else is handed on: a proxy of this machine has no business in the lab. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A name of `ip netns` to run in. */
  readonly netns?: string;
  readonly cwd?: string;
}

interface ProgramRecord {
  readonly spec: ProgramSpec;
  readonly id: ProcessId;
}

export interface ProcessesOptions {
  readonly folder: string;
  /** Where pids are written down before the program runs. Without one the programs end when this process does. */
  readonly journal?: Journal;
  /** Put before PATH. */
  readonly path?: readonly string[];
}

/** The shell waits for a line before it becomes the program: so the pid is in the journal, or nothing ever ran. */
const GATE = 'read -r _ && exec "$@" </dev/null';

/** The programs of a folder. Two handles on one folder (in two processes) see the same programs. */
export class Processes {
  readonly folder: string;
  readonly #journal: Journal | undefined;
  readonly #path: readonly string[];

  constructor(options: ProcessesOptions) {
    this.folder = options.folder;
    this.#journal = options.journal;
    this.#path = options.path ?? [];
    for (const name of ['logs', 'processes'])
      mkdirSync(path.join(options.folder, name), { recursive: true, mode: 0o700 });
  }

  /** Starts a program. Throws when one of this name runs. It is not ready yet: wait for what it serves. */
  start(spec: ProgramSpec): void {
    if (this.isRunning(spec.name)) throw new Error(`${spec.name} runs already`);
    const log = openSync(this.logFile(spec.name), 'a', 0o600);
    const child = spawn('/bin/sh', ['-c', GATE, 'lab-gate', ...this.#commandOf(spec)], {
      cwd: spec.cwd ?? this.folder,
      env: this.#environmentOf(spec),
      stdio: ['pipe', log, log],
      detached: this.#journal !== undefined,
    });
    closeSync(log);
    child.once('error', () => {});
    child.stdin?.on('error', () => {});
    try {
      this.#writeDown(spec, child.pid);
      child.stdin?.end('go\n');
    } finally {
      // Nothing was said to a shell whose pid could not be written down: it ends without becoming the program.
      child.stdin?.end();
      child.unref();
    }
  }

  #writeDown(spec: ProgramSpec, pid: number | undefined): void {
    const startTicks = pid === undefined ? undefined : startTicksOf(pid);
    if (pid === undefined || startTicks === undefined) throw new Error(`${spec.name} could not be started`);
    const id = { pid, startTicks };
    this.#journal?.record({ kind: 'process', ...id, name: spec.name });
    writeFileSync(this.#recordFile(spec.name), JSON.stringify({ spec, id }), { mode: 0o600 });
  }

  /** Starts a program of this name as it was started the last time. */
  startAgain(name: string): void {
    this.start(this.#read(name).spec);
  }

  /** Ends a program: SIGTERM, SIGKILL after the grace time. Fine when it does not run. */
  async stop(name: string, graceMs = GRACE_MS): Promise<void> {
    if (!existsSync(this.#recordFile(name))) return;
    await endProcess(this.#read(name).id, graceMs);
  }

  /** Ends a program as a crash would, and waits until it is gone. */
  async kill(name: string): Promise<void> {
    await this.stop(name, 0);
  }

  isRunning(name: string): boolean {
    return existsSync(this.#recordFile(name)) && isRunning(this.#read(name).id);
  }

  /** The names of all programs that were ever started here, sorted. */
  names(): readonly string[] {
    return readdirSync(path.join(this.folder, 'processes'))
      .filter((file) => file.endsWith('.json'))
      .map((file) => path.basename(file, '.json'))
      .sort();
  }

  pidOf(name: string): number {
    return this.#read(name).id.pid;
  }

  logFile(name: string): string {
    return path.join(this.folder, 'logs', `${name}.log`);
  }

  /** The end of a program's log, for messages. */
  said(name: string): string {
    try {
      return readFileSync(this.logFile(name), 'utf8').slice(-2_000);
    } catch {
      return '';
    }
  }

  /** Waits until `isReady` says so. Throws with the end of the log when the program ends before, or after `timeoutMs`. */
  async waitUntil(name: string, timeoutMs: number, isReady: () => Promise<boolean>): Promise<void> {
    await waitFor(`${name} to be ready`, timeoutMs, async () => {
      if (await isReady()) return true;
      if (!this.isRunning(name)) throw new Error(`${name} ended: ${this.said(name)}`);
      return false;
    });
  }

  #commandOf(spec: ProgramSpec): readonly string[] {
    const inside =
      spec.netns === undefined ? spec.command : ['ip', 'netns', 'exec', spec.netns, ...spec.command];
    return this.#journal === undefined ? ['setpriv', '--pdeathsig', 'KILL', '--', ...inside] : inside;
  }

  #environmentOf(spec: ProgramSpec): Record<string, string> {
    return {
      PATH: [
        ...this.#path,
        '/usr/local/sbin',
        '/usr/local/bin',
        '/usr/sbin',
        '/usr/bin',
        '/sbin',
        '/bin',
      ].join(':'),
      HOME: this.folder,
      [MARK]: this.folder,
      ...spec.environment,
    };
  }

  #recordFile(name: string): string {
    return path.join(this.folder, 'processes', `${name}.json`);
  }

  #read(name: string): ProgramRecord {
    const file = this.#recordFile(name);
    if (!existsSync(file)) throw new Error(`no program ${name} was started in ${this.folder}`);
    return JSON.parse(readFileSync(file, 'utf8')) as ProgramRecord;
  }
}
