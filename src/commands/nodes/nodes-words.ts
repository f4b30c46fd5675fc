// Nodes words: one node's result in a few words, for its line of progress and its row of the table.
import type { Style } from '../../explain/layout.ts';
import { graveFindings, isBare } from './nodes-result.ts';
import type { NodeResult, NodeState } from './nodes-result.ts';

export type NodesCommand = 'apply' | 'status' | 'diff' | 'restore';

const TITLES: Readonly<Record<NodeState, string>> = {
  changed: 'applied',
  unchanged: 'nothing to do',
  restored: 'restored',
  differs: 'would change',
  'rolled-back': 'rolled back',
  failed: 'failed',
  refused: 'not for us',
  'not-reached': 'not reached',
  'not-tried': 'not tried',
};

/** `status` asks how things are, not what was done. */
const STATUS_TITLES: Partial<Readonly<Record<NodeState, string>>> = {
  unchanged: 'up to date',
  differs: 'differs',
};

const RUNTIMES = { crio: 'cri-o', containerd: 'containerd' } as const;

/** How the command calls the state. `hasDeclarations`: status without them cannot say whether something is up to date. */
export function titleOf({ state }: NodeResult, command: NodesCommand, hasDeclarations: boolean): string {
  if (command !== 'status') return TITLES[state];
  if (state === 'unchanged' && !hasDeclarations) return 'seen';
  return STATUS_TITLES[state] ?? TITLES[state];
}

export function styleOf(result: NodeResult): Style {
  const { state, conflicts } = result;
  if (['rolled-back', 'failed', 'not-reached'].includes(state)) return 'bad';
  if (graveFindings(result).length > 0 || conflicts.length > 0 || isBare(result)) return 'unsure';
  return state === 'changed' || state === 'unchanged' || state === 'restored' ? 'good' : 'unsure';
}

export function printRuntime({ runtime }: NodeResult): string {
  return runtime === undefined ? '-' : `${RUNTIMES[runtime.name]} ${runtime.version}`;
}

function count(amount: number, one: string, many = `${one}s`): string {
  return `${amount} ${amount === 1 ? one : many}`;
}

function countChanges({ changes, state }: NodeResult): readonly string[] {
  const written = changes.filter(({ action }) => action === 'write').length;
  const deleted = changes.length - written;
  const words =
    state === 'differs' ? (['to write', 'to delete'] as const) : (['written', 'deleted'] as const);
  return [
    ...(written === 0 ? [] : [`${written} ${words[0]}`]),
    ...(deleted === 0 ? [] : [`${deleted} ${words[1]}`]),
  ];
}

/** What happened, in a few words; the reasons stand elsewhere. */
export function summarise(result: NodeResult, command: NodesCommand): string {
  const { state, conflicts, notes, files } = result;
  const tried = state === 'rolled-back' || state === 'failed';
  const isSeen = result.runtime !== undefined;
  const grave = graveFindings(result).length;
  const words = [
    ...(command === 'status' && isSeen ? [`${count(files.length, 'file')} of ours`] : []),
    ...(tried ? [] : countChanges(result)),
    ...notes,
    ...(isBare(result) ? ['no file: nothing of what is declared can be written here'] : []),
    ...(conflicts.length === 0 ? [] : [count(conflicts.length, 'conflict')]),
    ...(grave === 0 ? [] : [`${count(grave, 'thing')} in the way`]),
    ...(result.error === undefined ? [] : ['see below']),
  ];
  return words.join(', ');
}

/** `0.4 s`. */
export function printSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
