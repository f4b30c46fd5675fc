// Doctor host: looks at one node over ssh, and has it judged; nothing is changed there.
import type { MirrorSet } from '../../domain/mirror-set.ts';
import type { DoctorCheck } from '../../explain/doctor/doctor-check.ts';
import { judgeClock } from '../../explain/doctor/doctor-clock.ts';
import { judgeNode } from '../../explain/doctor/doctor-node.ts';
import type { NodeReport } from '../../explain/doctor/doctor-node.ts';
import { gather } from '../../nodes/writing/apply.ts';
import { findingsOf } from '../../nodes/findings/findings.ts';
import { runtimeOn } from '../../nodes/findings/found-runtime.ts';
import type { Found } from '../../nodes/looking/found.ts';
import type { Shell } from '../../nodes/shell.ts';
import type { NodesSettings } from '../nodes/nodes-settings.ts';
import type { NodeTarget } from '../nodes/node-target.ts';
import { layDown } from '../nodes/nodes-work.ts';
import { ownedFiles } from '../../nodes/looking/owned-files.ts';
import type { OwnedFile } from '../../nodes/looking/owned-files.ts';

export interface HostVisit {
  readonly node: NodeTarget;
  readonly shell: Shell;
  readonly settings: NodesSettings;
  /** Of the declarations; undefined: none were given. */
  readonly sets: readonly MirrorSet[] | undefined;
}

/** More than one installation on a node: each takes the other's files for somebody else's. */
function ownerConflicts(files: readonly OwnedFile[]): NodeReport['conflicts'] {
  const [first] = files;
  const other = files.find(({ owner }) => owner !== first?.owner);
  if (first === undefined || other === undefined) return [];
  const message = `belongs to the installation ${other.owner}, and ${first.path} to ${first.owner}. Take one of them away: registry-failover nodes restore --owner ${other.owner} --hosts NODE`;
  return [{ path: other.path, message }];
}

async function reportOf(visit: HostVisit, found: Found): Promise<NodeReport> {
  const { node, shell, settings, sets } = visit;
  const seen = runtimeOn(found, settings.runtime);
  const runtime = seen.ok ? seen.value : undefined;
  const findings = findingsOf(found, runtime, settings.layout);
  const owned = ownedFiles(found);
  const base: NodeReport = {
    node: node.name,
    unreached: undefined,
    runtime,
    findings,
    conflicts: ownerConflicts(owned),
    files: owned.map(({ path }) => path),
    differing: undefined,
    leftOut: [],
    error: undefined,
  };
  const isOurs = runtime !== undefined && findings.every(({ code }) => code !== 'ManagedNode');
  if (!isOurs || sets === undefined) return base;
  const result = await layDown({ node, shell, found, runtime, findings }, { settings, sets, isDryRun: true });
  return {
    ...base,
    conflicts: [...base.conflicts, ...result.conflicts],
    differing: result.changes.map(({ path }) => path),
    leftOut: result.leftOut.map(({ message }) => message),
    error: result.error,
  };
}

/** Everything about one node. */
export async function checkHost(visit: HostVisit): Promise<readonly DoctorCheck[]> {
  const { node, shell, settings } = visit;
  const askedAt = Date.now();
  const gathered = await gather(shell, settings.layout);
  const answeredAt = Date.now();
  if (!gathered.ok) {
    const empty = {
      runtime: undefined,
      findings: [],
      conflicts: [],
      files: [],
      differing: undefined,
      leftOut: [],
      error: undefined,
    };
    return judgeNode({ node: node.name, unreached: gathered.error, ...empty });
  }
  const clock = { theirs: gathered.value.clock * 1000, stepMs: 1000, askedAt, answeredAt };
  const report = await reportOf(visit, gathered.value);
  return [...judgeNode(report), ...judgeClock(node.name, 'this node', clock)];
}
