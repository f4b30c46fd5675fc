// Apply: a node from what is found to what is wanted, in one straight line: gather, render, plan, compile, run, report.
import type { Credential } from '../../domain/credential.ts';
import type { Result } from '../../domain/result.ts';
import { err, ok } from '../../domain/result.ts';
import { findForeignBreak } from './foreign-config.ts';
import type { Found } from '../looking/found.ts';
import { parseGatherReport } from '../looking/gather-report.ts';
import { MAX_TOTAL_BYTES, printGatherScript } from '../looking/gather-script.ts';
import type { LeftOut, NodeLayout } from '../node-file.ts';
import { findNotes, joinNotes } from './node-note.ts';
import { planNode, type NodePlan } from './node-plan.ts';
import { baseFolder } from './note-path.ts';
import { renderNode } from '../rendering/render.ts';
import { leaveReplaced } from './replaced-entry.ts';
import type { Shell } from '../shell.ts';
import { parseSyncOutcome, type SyncEnd } from './sync-outcome.ts';
import { changesOf, filesAfter, filesFound } from './sync-changes.ts';
import type { ApplyOutcome, ApplyReport } from './sync-report.ts';
import { printSyncScript } from './sync-script.ts';
import type { NodeWanted } from '../data/wanted.ts';

interface NodeTask {
  readonly layout: NodeLayout;
  readonly dryRun: boolean;
  /** Gathered a moment ago by the caller; undefined: gathered here. The script checks that it still holds. */
  readonly found?: Found | undefined;
  /** `/proc` when absent; tests narrow it to processes of theirs. */
  readonly processFolder?: string | undefined;
}

export interface NodeWork extends NodeTask {
  /** `action: 'Restore'` does what `restoreNode` does. */
  readonly wanted: NodeWanted;
  /** Of sources with `auth: 'Node'`, by endpoint text. */
  readonly credentials: ReadonlyMap<string, Credential>;
}

export interface NodeRestore extends NodeTask {
  readonly owner: string;
}

const GATHER_MS = 30_000;
const RUN_MS = 60_000;
/** Contents travel as base64; the rest is names. */
const GATHER_BYTES = MAX_TOTAL_BYTES * 1.5 + 4 * 1024 * 1024;
const RUN_BYTES = 64 * 1024;

/** What is on a node. Reads only. The error is one sentence. */
export async function gather(
  shell: Shell,
  layout: NodeLayout,
  processFolder = '/proc',
): Promise<Result<Found, string>> {
  const limits = { timeoutMs: GATHER_MS, maxBytes: GATHER_BYTES };
  const outcome = await shell.run(printGatherScript(layout, processFolder), limits);
  return outcome.ran ? parseGatherReport(outcome.stdout) : err(outcome.failure);
}

/** What was seen, and the layout by which it was looked at. */
interface Sight {
  readonly found: Found;
  readonly layout: NodeLayout;
}

/** What is to be done, once it is known what is there. */
interface Errand {
  readonly owner: string;
  readonly done: 'Applied' | 'Restored';
  readonly plan: (sight: Sight) => { readonly plan: NodePlan; readonly leftOut: readonly LeftOut[] };
}

interface Judged {
  readonly found: Found;
  readonly plan: NodePlan;
  readonly leftOut: readonly LeftOut[];
}

function report(judged: Judged, outcome: ApplyOutcome, rest: Partial<ApplyReport> = {}): ApplyReport {
  const { found, plan, leftOut } = judged;
  const isDone = outcome === 'Applied' || outcome === 'Restored' || outcome === 'Unchanged';
  return {
    outcome,
    changes: outcome === 'Unchanged' ? [] : changesOf(plan),
    conflicts: plan.conflicts,
    leftOut,
    files: isDone ? filesAfter(plan) : filesFound(plan),
    reload: 'NotNeeded',
    found,
    ...rest,
  };
}

const ENDS = { stopped: 'Failed', rolledback: 'RolledBack', broken: 'Failed', unknown: 'Failed' } as const;

/** What is added to the reason: how the node is now. */
const NOW = {
  stopped: 'nothing was changed',
  rolledback: 'every file is as it was before',
  broken: 'and the way back failed too: every file is whole, the next run goes on from here',
  unknown: 'how far it came is not known: every file is whole, the next run goes on from there',
} as const;

function reportEnd(judged: Judged, end: SyncEnd, done: Errand['done']): ApplyReport {
  if (end.end === 'applied') {
    const { reload } = judged.plan.sync;
    return report(judged, done, { reload: reload ? (end.told ? 'Signalled' : 'NotRunning') : 'NotNeeded' });
  }
  if (end.end === 'changed') {
    const error = `${end.path} changed while it was being worked on; nothing was changed: try again`;
    return report(judged, 'Failed', { error });
  }
  return report(judged, ENDS[end.end], { error: `${end.why}; ${NOW[end.end]}` });
}

