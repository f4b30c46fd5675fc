// Owned files: whose the files on a node are, by the marker in their first line. Pure.
import { ownerOf } from '../marker.ts';
import type { Found } from './found.ts';

export interface OwnedFile {
  readonly path: string;
  readonly owner: string;
}

/** Files of every installation; those without a marker are nobody's here. */
export function ownedFiles(found: Found): readonly OwnedFile[] {
  return [...found.entries.values()].flatMap(({ path, content }) => {
    const owner = content === undefined ? undefined : ownerOf(content.text());
    return owner === undefined ? [] : [{ path, owner }];
  });
}
