// Render view: what `render` has to say, as plain data. Printed as JSON or YAML it is the documented form, version 1.
import type { LabelSelector } from '../../domain/label-selector.ts';
import type { MirrorSet } from '../../domain/mirror-set.ts';
import type { Problem } from '../../domain/problem.ts';
import { printPrefix } from '../../domain/reference.ts';
import type { LeftOut } from '../../nodes/node-file.ts';
import type { NodeHosts } from '../../nodes/sources/node-sources.ts';
import type { Rendered } from '../../nodes/rendering/render.ts';
import type { Runtime } from '../../nodes/data/wanted.ts';

export interface RenderView {
  readonly kind: 'render';
  readonly v: 1;
  /** `nothing`: there is no file. `partly`: there are files, and something that was to be in them is not. */
  readonly result: 'complete' | 'partly' | 'nothing';
  readonly runtime: Runtime & {
    /** Nobody said the version. */
    readonly isAssumed: boolean;
  };
  readonly files: readonly {
    readonly path: string;
    /** As chmod takes it: `0644`. */
    readonly mode: string;
    /** Without credentials. */
    readonly content: string;
  }[];
  /** CRI-O: keys that go into the node's auth file, beside what is there. */
  readonly authEntries: { readonly file: string; readonly keys: readonly string[] } | undefined;
  readonly leftOut: readonly LeftOut[];
  /** Sets for some nodes only. */
  readonly selectors: readonly { readonly set: string; readonly selector: LabelSelector }[];
  readonly notes: readonly string[];
  /** What is wrong with the declarations; what is right with them is in the files. */
  readonly problems: readonly Problem[];
}

/** What was found out. */
export interface RenderFindings {
  readonly runtime: Runtime;
  readonly isAssumed: boolean;
  readonly authFile: string | undefined;
  readonly sets: readonly MirrorSet[];
  readonly planned: NodeHosts;
  readonly rendered: Rendered;
  readonly notes: readonly string[];
  readonly problems: readonly Problem[];
}

function isEmpty({ matchLabels, matchExpressions }: LabelSelector): boolean {
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}

/** On the node only the prefix is known; here the set is known too. */
function named(leftOut: readonly LeftOut[], sets: readonly MirrorSet[]): LeftOut[] {
  return leftOut.map((one) => {
    const set = sets.find(({ prefix }) => printPrefix(prefix) === one.prefix);
    return { ...one, set: set?.name ?? one.set };
  });
}

function resultOf(
  files: number,
  leftOut: readonly LeftOut[],
  problems: readonly Problem[],
): RenderView['result'] {
  if (files === 0) return 'nothing';
  // A set that is not for nodes is as it was asked for.
  const isLess = leftOut.some(({ reason }) => reason !== 'NodesNotEnabled');
  return isLess || problems.length > 0 ? 'partly' : 'complete';
}

/** Puts what was found out into its documented form. */
export function viewRender(found: RenderFindings): RenderView {
  const { rendered, planned, sets, authFile } = found;
  const leftOut = [...planned.leftOut, ...named(rendered.leftOut, sets)];
  const keys = [...rendered.authEntries.keys()];
  return {
    kind: 'render',
    v: 1,
    result: resultOf(rendered.files.length, leftOut, found.problems),
    runtime: { ...found.runtime, isAssumed: found.isAssumed },
    files: rendered.files.map(({ path, mode, content }) => {
      return { path, mode: mode.toString(8).padStart(4, '0'), content };
    }),
    authEntries: authFile === undefined || keys.length === 0 ? undefined : { file: authFile, keys },
    leftOut,
    selectors: sets
      .filter(({ nodes }) => nodes.enabled && !isEmpty(nodes.selector))
      .map(({ name, nodes }) => ({ set: name, selector: nodes.selector })),
    notes: found.notes,
    problems: found.problems,
  };
}