function failed(error: string): ApplyReport {
  return {
    outcome: 'Failed',
    changes: [],
    conflicts: [],
    leftOut: [],
    error,
    files: [],
    reload: 'NotNeeded',
  };
}

/**
 * The node, with the auth file that our note remembers where it is to be given back: who restores need not know its name.
 * An auth file that is named anew while the old one still has our keys is a conflict, which the plan tells.
 */
async function look(shell: Shell, task: NodeTask, { owner, done }: Errand): Promise<Result<Sight, string>> {
  const { layout, processFolder } = task;
  const first: Result<Found, string> =
    task.found === undefined ? await gather(shell, layout, processFolder) : ok(task.found);
  if (!first.ok) return first;
  const remembered = joinNotes(findNotes(first.value, owner, layout)).auth?.path;
  const isAsked = layout.authFile === undefined || done === 'Restored';
  if (remembered === undefined || remembered === layout.authFile || !isAsked) {
    return ok({ found: first.value, layout });
  }
  const wider = { ...layout, authFile: remembered };
  const second = await gather(shell, wider, processFolder);
  return second.ok ? ok({ found: second.value, layout: wider }) : second;
}

interface Attempt {
  readonly report: ApplyReport;
  /** Something changed between the look and the run. */
  readonly isStale: boolean;
}

async function attempt(shell: Shell, task: NodeTask, errand: Errand): Promise<Attempt> {
  const sight = await look(shell, task, errand);
  if (!sight.ok) return { report: failed(sight.error), isStale: false };
  const { found, layout } = sight.value;
  const judged = { found, ...errand.plan(sight.value) };
  const { sync, error } = judged.plan;
  const stop = (outcome: ApplyOutcome, rest?: Partial<ApplyReport>): Attempt => {
    return { report: report(judged, outcome, rest), isStale: false };
  };
  if (error !== undefined) return stop('Failed', { error: `${error}; ${NOW.stopped}` });
  if (sync.isNothing) return stop('Unchanged');
  const broken = findForeignBreak(sync, found, layout);
  if (broken !== undefined) return stop('Failed', { error: `${broken}; ${NOW.stopped}` });
  if (task.dryRun) return stop('WouldApply');
  const script = printSyncScript(sync, { layout, processFolder: task.processFolder ?? '/proc' });
  const outcome = await shell.run(script, { timeoutMs: RUN_MS, maxBytes: RUN_BYTES });
  const end = parseSyncOutcome(outcome);
  return { report: reportEnd(judged, end, errand.done), isStale: end.end === 'changed' };
}

/** Once more when something changed between the look and the run: an editor, another run of ours. */
async function attemptTwice(shell: Shell, task: NodeTask, errand: Errand): Promise<ApplyReport> {
  const first = await attempt(shell, task, errand);
  if (!first.isStale) return first.report;
  return (await attempt(shell, { ...task, found: undefined }, errand)).report;
}

/** Brings a node to what is wanted, or tells why not. Never rejects for what the node does. At most a minute beside gathering. */
export async function applyNode(shell: Shell, work: NodeWork): Promise<ApplyReport> {
  const { wanted, credentials } = work;
  const { owner } = wanted;
  if (wanted.action === 'Restore') return restoreNode(shell, { ...work, owner });
  const plan: Errand['plan'] = ({ found, layout }) => {
    const untaken = leaveReplaced(wanted, { found, layout });
    const { others } = untaken;
    const rendered = renderNode({ wanted: untaken.wanted, layout: work.layout, credentials, others });
    const { files, authEntries } = rendered;
    const base = baseFolder(layout, wanted.runtime.name);
    const leftOut = [...untaken.leftOut, ...rendered.leftOut];
    return { plan: planNode({ files, authEntries, found, owner, layout, base }), leftOut };
  };
  return attemptTwice(shell, work, { owner, plan, done: 'Applied' });
}

/** Takes away everything of an owner; what was there before comes back byte for byte. */
export async function restoreNode(shell: Shell, work: NodeRestore): Promise<ApplyReport> {
  const { owner } = work;
  const plan: Errand['plan'] = ({ found, layout }) => {
    const nothing = { files: [], authEntries: new Map<string, Credential>(), base: undefined };
    return { plan: planNode({ ...nothing, found, owner, layout }), leftOut: [] };
  };
  return attemptTwice(shell, work, { owner, plan, done: 'Restored' });
}
