// Node grant: what NodeAuth gives to everybody who may run a pod, in the one sentence that status and explain say.

/** @param mirrors At which nodes show a credential of their own, as text; at least one. */
export function sayNodeGrant(mirrors: readonly string[]): string {
  return `Nodes log in at ${mirrors.join(', ')} themselves (NodeAuth): every pod on them can pull from there all that their credential can read.`;
}
