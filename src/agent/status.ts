// Status: what the agent tells of its node in its NodeMirrorState, cut to what the API server takes. Pure.
import { NODE_STATUS_BOUNDS } from '../domain/node-bounds.ts';
import { printProblem, type Problem } from '../domain/problem.ts';
import type { Finding } from '../nodes/findings/finding.ts';
import type { LeftOut } from '../nodes/node-file.ts';
import type { ApplyReport, FileConflict } from '../nodes/writing/sync-report.ts';
import type { Runtime } from '../nodes/data/wanted.ts';
import type { PresentFirst } from './order.ts';

export const NODE_STATES = ['UpToDate', 'Failed', 'Refused', 'Restored'] as const;
/** `Refused`: the data is invalid; what is on the node stays, and is kept as it was. */
export type NodeState = (typeof NODE_STATES)[number];

/** `status` of a NodeMirrorState. Every list is there, empty or not: a merge patch replaces it whole. */
export interface NodeStatus {
  readonly observedGeneration: number;
  /** The revision that was tried, also where it failed or was refused; '' where it cannot be read. */
  readonly observedRevision: string;
  readonly state: NodeState;
  /** '' when there is nothing to say. */
  readonly message: string;
  /** What comes first on the node, by prefix. */
  readonly order: readonly { readonly prefix: string; readonly first: string }[];
  readonly runtime: { readonly name: string; readonly version: string } | null;
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
  readonly conflicts: readonly FileConflict[];
  readonly leftOut: readonly LeftOut[];
  readonly findings: readonly Finding[];
  readonly agentVersion: string;
}

export interface StatusFacts {
  readonly generation: number;
  readonly revision: string;
  readonly state: NodeState;
  /** Sentences. */
  readonly messages: readonly string[];
  readonly order: PresentFirst;
  readonly runtime: Runtime | undefined;
  /** undefined: nothing was run. */
  readonly report: Pick<ApplyReport, 'files' | 'conflicts' | 'leftOut'> | undefined;
  readonly findings: readonly Finding[];
  readonly agentVersion: string;
}

const { message: MESSAGE, path: PATH, sentence: SENTENCE, word: WORD, name: NAME } = NODE_STATUS_BOUNDS;
const PLACE = 512;

/** On one line and cut: paths and reasons come from others. */
function cut(text: string, max: number): string {
  const line = text.replaceAll(/\p{Cc}+/gu, ' ').trim();
  return line.length <= max ? line : `${line.slice(0, max - 1).toWellFormed()}…`;
}

interface Cut<T> {
  readonly kept: readonly T[];
  readonly sentence: string | undefined;
}

function cutList<T>(items: readonly T[], max: number, what: string): Cut<T> {
  const left = items.length - max;
  return {
    kept: items.slice(0, max),
    sentence: left > 0 ? `${left} more ${what} are not listed` : undefined,
  };
}

function joinSentences(sentences: readonly (string | undefined)[]): string {
  const said = sentences.flatMap((sentence) => sentence ?? []).filter((sentence) => sentence !== '');
  return cut(said.join('. '), MESSAGE);
}

function printConflicts(count: number): string | undefined {
  if (count === 0) return undefined;
  return count === 1 ? '1 file is in the way, see conflicts' : `${count} files are in the way, see conflicts`;
}

/** The status of these facts. */
export function statusOf(facts: StatusFacts): NodeStatus {
  const { report, runtime } = facts;
  const order = cutList([...facts.order], NODE_STATUS_BOUNDS.order, 'prefixes');
  const files = cutList(report?.files ?? [], NODE_STATUS_BOUNDS.files, 'files');
  const conflicts = cutList(report?.conflicts ?? [], NODE_STATUS_BOUNDS.conflicts, 'conflicts');
  const leftOut = cutList(report?.leftOut ?? [], NODE_STATUS_BOUNDS.leftOut, 'mirrors that are left out');
  const findings = cutList(facts.findings, NODE_STATUS_BOUNDS.findings, 'findings');
  return {
    observedGeneration: facts.generation,
    observedRevision: cut(facts.revision, WORD),
    state: facts.state,
    message: joinSentences([
      ...facts.messages,
      printConflicts(report?.conflicts.length ?? 0),
      ...[order, files, conflicts, leftOut, findings].map((list) => list.sentence),
    ]),
    order: order.kept.map(([prefix, first]) => ({ prefix: cut(prefix, PLACE), first: cut(first, PLACE) })),
    runtime: runtime === undefined ? null : { name: runtime.name, version: cut(runtime.version, WORD) },
    files: files.kept.map(({ path, sha256 }) => ({ path: cut(path, PATH), sha256 })),
    conflicts: conflicts.kept.map(({ path, reason, message }) => ({
      path: cut(path, PATH),
      reason,
      message: cut(message, SENTENCE),
    })),
    leftOut: leftOut.kept.map((one) => cutLeftOut(one)),
    findings: findings.kept.map(({ code, severity, message, fix }) => ({
      code,
      severity,
      message: cut(message, SENTENCE),
      fix: cut(fix, SENTENCE),
    })),
    agentVersion: cut(facts.agentVersion, NAME),
  };
}

function cutLeftOut({ set, prefix, endpoint, reason, message }: LeftOut): LeftOut {
  return {
    set: cut(set, NAME),
    prefix: cut(prefix, PLACE),
    endpoint: endpoint === undefined ? undefined : cut(endpoint, PLACE),
    reason,
    message: cut(message, SENTENCE),
  };
}

/** The sentences that a refusal gives: what is wrong with the data, all of it that fits. */
export function printRefusal(problems: readonly Problem[]): readonly string[] {
  const [first, ...others] = problems.map((problem) => printProblem(problem).replace(/\.$/, ''));
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return [`The data has ${count}, so the node keeps what it has: ${first ?? ''}`, ...others];
}
