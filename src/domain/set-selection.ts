// Set selection: which mirror sets are for a namespace, by what is known of it.
import { selects, selectsByName } from './label-selector.ts';
import type { Labels, LabelSelector } from './label-selector.ts';
import type { MirrorSet } from './mirror-set.ts';

/** A set without a selector is for every opted-in namespace. */
function setsWhere(
  sets: readonly MirrorSet[],
  isSelected: (selector: LabelSelector) => boolean,
): readonly MirrorSet[] {
  return sets.filter(
    ({ namespaceSelector }) => namespaceSelector === undefined || isSelected(namespaceSelector),
  );
}

/** The sets that are for a namespace with these labels. */
export function setsFor(sets: readonly MirrorSet[], labels: Labels): readonly MirrorSet[] {
  return setsWhere(sets, (selector) => selects(selector, labels));
}

/** The sets that are for a namespace of this name whatever its labels are, which nobody has told us. */
export function setsForName(sets: readonly MirrorSet[], name: string): readonly MirrorSet[] {
  return setsWhere(sets, (selector) => selectsByName(selector, name));
}
