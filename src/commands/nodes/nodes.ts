// Nodes: apply, status, diff and restore over ssh: canary first, then the rest, and one report for all.
import type { MirrorSet } from '../../domain/mirror-set.ts';
import { printProblem } from '../../domain/problem.ts';
import type { Problem } from '../../domain/problem.ts';
import { err, ok } from '../../domain/result.ts';
import type { Result } from '../../domain/result.ts';
import { notesOnTwoNames } from '../../domain/two-names.ts';
import { createPaint } from '../../explain/paint.ts';
import { printable } from '../../explain/layout.ts';
import { loadDeclarations, nothingDeclared } from '../declarations.ts';
import { fitStderr } from '../error-lines.ts';
import { refuse } from '../error-lines.ts';
import { printData, printOut } from '../explain-output.ts';
import { setConfigPath } from './nodes-config-path.ts';
import { nodesData } from './nodes-data.ts';
import { onInterrupt } from './nodes-interrupt.ts';
import { NodesProgress } from './nodes-progress.ts';
import { exitOf, isGood, outcomeOf, plainResult } from './nodes-result.ts';
import type { NodeResult } from './nodes-result.ts';
import { rollOut } from './nodes-rollout.ts';
import { parseNodesFlags } from './nodes-settings.ts';
import type { NodesFlags, NodesSettings } from './nodes-settings.ts';
import { openSshAccess } from './nodes-ssh.ts';
import type { SshAccess, SshFlags } from './nodes-ssh.ts';
import { readTargets } from './nodes-targets.ts';
import type { NodeTarget, TargetFlags } from './node-target.ts';
import { renderNodes } from './nodes-text.ts';
import type { NodesReport } from './nodes-text.ts';
import { notesOnSets } from './nodes-wanted.ts';
import type { NodesCommand } from './nodes-words.ts';
import { describeNode, layDown, lookAt, takeAway } from './nodes-work.ts';
import type { NodeTask } from './nodes-work.ts';

export interface NodesCommandFlags extends NodesFlags, SshFlags, TargetFlags {
  readonly manifests?: readonly string[] | undefined;
  readonly dockerConfig?: string | undefined;
  readonly installNamespace: string;
  readonly dryRun?: boolean | undefined;
  readonly setConfigPath?: boolean | undefined;
}

interface Declared {
  readonly sets: readonly MirrorSet[] | undefined;
  readonly notes: readonly string[];
}

/** A set that is refused is not in force: its files would be taken from the nodes, for a slip of the pen. */
function refusals(
  problems: readonly (Problem & { readonly set?: string })[],
  sets: readonly MirrorSet[],
): readonly Problem[] {
  const names = new Set(sets.map(({ name }) => name));
  return problems.filter(({ set }) => set !== undefined && !names.has(set));
}

async function readDeclared(flags: NodesCommandFlags): Promise<Result<Declared, readonly Problem[]>> {
  const { manifests, dockerConfig, installNamespace, allowedEndpoint = [] } = flags;
  if (manifests === undefined) return ok({ sets: undefined, notes: [] });
  const loaded = await loadDeclarations({ manifests, dockerConfig, installNamespace, allowedEndpoint });
  if (!loaded.ok) return loaded;
  const { problems, objects, absence } = loaded.value;
  const refused = refusals(problems, objects.sets);
  const wrong = [...nothingDeclared(absence), ...refused];
  if (wrong.length > 0) return err(wrong);
  return ok({ sets: objects.sets, notes: problems.map(printProblem) });
}

/** Everything that a run needs. */
interface Run {
  readonly command: NodesCommand;
  readonly nodes: readonly NodeTarget[];
  readonly access: SshAccess;
  readonly task: NodeTask;
  readonly notes: readonly string[];
  readonly setConfigPath: boolean;
}

