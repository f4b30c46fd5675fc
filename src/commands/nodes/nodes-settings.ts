// Nodes settings: what the nodes commands are to do, from their flags; all problems at once.
import type { Problem } from '../../domain/problem.ts';
import { err, ok } from '../../domain/result.ts';
import type { Result } from '../../domain/result.ts';
import { isOwner } from '../../nodes/marker.ts';
import { DEFAULT_LAYOUT } from '../../nodes/node-file.ts';
import type { NodeLayout } from '../../nodes/node-file.ts';
import type { RuntimeName } from '../../nodes/data/wanted.ts';
import type { OutputFormat } from '../explain-output.ts';
import { readLayout } from '../node-layout.ts';
import type { LayoutFlags } from '../node-layout.ts';

/** Of the flags that every nodes command has. */
export interface NodesFlags extends LayoutFlags {
  readonly owner: string;
  readonly runtime?: 'auto' | RuntimeName | undefined;
  readonly allowedEndpoint?: readonly string[] | undefined;
  readonly parallel: string;
  readonly canary?: string | undefined;
  readonly keepGoing?: boolean | undefined;
  readonly output: OutputFormat;
}

export interface NodesSettings {
  readonly owner: string;
  readonly layout: NodeLayout;
  /** undefined: found out on each node. */
  readonly runtime: RuntimeName | undefined;
  readonly allowedEndpoints: readonly string[];
  readonly parallel: number;
  readonly canary: number;
  readonly keepGoing: boolean;
  readonly output: OutputFormat;
}

/** Not the DaemonSet's: two installations must not take each other's files for their own. */
export const SSH_OWNER = 'ssh/registry-failover';

/** Types of a Node's addresses, and its name. */
export const NODE_ADDRESSES = ['InternalIP', 'ExternalIP', 'Hostname', 'InternalDNS', 'Name'] as const;

export const NODES_DEFAULTS = {
  owner: SSH_OWNER,
  containersFolder: DEFAULT_LAYOUT.containersFolder,
  containerdFolder: DEFAULT_LAYOUT.containerdFolder,
  parallel: '8',
  canary: '1',
} as const;

const MAX_PARALLEL = 64;
const MAX_CANARY = 1_000;

/** Collects what is wrong with flags. */
class FlagProblems {
  readonly list: Problem[] = [];

  add(path: string, message: string, fix: string): void {
    this.list.push({ path, code: 'InvalidFlag', message, fix });
  }

  count(flag: string, text: string, bounds: { readonly min: number; readonly max: number }): number {
    const value = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
    if (!(value >= bounds.min && value <= bounds.max))
      this.add(
        flag,
        `it is no number from ${bounds.min} to ${bounds.max}`,
        `Write for example ${flag} ${bounds.min + 1}`,
      );
    return value;
  }
}

/** Checks the flags. */
export function parseNodesFlags(flags: NodesFlags): Result<NodesSettings, readonly Problem[]> {
  const problems = new FlagProblems();
  if (!isOwner(flags.owner))
    problems.add(
      '--owner',
      'it is no id of a-z, 0-9, ., / and - in at most 128 characters',
      `Write for example ${SSH_OWNER}`,
    );
  const layout = readLayout(flags);
  if (!layout.ok) problems.list.push(...layout.error);
  const parallel = problems.count('--parallel', flags.parallel, { min: 1, max: MAX_PARALLEL });
  const canary = problems.count('--canary', flags.canary ?? '0', { min: 0, max: MAX_CANARY });
  if (problems.list.length > 0 || !layout.ok) return err(problems.list);
  return ok({
    owner: flags.owner,
    layout: layout.value,
    runtime: flags.runtime === 'auto' ? undefined : flags.runtime,
    allowedEndpoints: flags.allowedEndpoint ?? [],
    parallel,
    canary,
    keepGoing: flags.keepGoing ?? false,
    output: flags.output,
  });
}
