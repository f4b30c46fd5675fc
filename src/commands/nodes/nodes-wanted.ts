// Nodes wanted: which of the declared sets are for a node, and what its runtime is to know of them.
import { selects } from '../../domain/label-selector.ts';
import type { Labels, LabelSelector } from '../../domain/label-selector.ts';
import type { MirrorSet } from '../../domain/mirror-set.ts';
import type { Problem } from '../../domain/problem.ts';
import { err, ok } from '../../domain/result.ts';
import type { Result } from '../../domain/result.ts';
import type { LeftOut } from '../../nodes/node-file.ts';
import { nodeHosts } from '../../nodes/sources/node-sources.ts';
import { readsCertificates } from '../../nodes/rendering/pem-text.ts';
import { parseNodeWanted } from '../../nodes/data/wanted-parse.ts';
import { revisionOf, WANTED_VERSION } from '../../nodes/data/wanted.ts';
import type { NodeWanted, Runtime } from '../../nodes/data/wanted.ts';
import { sha256Hex } from '../../nodes/sha256.ts';

function isForAll(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels).length === 0 && selector.matchExpressions.length === 0;
}

/** The sets that are for a node. Where nobody has told its labels, only those that are for all nodes. */
export function setsFor(sets: readonly MirrorSet[], labels: Labels | undefined): readonly MirrorSet[] {
  return sets.filter(
    ({ nodes }) =>
      nodes.enabled &&
      (isForAll(nodes.selector) || (labels !== undefined && selects(nodes.selector, labels))),
  );
}

/** What has to be said of the sets before anything is done; labels are told for some nodes or for none. */
export function notesOnSets(sets: readonly MirrorSet[], hasLabels: boolean): readonly string[] {
  const off = sets.filter(({ nodes }) => !nodes.enabled).map(({ name }) => name);
  const chosen = sets.filter(({ nodes }) => nodes.enabled && !isForAll(nodes.selector) && !hasLabels);
  const notes: string[] = [];
  if (off.length > 0)
    notes.push(
      `Not for nodes: ${off.join(', ')}. Write spec.nodes.enabled: true to have nodes know the mirrors.`,
    );
  if (chosen.length > 0) {
    const names = chosen.map(({ name }) => name).join(', ');
    notes.push(
      `For nodes with certain labels, which are not known here: ${names}. Left out; name the labels with --label key=value, or take the nodes --from-cluster.`,
    );
  }
  return notes;
}

export interface WantedOptions {
  readonly owner: string;
  readonly runtime: Runtime;
  readonly allowedEndpoints: readonly string[];
}

/** What a node is to have. Upstream first: whether registries are well is not looked at from here. */
export function wantedOf(
  sets: readonly MirrorSet[],
  { owner, runtime, allowedEndpoints }: WantedOptions,
): Result<{ readonly wanted: NodeWanted; readonly leftOut: readonly LeftOut[] }, readonly Problem[]> {
  const { hosts, leftOut } = nodeHosts({ sets, runtime, orderOf: () => 'well', readsCertificates });
  const body = { version: WANTED_VERSION, owner, runtime, action: 'Apply', hosts } as const;
  const wanted = { ...body, revision: revisionOf(body, sha256Hex) };
  // The same door that an agent has: what it refuses is not written over ssh either.
  const parsed = parseNodeWanted(wanted, { allowedEndpoints, readsCertificates });
  return parsed.ok ? ok({ wanted: parsed.value, leftOut }) : err(parsed.error);
}
