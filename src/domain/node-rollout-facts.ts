// Node rollout facts: what a rollout knows of each node, and what it says about it. Ages are milliseconds of the caller's clock.

/** Nodes at once: a number, or a share of all that are to have something, rounded up; never less than one. */
export type NodeShare =
  { readonly kind: 'count'; readonly nodes: number } | { readonly kind: 'percent'; readonly percent: number };

export interface RolloutSettings {
  /** Nodes that are being changed at the same time, canaries included. */
  readonly maxUnavailable: NodeShare;
  /** Nodes that get a new revision before all others do. */
  readonly canaries: number;
  /** How long a canary has to be well before others follow. */
  readonly gateMs: number;
  /** An agent that does not report what it has been given for so long counts as a failure. */
  readonly silentMs: number;
}

/** What the agent has said about the revision that the node's object holds now; nothing else counts. */
export type AgentReport =
  /** Nothing yet. `forMs`: since the object has held it, or since we have looked. */
  | { readonly kind: 'Silent'; readonly forMs: number }
  /** Laid down and verified. `forMs`: since we have known. */
  | { readonly kind: 'Done'; readonly forMs: number }
  /** The agent's words. */
  | { readonly kind: 'Failed'; readonly message: string };

/** Whether images can be pulled on the node with its target. */
export type NodeProof =
  | { readonly kind: 'NotNeeded' }
  | { readonly kind: 'Open' }
  | { readonly kind: 'Proved' }
  | { readonly kind: 'Failed'; readonly message: string };

/** What the node's object holds. */
export interface NodePresent {
  readonly revision: string;
  readonly report: AgentReport;
  /** It was written down here that the canaries of this revision are well: a new leader need not try again. */
  readonly isReleased: boolean;
}

/** A node that is to have something. */
export interface RolloutNode {
  readonly name: string;
  readonly isReady: boolean;
  /** The revision that it is to have. All nodes with the same one are one rollout. */
  readonly target: string;
  /** undefined: it has no object yet. */
  readonly present: NodePresent | undefined;
  /** Of the target, on this node. */
  readonly proof: NodeProof;
}

export type WaitReason = 'Canary' | 'Batch' | 'Stopped' | 'NotReady';

/** How it stands with a node. */
export type NodeStanding =
  | { readonly kind: 'UpToDate' }
  /** It has been given the target, and its agent is at work or a canary is being proved. */
  | { readonly kind: 'InProgress' }
  /** One sentence: what failed there. */
  | { readonly kind: 'Failed'; readonly message: string }
  /** One sentence: what it waits for. */
  | { readonly kind: 'Waiting'; readonly reason: WaitReason; readonly message: string };

export interface RolloutPlan {
  /** Of every node that was given. */
  readonly standings: ReadonlyMap<string, NodeStanding>;
  /** Nodes that get their target now. */
  readonly write: readonly string[];
  /** Nodes on which the target is to be proved now. */
  readonly prove: readonly string[];
  /** Nodes on whose object it is to be written down that the canaries of its revision are well. */
  readonly release: readonly string[];
  /** When time alone changes something next; undefined: never. */
  readonly wakeInMs: number | undefined;
}

/** Of `total` nodes. */
export function resolveShare(share: NodeShare, total: number): number {
  const nodes = share.kind === 'count' ? share.nodes : Math.ceil((total * share.percent) / 100);
  return Math.max(1, nodes);
}
