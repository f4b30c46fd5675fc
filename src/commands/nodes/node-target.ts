// Node target: one node that a command is about, and the flags that say which they are.
import type { Labels } from '../../domain/label-selector.ts';
import type { ManagedNode } from '../../domain/managed-node.ts';
import type { SshTarget } from '../../ssh/ssh-target.ts';

/** A node to work on. */
export interface NodeTarget {
  /** What reports call it. */
  readonly name: string;
  readonly target: SshTarget;
  /** undefined where nobody has told us. */
  readonly labels: Labels | undefined;
  /** Known from its Node object before anything is connected. */
  readonly managed: ManagedNode | undefined;
}

/** How the nodes are named: of `hosts`, `hostsFile` and `fromCluster` exactly one. */
export interface TargetFlags {
  readonly hosts?: readonly string[] | undefined;
  readonly hostsFile?: string | undefined;
  readonly fromCluster?: boolean | undefined;
  readonly nodeAddress?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  /** `key=value`, of every host that is named. */
  readonly label?: readonly string[] | undefined;
}
