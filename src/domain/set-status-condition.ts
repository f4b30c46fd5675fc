// Set status condition: what a condition says, before it has a time; and how its words are put together.

export type ConditionType =
  'Valid' | 'CredentialsReady' | 'NodesReady' | 'UpstreamAvailable' | 'AdmissionActive';

/** Reasons are one word for machines and for the columns of `kubectl get`; those of Valid are the codes of problems too. */
export type ConditionReason =
  // Valid
  | 'Valid'
  // every other condition of a set that is not in force
  | 'NotInForce'
  // UpstreamAvailable
  | 'Serving'
  | 'Unreachable'
  | 'Failing'
  | 'NotAskedYet'
  // CredentialsReady
  | 'Ready'
  | 'NotNeeded'
  | 'Pending'
  | 'Failed'
  | 'Refused'
  | 'SourceMissing'
  | 'NoPullSecret'
  // CredentialsReady and AdmissionActive
  | 'NoNamespace'
  // AdmissionActive
  | 'PodsSeen'
  | 'SomePodsNotSeen'
  | 'PodsNotSeen'
  | 'NoPodYet'
  // NodesReady
  | 'Disabled'
  | 'NotInstalled'
  | 'NotKnownYet'
  | 'NoNodes'
  | 'NothingToWrite'
  | 'RollingOut'
  | 'Stopped'
  | 'NotConfigurable'
  | 'Hindered'
  | 'UpToDate';

export interface Finding {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  /** What is the matter and what to do. No times and no durations: it changes only when something has. */
  readonly message: string;
}

/** A finding with a reason of the closed list. */
export function found(
  type: ConditionType,
  status: Finding['status'],
  reason: ConditionReason,
  message: string,
): Finding {
  return { type, status, reason, message };
}

const MAX_LISTED = 3;

/** `a, b, c and 4 more`. */
export function listSome(items: readonly string[], total: number = items.length): string {
  const told = items.slice(0, MAX_LISTED);
  const rest = total - told.length;
  return rest > 0 ? `${told.join(', ')} and ${rest} more` : told.join(', ');
}

/** `1 pod`, `2 pods`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

export const NOT_IN_FORCE = 'The set is not in force: see Valid.';

/** How to opt a namespace in. */
export const OPT_IN_COMMAND = 'kubectl label namespace NAME registry-failover.io/enabled=true';
