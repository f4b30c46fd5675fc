// Running a short command of the system: bounded in time, and its failure says what was run and what it answered.
import { execFile } from 'node:child_process';

export interface RunOptions {
  readonly cwd?: string;
  /** 30 s when absent. */
  readonly timeoutMs?: number;
  /** Beside this process's own. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Written to its standard input. */
  readonly input?: string;
}

const MAX_OUTPUT_BYTES = 64 << 20;

/** Answers its standard output. Throws with the end of its standard error when it fails or takes too long. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { cwd, timeoutMs = 30_000, environment, input } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      {
        ...(cwd === undefined ? {} : { cwd }),
        env: { ...process.env, ...environment },
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: MAX_OUTPUT_BYTES,
      },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(describe(error, { program, args, timeoutMs, stderr }), { cause: error }));
      },
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** Whether a command succeeds. */
export async function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  try {
    await run(program, args);
    return true;
  } catch {
    return false;
  }
}

/** What `go version` says, e.g. `go version go1.26.8 linux/amd64`. */
export async function goVersion(): Promise<string> {
  return (await run('go', ['version'])).trim();
}

function describe(
  error: Error & { readonly code?: unknown; readonly killed?: boolean },
  at: { program: string; args: readonly string[]; timeoutMs: number; stderr: string },
): string {
  const command = [at.program, ...at.args].join(' ').slice(0, 300);
  if (error.code === 'ENOENT') return `${at.program} is not installed`;
  const why =
    error.killed === true ? `not done after ${at.timeoutMs / 1_000} s` : at.stderr.trim().slice(-2_000);
  return `${command}: ${why === '' ? error.message : why}`;
}
