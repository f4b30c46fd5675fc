// Nodes result: what a command came to on one node, and on all of them together.
import type { Finding } from '../../nodes/findings/finding.ts';
import type { LeftOut } from '../../nodes/node-file.ts';
import type { FileChange, FileConflict } from '../../nodes/writing/sync-report.ts';
import type { Runtime } from '../../nodes/data/wanted.ts';
import { EXIT } from '../exit.ts';

/**
 * `changed`: files were written or taken away. `restored`: what was there before us is back. `differs`: a dry run that would
 * change something. `refused`: nothing was tried, because of what the node is. `not-reached`: nothing is known of it. `not-tried`: an
 * earlier node failed, or the command was interrupted.
 */
export type NodeState =
  | 'changed'
  | 'unchanged'
  | 'restored'
  | 'differs'
  | 'rolled-back'
  | 'failed'
  | 'refused'
  | 'not-reached'
  | 'not-tried';

export interface NodeResult {
  readonly node: string;
  readonly state: NodeState;
  readonly runtime: Runtime | undefined;
  readonly changes: readonly FileChange[];
  readonly conflicts: readonly FileConflict[];
  readonly leftOut: readonly LeftOut[];
  readonly findings: readonly Finding[];
  /** Why, one sentence, where the state needs one. */
  readonly error: string | undefined;
  /** What happened beside the files: a reload, a restart. */
  readonly notes: readonly string[];
  /** Ours on the node afterwards, as far as known. */
  readonly files: readonly string[];
  readonly ms: number;
}

/** A result with nothing in it but its state. */
export function plainResult(node: string, state: NodeState, error?: string): NodeResult {
  return {
    node,
    state,
    runtime: undefined,
    changes: [],
    conflicts: [],
    leftOut: [],
    findings: [],
    error,
    notes: [],
    files: [],
    ms: 0,
  };
}

const GOOD: readonly NodeState[] = ['changed', 'unchanged', 'restored', 'differs'];

/** What makes a node's files useless although they are there. */
export function graveFindings({ findings }: NodeResult): readonly Finding[] {
  return findings.filter(({ severity }) => severity === 'error');
}

/** Is the node as it was asked to be? A rollout stops at one that is not. */
export function isGood(result: NodeResult): boolean {
  return GOOD.includes(result.state) && graveFindings(result).length === 0;
}

/** Something is declared for the node, and nothing of it can be written there: `render` calls that "no file". */
export function isBare({ leftOut, conflicts, changes, files }: NodeResult): boolean {
  if (leftOut.length === 0 || conflicts.length > 0) return false;
  const deleted = new Set(changes.flatMap(({ path, action }) => (action === 'delete' ? [path] : [])));
  return deleted.size === changes.length && files.every((path) => deleted.has(path));
}

/** Is there nothing left to be done about the node? */
function isWhole(result: NodeResult): boolean {
  return isGood(result) && result.conflicts.length === 0 && !isBare(result);
}

/** `done`: all nodes; `partly`: some; `different`: a dry run found something to change; `unknown`: no node told anything. */
export type NodesOutcome = 'done' | 'partly' | 'different' | 'unknown';

/** What all came to. Whether a difference is one of importance is the command's to say: {@link exitOf}. */
export function outcomeOf(results: readonly NodeResult[]): NodesOutcome {
  const isSilent = ({ state }: NodeResult): boolean => state === 'not-reached' || state === 'not-tried';
  if (results.every(isSilent)) return 'unknown';
  if (!results.every(isWhole)) return 'partly';
  return results.some(({ state }) => state === 'differs') ? 'different' : 'done';
}

const EXITS: Readonly<Record<NodesOutcome, number>> = {
  done: EXIT.yes,
  different: EXIT.no,
  partly: EXIT.partly,
  unknown: EXIT.unknown,
};

/** The exit code; `asksForDifference`: `diff` and `status`, whose "no" is a difference. */
export function exitOf(outcome: NodesOutcome, asksForDifference: boolean): number {
  return outcome === 'different' && !asksForDifference ? EXIT.yes : EXITS[outcome];
}
