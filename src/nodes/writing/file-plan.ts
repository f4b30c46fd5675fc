// File plan: what is wanted and what is found, as what to write, delete, leave, and what is in the way. Pure.
// Only files with our marker and this owner's id are ours; all others are left alone, whatever is wanted.
import { findObstacle, foldersTo, type PlaceContext } from './file-obstacle.ts';
import { kindAt, type Found, type FoundEntry } from '../looking/found.ts';
import { ownerOf } from '../marker.ts';
import type { NodeFile, NodeLayout } from '../node-file.ts';
import { folderOf, isLeftover } from './note-path.ts';
import { sha256Hex } from '../sha256.ts';
import type { FileConflict } from './sync-report.ts';

export interface FileWrite {
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** Kept from a file of somebody else's; undefined: whoever writes it. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  readonly content: string;
  readonly sha256: string;
  /** It holds credentials. */
  readonly secret: boolean;
  /** What it replaces. */
  readonly before: FoundEntry | undefined;
}

/** Folders that are not there yet, with the files in them: built beside and renamed as one. */
export interface FolderWrite {
  readonly path: string;
  /** `path` and those below it, outermost first. */
  readonly folders: readonly string[];
  readonly files: readonly FileWrite[];
}

/** A folder in which everything is ours: renamed away as one, so that it is never there half. */
export interface FolderDelete {
  readonly path: string;
  readonly files: readonly FoundEntry[];
}

export interface FilePlan {
  readonly newFolders: readonly FolderWrite[];
  /** Into folders that are there; certificates before what names them. */
  readonly writes: readonly FileWrite[];
  /** Stale files of ours, what names others first. */
  readonly deletes: readonly FoundEntry[];
  readonly oldFolders: readonly FolderDelete[];
  /** As wanted already. */
  readonly leaves: readonly FileWrite[];
  readonly conflicts: readonly FileConflict[];
}

export interface FilePlanInput {
  readonly files: readonly NodeFile[];
  readonly found: Found;
  readonly owner: string;
  readonly layout: NodeLayout;
  /** Folders that this owner made (its note). */
  readonly made: readonly string[];
}

/** The files that stand or fall together: those of one host of containerd's, and all of CRI-O's. */
function groupOf(path: string, layout: NodeLayout): string {
  return path.startsWith(`${layout.containerdFolder}/certs.d/`) ? folderOf(path) : layout.containersFolder;
}

/** Without its configuration file a certificate of a group is of no use; the other way round CRI-O's works on. */
function isGroupLost(conflicts: readonly FileConflict[], group: string, layout: NodeLayout): boolean {
  if (group !== layout.containersFolder) return conflicts.length > 0;
  return conflicts.some(({ path }) => path.endsWith('.conf'));
}

function isOurs(entry: FoundEntry, owner: string): boolean {
  const content = entry.kind === 'file' ? entry.content?.text() : undefined;
  return content !== undefined && ownerOf(content) === owner;
}

/** Is it where files of ours can be? Not beside, not deeper, not in a folder that waits for its removal. */
function isPlace(path: string, layout: NodeLayout): boolean {
  const folder = folderOf(path);
  if (isLeftover(path) || isLeftover(folder)) return false;
  if (folder === `${layout.containersFolder}/registries.conf.d`) return true;
  const above = folderOf(folder);
  return above === `${layout.containersFolder}/certs.d` || above === `${layout.containerdFolder}/certs.d`;
}

/** Why it cannot be told which files are ours: one that was not looked at would stay for good. */
export function unseenPlace(found: Found, layout: NodeLayout): string | undefined {
  const unread = [...found.entries.values()].find(
    (entry) => entry.unread === 'TooMuch' && isPlace(entry.path, layout),
  );
  if (!found.isCut && unread === undefined) return undefined;
  const where = [...new Set([layout.containersFolder, layout.containerdFolder])].join(' and ');
  return `there is too much in registries.conf.d and certs.d of ${where} to tell which files are ours: move away what nobody needs`;
}

/** All files of an owner that lie on the node, in lexical order. */
export function findOurs(found: Found, owner: string, layout: NodeLayout): readonly FoundEntry[] {
  return [...found.entries.values()].filter((entry) => isPlace(entry.path, layout) && isOurs(entry, owner));
}

