// Node layout: where a node keeps its configuration, as the flags of several commands say it.
import { parseNodePath } from '../domain/node-path.ts';
import type { Problem } from '../domain/problem.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';
import { DEFAULT_LAYOUT } from '../nodes/node-file.ts';
import type { NodeLayout } from '../nodes/node-file.ts';

export interface LayoutFlags {
  readonly containersFolder: string;
  readonly containerdFolder: string;
  readonly authFile?: string | undefined;
}

export function readContainerdFolder({
  containerdFolder,
}: Pick<LayoutFlags, 'containerdFolder'>): Result<string, Problem> {
  return parseNodePath('--containerd-folder', containerdFolder, DEFAULT_LAYOUT.containerdFolder);
}

/** All that is wrong at once. */
export function readLayout(flags: LayoutFlags): Result<NodeLayout, readonly Problem[]> {
  const containers = parseNodePath('--containers-folder', flags.containersFolder);
  const containerd = readContainerdFolder(flags);
  const auth =
    flags.authFile === undefined
      ? ok(undefined)
      : parseNodePath('--auth-file', flags.authFile, '/etc/containers/auth.json');
  if (containers.ok && containerd.ok && auth.ok)
    return ok({
      containersFolder: containers.value,
      containerdFolder: containerd.value,
      authFile: auth.value,
    });
  return err([containers, containerd, auth].flatMap((part) => (part.ok ? [] : [part.error])));
}
