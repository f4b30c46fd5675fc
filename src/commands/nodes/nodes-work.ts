// Nodes work: one node from connection to result: look, find out the runtime, lay down or take away, look again.
import type { MirrorSet } from '../../domain/mirror-set.ts';
import { joinSentences, printProblem } from '../../domain/problem.ts';
import { applyNode, gather, restoreNode } from '../../nodes/writing/apply.ts';
import { printFinding } from '../../nodes/findings/finding.ts';
import type { Finding } from '../../nodes/findings/finding.ts';
import { findingsOf } from '../../nodes/findings/findings.ts';
import { runtimeOn } from '../../nodes/findings/found-runtime.ts';
import type { Found } from '../../nodes/looking/found.ts';
import { nodeCredentials } from '../../nodes/sources/node-credentials.ts';
import type { Shell } from '../../nodes/shell.ts';
import type { ApplyOutcome, ApplyReport } from '../../nodes/writing/sync-report.ts';
import type { Runtime } from '../../nodes/data/wanted.ts';
import { ownedFiles } from '../../nodes/looking/owned-files.ts';
import { plainResult } from './nodes-result.ts';
import type { NodeResult, NodeState } from './nodes-result.ts';
import type { NodesSettings } from './nodes-settings.ts';
import type { NodeTarget } from './node-target.ts';
import { setsFor, wantedOf } from './nodes-wanted.ts';

/** What is done on each node. */
export interface NodeTask {
  readonly settings: NodesSettings;
  /** undefined: no declarations were given. */
  readonly sets: readonly MirrorSet[] | undefined;
  readonly isDryRun: boolean;
}

/** A node that has been looked at. */
export interface SeenNode {
  readonly node: NodeTarget;
  readonly shell: Shell;
  readonly found: Found;
  readonly runtime: Runtime;
  readonly findings: readonly Finding[];
}

const STATES: Readonly<Record<ApplyOutcome, NodeState>> = {
  Unchanged: 'unchanged',
  Applied: 'changed',
  WouldApply: 'differs',
  Restored: 'restored',
  RolledBack: 'rolled-back',
  Failed: 'failed',
};

/** Looks at a node. What comes back as a result is the end of it: not reached, or not one that files are written on. */
export async function lookAt(
  node: NodeTarget,
  shell: Shell,
  settings: NodesSettings,
): Promise<SeenNode | NodeResult> {
  if (node.managed !== undefined) return plainResult(node.name, 'refused', printFinding(node.managed));
  const gathered = await gather(shell, settings.layout);
  if (!gathered.ok) return plainResult(node.name, 'not-reached', gathered.error);
  const found = gathered.value;
  const findings = findingsOf(found, undefined, settings.layout);
  const managed = findings.find(({ code }) => code === 'ManagedNode');
  if (managed !== undefined)
    return { ...plainResult(node.name, 'refused', printFinding(managed)), findings: [] };
  const runtime = runtimeOn(found, settings.runtime);
  if (!runtime.ok) return plainResult(node.name, 'refused', printFinding(runtime.error));
  return {
    node,
    shell,
    found,
    runtime: runtime.value,
    findings: findingsOf(found, runtime.value, settings.layout),
  };
}

const RELOADS: Readonly<Record<ApplyReport['reload'], readonly string[]>> = {
  NotNeeded: [],
  Signalled: ['CRI-O told to read it'],
  NotRunning: ['CRI-O does not run and reads it when it starts'],
};

function resultOf(seen: SeenNode, report: ApplyReport): NodeResult {
  return {
    ...plainResult(seen.node.name, STATES[report.outcome], report.error),
    runtime: seen.runtime,
    changes: report.changes,
    conflicts: report.conflicts,
    leftOut: report.leftOut,
    findings: seen.findings,
    notes: RELOADS[report.reload],
    files: report.files.map(({ path }) => path),
  };
}

/** What is to be said of the node once its files are other ones. As before where it cannot be looked at again. */
export async function lookAgain(seen: SeenNode, settings: NodesSettings): Promise<readonly Finding[]> {
  const gathered = await gather(seen.shell, settings.layout);
  return gathered.ok ? findingsOf(gathered.value, seen.runtime, settings.layout) : seen.findings;
}

/** Lays down what is declared. */
export async function layDown(seen: SeenNode, task: NodeTask): Promise<NodeResult> {
  const { settings } = task;
  const sets = setsFor(task.sets ?? [], seen.node.labels);
  const made = wantedOf(sets, {
    owner: settings.owner,
    runtime: seen.runtime,
    allowedEndpoints: settings.allowedEndpoints,
  });
  if (!made.ok) {
    const words = joinSentences(made.error.map(printProblem));
    return { ...plainResult(seen.node.name, 'failed', words), runtime: seen.runtime };
  }
  const report = await applyNode(seen.shell, {
    wanted: made.value.wanted,
    layout: settings.layout,
    credentials: nodeCredentials(sets),
    dryRun: task.isDryRun,
    found: seen.found,
  });
  const result = resultOf(seen, report);
  const findings = result.state === 'changed' ? await lookAgain(seen, settings) : seen.findings;
  return { ...result, findings, leftOut: [...made.value.leftOut, ...report.leftOut] };
}

/** Takes away everything of the owner. The runtime need not be known for that. */
export async function takeAway(
  node: NodeTarget,
  shell: Shell,
  { settings, isDryRun }: NodeTask,
): Promise<NodeResult> {
  const { owner, layout } = settings;
  const gathered = await gather(shell, layout);
  if (!gathered.ok) return plainResult(node.name, 'not-reached', gathered.error);
  const found = gathered.value;
  const runtime = runtimeOn(found, settings.runtime);
  const report = await restoreNode(shell, { owner, layout, dryRun: isDryRun, found });
  return {
    ...plainResult(node.name, STATES[report.outcome], report.error),
    runtime: runtime.ok ? runtime.value : undefined,
    changes: report.changes,
    conflicts: report.conflicts,
    notes: RELOADS[report.reload],
    files: report.files.map(({ path }) => path),
  };
}

/** What is on the node; with declarations also whether it is what they want. */
export async function describeNode(seen: SeenNode, task: NodeTask): Promise<NodeResult> {
  const owned = ownedFiles(seen.found);
  const others = new Set(owned.map(({ owner }) => owner).filter((owner) => owner !== task.settings.owner));
  const told = {
    files: owned.filter(({ owner }) => owner === task.settings.owner).map(({ path }) => path),
    notes: [...others].map((owner) => `has files of another installation: ${owner}`),
  };
  if (task.sets !== undefined) return { ...(await layDown(seen, { ...task, isDryRun: true })), ...told };
  const { runtime, findings } = seen;
  return { ...plainResult(seen.node.name, 'unchanged'), runtime, findings, ...told };
}
