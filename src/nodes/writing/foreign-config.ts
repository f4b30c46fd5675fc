// Foreign config: a file of somebody else's that keeps CRI-O from reading any. Nothing of ours is written beside it.
import { entriesIn, textAt, type Found } from '../looking/found.ts';
import type { NodeLayout } from '../node-file.ts';
import { folderOf } from './note-path.ts';
import { readRegistriesConf } from '../looking/registries-conf.ts';
import type { SyncPlan } from './sync-plan.ts';

/**
 * One broken file, main or drop-in, and a reload keeps the old configuration while the next start fails (containers/image,
 * sysregistriesv2). So a change of a drop-in would not take effect, and would look as if it had broken CRI-O.
 * Taking ours away is not refused. undefined when nothing is known to be broken.
 */
export function findForeignBreak(plan: SyncPlan, found: Found, layout: NodeLayout): string | undefined {
  const folder = `${layout.containersFolder}/registries.conf.d`;
  const written = [...plan.writes, ...plan.newFolders.flatMap(({ files }) => files)].map(({ path }) => path);
  if (!written.some((path) => folderOf(path) === folder)) return undefined;
  const main = `${layout.containersFolder}/registries.conf`;
  const dropIns = entriesIn(found, folder).map(({ path }) => path);
  const others = dropIns.filter((path) => path.endsWith('.conf') && !written.includes(path));
  for (const path of [main, ...others]) {
    const text = textAt(found, path);
    const read = text === undefined ? undefined : readRegistriesConf(text, path === main);
    if (read?.ok === false) {
      return `ForeignConfigBroken: CRI-O would refuse ${path} (${read.error}), and with it every other file: repair it first`;
    }
  }
  return undefined;
}
