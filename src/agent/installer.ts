// Installer: one pass over the node: look, lay down or restore, judge. What can go wrong comes back as a report.
import type { Credential } from '../domain/credential.ts';
import { applyNode, gather } from '../nodes/writing/apply.ts';
import type { Finding } from '../nodes/findings/finding.ts';
import { findingsOf } from '../nodes/findings/findings.ts';
import type { NodeLayout } from '../nodes/node-file.ts';
import type { Shell } from '../nodes/shell.ts';
import type { ApplyReport } from '../nodes/writing/sync-report.ts';
import type { NodeWanted } from '../nodes/data/wanted.ts';

export interface Installation {
  readonly report: ApplyReport;
  /** Of the node as it is after it; empty when it could not be looked at. */
  readonly findings: readonly Finding[];
}

/** Brings the node to this data (`action: 'Restore'` included). Never rejects. */
export type Installer = (
  wanted: NodeWanted,
  credentials: ReadonlyMap<string, Credential>,
) => Promise<Installation>;

function failed(error: string): Installation {
  const nothing = { changes: [], conflicts: [], leftOut: [], files: [] };
  return { report: { outcome: 'Failed', ...nothing, error, reload: 'NotNeeded' }, findings: [] };
}

async function install(
  shell: Shell,
  layout: NodeLayout,
  [wanted, credentials]: Parameters<Installer>,
): Promise<Installation> {
  const found = await gather(shell, layout);
  if (!found.ok) return failed(`the node cannot be looked at: ${found.error}`);
  const report = await applyNode(shell, { wanted, layout, credentials, dryRun: false, found: found.value });
  // What others' files make of ours can be told only once ours are there.
  const after = report.outcome === 'Unchanged' ? found : await gather(shell, layout);
  return { report, findings: after.ok ? findingsOf(after.value, wanted.runtime, layout) : [] };
}

/** The installer of the node that the shell works on. */
export function createInstaller(shell: Shell, layout: NodeLayout): Installer {
  return async (...work) => {
    try {
      return await install(shell, layout, work);
    } catch (error) {
      // A fault of ours. The files are whole whatever happens, so that trying again later is right.
      return failed(`internal error: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
}
