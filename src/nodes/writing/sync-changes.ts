// Sync changes: a plan as the changes that a person reads, and the files that are ours before and after it.
import type { FileWrite } from './file-plan.ts';
import type { FoundEntry } from '../looking/found.ts';
import type { NodePlan } from './node-plan.ts';
import type { ApplyReport, FileChange } from './sync-report.ts';

/** A file that only its owner may read is one for the credentials in it; and one with a header to log in, whatever its mode is now. */
function isSecret(entry: FoundEntry | undefined): boolean {
  if (entry === undefined) return false;
  return (entry.mode & 0o077) === 0 || /authorization/i.test(entry.content?.text() ?? '');
}

function textOf(entry: FoundEntry | undefined): { readonly before?: string } {
  const text = entry?.content?.text();
  return text === undefined ? {} : { before: text };
}

function written({ path, secret, content, before }: FileWrite): FileChange {
  const isHidden = secret || isSecret(before);
  if (isHidden) return { path, action: 'write', secret: true };
  return { path, action: 'write', secret: false, after: content, ...textOf(before) };
}

function deleted(entry: FoundEntry, secret: boolean): FileChange {
  const { path } = entry;
  return secret ? { path, action: 'delete', secret } : { path, action: 'delete', secret, ...textOf(entry) };
}

/** In the order in which they are made. */
export function changesOf({ files, auth }: NodePlan): readonly FileChange[] {
  const writes = [...files.newFolders.flatMap((folder) => folder.files), ...files.writes];
  const deletes = [...files.deletes, ...files.oldFolders.flatMap((folder) => folder.files)];
  return [
    ...[...writes, ...(auth.write === undefined ? [] : [auth.write])].map(written),
    ...deletes.map((entry) => deleted(entry, isSecret(entry))),
    ...(auth.remove === undefined ? [] : [deleted(auth.remove, true)]),
  ];
}

function byPath(one: { readonly path: string }, other: { readonly path: string }): number {
  return one.path < other.path ? -1 : 1;
}

/** Our files once the plan is carried out. */
export function filesAfter({ files }: NodePlan): ApplyReport['files'] {
  const all = [...files.newFolders.flatMap((folder) => folder.files), ...files.writes, ...files.leaves];
  return all.map(({ path, sha256 }) => ({ path, sha256 })).sort(byPath);
}

/** Our files as they were found. */
export function filesFound({ ours }: NodePlan): ApplyReport['files'] {
  return ours.map(({ path, sha256 = '' }) => ({ path, sha256 }));
}
