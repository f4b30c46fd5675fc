// Tracer: the compiled tracer.c as a function: a script that is killed at the N-th system call that changes something below a folder.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SOURCE = join(import.meta.dirname, 'tracer.c');

export interface TracedRun {
  readonly script: string;
  /** The shell. */
  readonly program: string;
  readonly path: string;
  /** Calls that change something below it are counted. */
  readonly folder: string;
  /** At which of them the process group is killed; 0: at none. */
  readonly at: number;
}

export interface Traced {
  readonly wasKilled: boolean;
  /** `name path` of each call that was reached. */
  readonly calls: readonly string[];
  readonly stdout: string;
}

/** Compiles it once for each version of its source. Throws with the compiler's words. */
export function buildTracer(): string {
  const source = readFileSync(SOURCE);
  const hash = createHash('sha256').update(source).digest('hex').slice(0, 16);
  const folder = join(tmpdir(), `registry-failover-tracer-${process.getuid?.() ?? 0}`);
  const program = join(folder, hash);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const built = `${program}.${process.pid}`;
  const gcc = spawnSync('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', built, SOURCE], {
    encoding: 'utf8',
  });
  if (gcc.status !== 0) throw new Error(`gcc cannot build ${SOURCE}: ${gcc.stderr || String(gcc.error)}`);
  renameSync(built, program);
  return program;
}

/** Why traced runs are not to be had on this machine, or undefined. */
export function whyNoTracer(): string | undefined {
  try {
    const program = buildTracer();
    const log = join(tmpdir(), `rf-tracer-try-${process.pid}`);
    const run = spawnSync(program, [tmpdir(), '0', log, '/bin/true'], { encoding: 'utf8' });
    rmSync(log, { force: true });
    return run.status === 3 ? undefined : `ptrace is not allowed here: ${run.stderr}`;
  } catch (error) {
    return String(error);
  }
}

const DEADLINE_MS = 60_000;

/** Runs a script under the tracer; the script on stdin, as over ssh. */
export async function runTraced(run: TracedRun): Promise<Traced> {
  const log = `${run.folder}.calls`;
  const words = [run.folder, String(run.at), log, run.program, '-s'];
  const child = spawn(buildTracer(), words, {
    cwd: '/',
    env: { PATH: run.path },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(run.script);
  const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
  const exit = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  if (exit !== 0 && exit !== 3) throw new Error(`the tracer ended with ${exit}`);
  const lines = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return {
    wasKilled: exit === 0,
    calls: lines.map((line) => line.split(' ').slice(2).join(' ')),
    stdout: Buffer.concat(chunks).toString('utf8'),
  };
}