async function prepare(
  command: NodesCommand,
  flags: NodesCommandFlags,
): Promise<Result<Run, readonly Problem[]>> {
  const settings = parseNodesFlags(flags);
  const [targets, declared] = await Promise.all([readTargets(flags), readDeclared(flags)]);
  const problems = [settings, targets, declared].flatMap((part) => (part.ok ? [] : part.error));
  const access = await openSshAccess(flags, problems);
  if (!access.ok) return access;
  if (!settings.ok || !targets.ok || !declared.ok) return err(problems);
  const hasLabels = targets.value.some(({ labels }) => labels !== undefined);
  const { sets, notes } = declared.value;
  return ok({
    command,
    nodes: targets.value,
    access: access.value,
    task: { settings: settings.value, sets, isDryRun: command === 'diff' || flags.dryRun === true },
    notes: [...notes, ...notesOnSets(sets ?? [], hasLabels), ...notesOnTwoNames(sets ?? [])],
    setConfigPath: flags.setConfigPath === true,
  });
}

async function workOn(node: NodeTarget, run: Run): Promise<NodeResult> {
  const { command, task, access } = run;
  const shell = access.shellFor(node.target);
  if (command === 'restore') return takeAway(node, shell, task);
  const seen = await lookAt(node, shell, task.settings);
  if (!('shell' in seen)) return seen;
  if (command === 'status') return describeNode(seen, task);
  const result = await layDown(seen, task);
  return run.setConfigPath ? setConfigPath(seen, result, task) : result;
}

/** A fault of ours on one node is that node's failure, and the report is still made. */
async function timed(node: NodeTarget, work: () => Promise<NodeResult>): Promise<NodeResult> {
  const start = performance.now();
  const result = await work().catch((error: unknown) =>
    plainResult(node.name, 'failed', `A fault of this program: ${String(error)}`),
  );
  return { ...result, ms: performance.now() - start };
}

function planOf({ command, task }: Run, settings: NodesSettings): { canary: number; keepGoing: boolean } {
  // Looking endangers nobody.
  const isReading = command === 'status' || task.isDryRun;
  return isReading
    ? { canary: 0, keepGoing: true }
    : { canary: settings.canary, keepGoing: settings.keepGoing };
}

async function workThrough(run: Run): Promise<readonly NodeResult[]> {
  const { command, nodes, task } = run;
  const progress = new NodesProgress(command, nodes.length, task.sets !== undefined);
  const interrupt = onInterrupt((text) => progress.note(text));
  const plan = { ...planOf(run, task.settings), parallel: task.settings.parallel, signal: interrupt.signal };
  try {
    const results = await rollOut(nodes, plan, {
      run: async (node, { isCanary }) => {
        progress.begin(node.name);
        const result = await timed(node, () => workOn(node, run));
        progress.end(result, isCanary);
        return result;
      },
      isGood,
    });
    return nodes.map((node, index) => results[index] ?? plainResult(node.name, 'not-tried'));
  } finally {
    interrupt.end();
    progress.finish();
  }
}

async function print(
  report: NodesReport,
  notes: readonly string[],
  { output }: NodesSettings,
): Promise<void> {
  if (output !== 'text') return printData(nodesData(report, notes), output);
  await printOut(`${renderNodes(report, createPaint(process.stdout)).join('\n')}\n`);
}

/**
 * Runs one of the commands. Resolves with the exit code: 0 done, 1 different (status and diff), 2 bad input, 3 nothing could
 * be learned of any node, 4 some nodes are not as they should be.
 */
export async function runNodes(command: NodesCommand, flags: NodesCommandFlags): Promise<number> {
  const prepared = await prepare(command, flags);
  if (!prepared.ok) return refuse(prepared.error);
  const run = prepared.value;
  for (const note of run.notes) process.stderr.write(fitStderr(`${printable(note)}\n`));
  const results = await workThrough(run);
  const outcome = outcomeOf(results);
  const { settings, isDryRun, sets } = run.task;
  const report = {
    command,
    isDryRun,
    hasDeclarations: sets !== undefined,
    owner: settings.owner,
    results,
    outcome,
  };
  await print(report, run.notes, settings);
  return exitOf(outcome, command === 'diff' || command === 'status');
}
