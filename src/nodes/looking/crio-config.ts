// Crio config: the few settings of CRI-O's own configuration that decide what our files are worth. Pure.
import { asString, own } from '../../domain/json.ts';
import type { ConfigText } from './containerd-config.ts';
import { readToml, tableAt } from './toml-read.ts';

export interface CrioConfig {
  /** Changed drop-ins are taken up without a signal (1.30 and newer). */
  readonly autoReload: boolean;
  /** '' for none. */
  readonly authFile: string;
  /** Pulls are processes of their own, which read every file anew. '' for no. */
  readonly separatePull: string;
}

/** Merges the files in their order: crio.conf, then crio.conf.d by name; a later file wins key by key. */
export function readCrioConfig(files: readonly ConfigText[]): {
  readonly config: CrioConfig;
  readonly broken: readonly { readonly path: string; readonly place: string }[];
} {
  let config: CrioConfig = { autoReload: false, authFile: '', separatePull: '' };
  const broken: { path: string; place: string }[] = [];
  for (const { path, text } of files) {
    const table = readToml(text);
    if (!table.ok) {
      broken.push({ path, place: table.error });
      continue;
    }
    const image = tableAt(table.value, 'crio', 'image');
    const runtime = tableAt(table.value, 'crio', 'runtime');
    const autoReload = own(image, 'auto_reload_registries');
    config = {
      autoReload: typeof autoReload === 'boolean' ? autoReload : config.autoReload,
      authFile: asString(own(image, 'global_auth_file')) ?? config.authFile,
      separatePull:
        asString(own(image, 'separate_pull_cgroup') ?? own(runtime, 'separate_pull_cgroup')) ??
        config.separatePull,
    };
  }
  return { config, broken };
}