function toWrite({ path, mode, content }: NodeFile, found: Found): FileWrite {
  const before = found.entries.get(path);
  // A file that others may not read is one for the credentials in it (NodeFile.mode).
  const secret = (mode & 0o077) === 0;
  return { path, mode, owner: undefined, content, sha256: sha256Hex(content), secret, before };
}

function isAsWanted({ mode, sha256, before }: FileWrite): boolean {
  return before?.sha256 === sha256 && before.mode === mode;
}

/** The outermost folder on the way that is not there, or undefined. */
function missingFolder(path: string, { found, layout }: PlaceContext): string | undefined {
  return foldersTo(path, layout).find((folder) => kindAt(found, folder) === undefined);
}

function gatherFolders(writes: readonly FileWrite[], context: PlaceContext): readonly FolderWrite[] {
  const byFolder = new Map<string, FileWrite[]>();
  for (const write of writes) {
    const top = missingFolder(write.path, context);
    if (top !== undefined) byFolder.set(top, [...(byFolder.get(top) ?? []), write]);
  }
  return [...byFolder].map(([path, files]) => {
    const folders = files.flatMap((file) => foldersTo(file.path, context.layout));
    const inside = folders.filter((folder) => folder === path || folder.startsWith(`${path}/`));
    return { path, folders: [...new Set(inside)].sort(), files };
  });
}

/** Folders of ours in which nothing is to stay and nothing is anybody else's. */
function wholeFolders(stale: readonly FoundEntry[], input: FilePlanInput): readonly FolderDelete[] {
  const paths = new Set(stale.map(({ path }) => path));
  const candidates = new Set(stale.map(({ path }) => folderOf(path)));
  return [...candidates].flatMap((folder) => {
    if (!input.made.includes(folder) || folder.endsWith('/registries.conf.d')) return [];
    const inside = [...input.found.entries.values()].filter(({ path }) => path.startsWith(`${folder}/`));
    const files = inside.filter(({ path }) => !isLeftover(path));
    const isWhole = files.length === inside.length && files.every(({ path }) => paths.has(path));
    const isWanted = input.files.some(({ path }) => folderOf(path) === folder);
    return isWhole && !isWanted ? [{ path: folder, files }] : [];
  });
}

/** What names other files goes first: a hosts.toml whose `ca` is missing fails every pull of its host. */
function byDeletion(one: FoundEntry, other: FoundEntry): number {
  const rank = ({ path }: FoundEntry): number => (/\.(conf|toml)$/.test(path) ? 0 : 1);
  return rank(one) - rank(other);
}

/** Plans the files below the layout's folders. The auth file is `planAuthFile`'s. */
export function planFiles(input: FilePlanInput): FilePlan {
  const { files, found, owner, layout } = input;
  const context = { found, layout, owner };
  const conflicts = files.flatMap((file) => findObstacle(file.path, context) ?? []);
  const groups = Map.groupBy(conflicts, ({ path }) => groupOf(path, layout));
  const lost = new Set(
    [...groups].filter(([group, list]) => isGroupLost(list, group, layout)).map(([group]) => group),
  );
  const blocked = new Set(conflicts.map(({ path }) => path));
  const isFree = (path: string): boolean => !blocked.has(path) && !lost.has(groupOf(path, layout));
  const all = files.filter(({ path }) => isFree(path)).map((file) => toWrite(file, found));
  const writes = all.filter((write) => !isAsWanted(write));
  const kept = new Set(files.map(({ path }) => path));
  const stale = findOurs(found, owner, layout).filter(({ path }) => !kept.has(path) && isFree(path));
  const oldFolders = wholeFolders(stale, input);
  const taken = new Set(oldFolders.flatMap((folder) => folder.files.map(({ path }) => path)));
  return {
    newFolders: gatherFolders(writes, context),
    writes: writes.filter(({ path }) => missingFolder(path, context) === undefined),
    deletes: stale.filter(({ path }) => !taken.has(path)).sort(byDeletion),
    oldFolders,
    leaves: all.filter(isAsWanted),
    conflicts: [...new Map(conflicts.map((conflict) => [conflict.path, conflict])).values()],
  };
}
