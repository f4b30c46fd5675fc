// Nodes rollout: in which order nodes are worked on, how many at once, and when the rest is left alone.

export interface RolloutPlan {
  /** Nodes that are done first, one after another; if one fails nothing else is touched. */
  readonly canary: number;
  /** At most so many at once. At least 1. */
  readonly parallel: number;
  /** Goes on to further nodes after one has failed. Says nothing of canaries: theirs always counts. */
  readonly keepGoing: boolean;
  /** From then on no further node is begun; those under way are finished. */
  readonly signal: AbortSignal;
}

/** One node's part. Never rejects: a failure is a result. */
export interface RolloutWork<N, R> {
  run(node: N, position: { readonly isCanary: boolean }): Promise<R>;
  /** Does the rollout go on after this? */
  isGood(result: R): boolean;
}

/** `undefined`: the node was not touched, because of what came before it. */
export type RolloutResult<R> = R | undefined;

/** Works through the nodes. Resolves, when those under way are done, with one result for each node, in their order. */
export async function rollOut<N, R>(
  nodes: readonly N[],
  plan: RolloutPlan,
  work: RolloutWork<N, R>,
): Promise<readonly RolloutResult<R>[]> {
  const results = nodes.map((): RolloutResult<R> => undefined);
  let isStopped = false;
  let next = 0;
  const workThrough = async (until: number, isCanary: boolean): Promise<void> => {
    while (next < until && !isStopped && !plan.signal.aborted) {
      const index = next;
      next += 1;
      const result = await work.run(nodes[index] as N, { isCanary });
      results[index] = result;
      if (!work.isGood(result) && (isCanary || !plan.keepGoing)) isStopped = true;
    }
  };
  // A single node is no canary of anything.
  if (nodes.length > 1) await workThrough(Math.min(plan.canary, nodes.length), true);
  const width = Math.min(plan.parallel, nodes.length - next);
  await Promise.all(Array.from({ length: Math.max(0, width) }, () => workThrough(nodes.length, false)));
  return results;
}
