// Nodes data: what came of all nodes, for machines: the same that people are told, without credentials.
import type { NodeResult } from './nodes-result.ts';
import { renderChange } from './nodes-text.ts';
import type { NodesReport } from './nodes-text.ts';

function nodeData(result: NodeResult): object {
  const { node, state, runtime, changes, conflicts, leftOut, findings, error, notes, files, ms } = result;
  return {
    node,
    state,
    runtime: runtime ?? null,
    error: error ?? null,
    changes: changes.map((change) => ({
      path: change.path,
      action: change.action,
      secret: change.secret,
      diff: renderChange(change).join('\n'),
    })),
    conflicts,
    leftOut: leftOut.map((one) => ({ ...one, endpoint: one.endpoint ?? null })),
    findings,
    notes,
    files,
    ms: Math.round(ms),
  };
}

/** The report as JSON or YAML has it. `notes`: what was said before anything was done. */
export function nodesData(report: NodesReport, notes: readonly string[]): object {
  const { command, isDryRun, owner, outcome, results } = report;
  return {
    kind: 'nodes',
    v: 1,
    command,
    dryRun: isDryRun,
    owner,
    result: outcome,
    notes,
    nodes: results.map(nodeData),
  };
}
