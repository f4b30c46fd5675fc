// Main: arguments → a running agent → exit code, until a signal.
import { printProblem } from '../domain/problem.ts';
import { Agent } from './agent.ts';
import { parseAgentArguments } from './arguments.ts';

/** As in the table of exit codes that all commands share. */
const EXIT = { done: 0, failed: 1, badInput: 2 } as const;

export interface AgentProcess {
  readonly argv: readonly string[];
  readonly version: string;
  /** Resolves when the process is asked to end. */
  readonly asked: Promise<void>;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Works until it is asked to end. The exit code. */
export async function runAgent({ argv, version, asked, out, err }: AgentProcess): Promise<number> {
  const settings = parseAgentArguments(argv);
  if (!settings.ok) {
    for (const problem of settings.error) err(`error: ${printProblem(problem)}\n`);
    return EXIT.badInput;
  }
  const agent = new Agent({ settings: settings.value, version, write: out });
  try {
    await agent.start();
  } catch (error) {
    const { host, port } = settings.value.ops;
    err(
      `error: ${host}:${port} cannot be listened on: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    return EXIT.failed;
  }
  await asked;
  await agent.stop();
  return EXIT.done;
}
