// Note path: the names of everything that is ours beside the runtime's files, chosen so that no runtime reads them.
import type { NodeLayout } from '../node-file.ts';
import type { RuntimeName } from '../data/wanted.ts';

const STEM = 'registry-failover';
/** Hidden and ending in none of `.conf`, `.crt`, `.cert`, `.key`, `.toml`: containers/image and containerd pass them over. */
const NEW = `.${STEM}.new`;
const OLD = `.${STEM}.old`;
const NOTE = '.note';

function split(path: string): { readonly folder: string; readonly name: string } {
  const slash = path.lastIndexOf('/');
  return { folder: path.slice(0, slash), name: path.slice(slash + 1) };
}

/** The folder that a path is in. */
export function folderOf(path: string): string {
  return split(path).folder;
}

/** Where the new content of a file lies before its rename; the same folder, hence the same file system. */
export function newBeside(path: string): string {
  const { folder, name } = split(path);
  return `${folder}/.${name}${NEW}`;
}

/** Where a file's previous bytes lie until the change is known to hold. */
export function oldBeside(path: string): string {
  const { folder, name } = split(path);
  return `${folder}/.${name}${OLD}`;
}

/** A folder that is being built; numbered, since a host's name and an ending may be too long together (255 bytes). */
export function newFolderBeside(path: string, number: number): string {
  return `${folderOf(path)}/.${STEM}.${number}${NEW}`;
}

/** A folder that has been taken out of the way. */
export function oldFolderBeside(path: string, number: number): string {
  return `${folderOf(path)}/.${STEM}.${number}${OLD}`;
}

/** Left by a run that was killed, if no run is under way. */
export function isLeftover(path: string): boolean {
  const { name } = split(path);
  return name.startsWith('.') && (name.endsWith(NEW) || name.endsWith(OLD));
}

/** The folder in which a runtime's note lies: one that is there, or is made first. */
export function baseFolder(layout: NodeLayout, runtime: RuntimeName): string {
  return runtime === 'crio' ? layout.containersFolder : layout.containerdFolder;
}

/** An owner's memory of what it made and what it replaced. An owner has no `_`, so that two never share a note. */
export function notePath(base: string, owner: string): string {
  return `${base}/.${STEM}.${owner.replaceAll('/', '_')}${NOTE}`;
}
