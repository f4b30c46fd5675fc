// File obstacle: why a file that is wanted may not be written where it belongs. Pure.
import { entriesIn, kindAt, type Found, type FoundEntry } from '../looking/found.ts';
import { ownerOf } from '../marker.ts';
import type { NodeLayout } from '../node-file.ts';
import { folderOf } from './note-path.ts';
import type { ConflictReason, FileConflict } from './sync-report.ts';

export interface PlaceContext {
  readonly found: Found;
  readonly layout: NodeLayout;
}

interface ObstacleContext extends PlaceContext {
  readonly owner: string;
}

/** The folders below a layout folder that lead to a path, outermost first; the layout folder itself may be anything, a link too. */
export function foldersTo(path: string, layout: NodeLayout): readonly string[] {
  const base = [layout.containersFolder, layout.containerdFolder].find((folder) =>
    path.startsWith(`${folder}/`),
  );
  if (base === undefined) return [];
  const names = path.slice(base.length + 1).split('/');
  return names.slice(0, -1).map((_name, index) => `${base}/${names.slice(0, index + 1).join('/')}`);
}

function conflict(path: string, reason: ConflictReason, message: string): FileConflict {
  return { path, reason, message };
}

function folderObstacle(path: string, { found, layout }: PlaceContext): FileConflict | undefined {
  for (const folder of foldersTo(path, layout)) {
    const kind = kindAt(found, folder);
    if (kind === 'symlink') {
      return conflict(
        path,
        'SymlinkInTheWay',
        `${folder} is a symbolic link: replace it by a folder, or remove it`,
      );
    }
    if (kind !== undefined && kind !== 'directory') {
      return conflict(path, 'NotAFile', `${folder} is no folder: move it away`);
    }
  }
  return undefined;
}

function contentObstacle({ path, content, unread }: FoundEntry, owner: string): FileConflict | undefined {
  if (unread !== undefined) {
    return conflict(
      path,
      'Unreadable',
      `${path} is too large or unreadable, so that it cannot be told whose it is: move it away`,
    );
  }
  const other = content === undefined ? undefined : ownerOf(content.text());
  if (other === owner) return undefined;
  if (other === undefined) {
    return conflict(
      path,
      'NotOurs',
      `${path} is not ours (no marker in its first line): move it away, or leave this registry out`,
    );
  }
  return conflict(
    path,
    'OtherOwner',
    `${path} belongs to another installation, ${other}: restore that one first`,
  );
}

function fileObstacle(path: string, { found, owner }: ObstacleContext): FileConflict | undefined {
  const entry = found.entries.get(path);
  if (entry === undefined) return undefined;
  if (entry.kind === 'symlink') {
    return conflict(path, 'SymlinkInTheWay', `${path} is a symbolic link: remove it`);
  }
  if (entry.kind !== 'file') return conflict(path, 'NotAFile', `${path} is no file: move it away`);
  return contentObstacle(entry, owner);
}

/** containerd looks for `host_port_` before `host:port` (core/remotes/docker/config, hostPaths). */
function underscoreFolder(folder: string): string | undefined {
  const colon = folder.lastIndexOf(':');
  return colon <= folder.lastIndexOf('/') + 1
    ? undefined
    : `${folder.slice(0, colon)}_${folder.slice(colon + 1)}_`;
}

/**
 * What containerd reads of a host besides our hosts.toml: another folder that comes first, or certificates in Docker's
 * way, which it reads only while there is no hosts.toml, so that ours would take a registry's trust away.
 */
function hostObstacle(path: string, { found, layout }: ObstacleContext): FileConflict | undefined {
  const folder = folderOf(path);
  if (path !== `${folder}/hosts.toml` || folderOf(folder) !== `${layout.containerdFolder}/certs.d`)
    return undefined;
  const rival = underscoreFolder(folder);
  if (rival !== undefined && kindAt(found, rival) !== undefined) {
    return conflict(path, 'NotOurs', `containerd reads ${rival} instead of this folder: move it away`);
  }
  if (kindAt(found, `${folder}/hosts.toml`) !== undefined) return undefined;
  const certificate = entriesIn(found, folder).find(
    ({ path: name }) => /\.(crt|cert|key)$/.test(name) && !name.slice(folder.length + 1).startsWith('.'),
  );
  if (certificate === undefined) return undefined;
  return conflict(
    path,
    'NotOurs',
    `containerd would stop reading ${certificate.path} beside a hosts.toml: put it into a caBundle and move it away`,
  );
}

/** The first thing in the way of a file, or undefined. */
export function findObstacle(path: string, context: ObstacleContext): FileConflict | undefined {
  return folderObstacle(path, context) ?? fileObstacle(path, context) ?? hostObstacle(path, context);
}
