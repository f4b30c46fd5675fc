// Containerd config: what containerd's own configuration says about where mirrors are read, whatever its version. Pure.
// Source: internal/cri/config/config.go and plugins/cri/images/plugin.go of containerd 1.7.28, 2.1.4, 2.3.7.
import { asObject, asString, own } from '../../domain/json.ts';
import type { JsonObject } from '../../domain/json.ts';
import { readToml, tableAt } from './toml-read.ts';

/** A file of configuration as it was found. */
export interface ConfigText {
  readonly path: string;
  readonly text: string;
}

/** What the configuration comes to. */
export interface ContainerdConfig {
  /** As it is written; undefined: nowhere. */
  readonly configPath: string | undefined;
  /** `registry.mirrors`, which containerd refuses beside a config_path. */
  readonly hasMirrors: boolean;
  /** Settings because of which 2.1 and newer pull in the CRI plugin itself, where a list of folders is understood. */
  readonly pullsLocally: boolean;
}

/** Where the CRI plugin's image settings are: formats 1, 2 and 3. */
const SECTIONS: readonly (readonly string[])[] = [
  ['plugins', 'cri'],
  ['plugins', 'io.containerd.grpc.v1.cri'],
  ['plugins', 'io.containerd.cri.v1.images'],
];

/** Of CheckLocalImagePullConfigs (2.1 and newer); what is not in a file has its default. */
function needsLocalPull(section: JsonObject): boolean {
  const registry = tableAt(section, 'registry');
  const inner = tableAt(section, 'containerd');
  const setting = (key: string): unknown => own(section, key) ?? own(inner, key);
  const downloads = own(section, 'max_concurrent_downloads');
  return (
    own(section, 'use_local_image_pull') === true ||
    own(section, 'image_pull_with_sync_fs') === true ||
    setting('discard_unpacked_layers') === true ||
    setting('disable_snapshot_annotations') === false ||
    (downloads !== undefined && downloads !== 3) ||
    ['mirrors', 'configs', 'auths'].some((key) => hasEntries(registry, key))
  );
}

function hasEntries(table: JsonObject | undefined, key: string): boolean {
  return Object.keys(asObject(own(table, key)) ?? {}).length > 0;
}

const NOTHING: ContainerdConfig = {
  configPath: undefined,
  hasMirrors: false,
  pullsLocally: false,
};

function merge(before: ContainerdConfig, table: JsonObject): ContainerdConfig {
  const sections = SECTIONS.map((keys) => tableAt(table, ...keys)).filter((found) => found !== undefined);
  const registries = sections.map((section) => tableAt(section, 'registry'));
  const paths = registries.flatMap((registry) => asString(own(registry, 'config_path')) ?? []);
  return {
    configPath: paths.at(-1) ?? before.configPath,
    hasMirrors: before.hasMirrors || registries.some((registry) => hasEntries(registry, 'mirrors')),
    pullsLocally: before.pullsLocally || sections.some(needsLocalPull),
  };
}

/** Files that are no TOML, and what the others come to: the main file first, its imports after it, as containerd merges them. */
export function readContainerdConfig(files: readonly ConfigText[]): {
  readonly config: ContainerdConfig;
  readonly broken: readonly { readonly path: string; readonly place: string }[];
} {
  let config = NOTHING;
  const broken: { path: string; place: string }[] = [];
  for (const { path, text } of files) {
    const table = readToml(text);
    if (table.ok) config = merge(config, table.value);
    else broken.push({ path, place: table.error });
  }
  return { config, broken };
}

/** Does this version have this feature? Only the first two numbers count. */
export function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const match = /^(\d+)\.(\d+)/.exec(version);
  if (match === null) return false;
  const found = [Number(match[1]), Number(match[2])] as const;
  return found[0] > major || (found[0] === major && found[1] >= minor);
}

/** The default of 2.2 and newer, as a list that its own pulls do not understand. */
const DEFAULT_LIST = '/etc/containerd/certs.d:/etc/docker/certs.d';

/** The config_path in force, '' for none: 2.2 and newer take a list of their own for an empty one, unless there are mirrors. */
export function configPathInForce(config: ContainerdConfig, version: string): string {
  const written = config.configPath ?? '';
  return written === '' && !config.hasMirrors && isAtLeast(version, [2, 2]) ? DEFAULT_LIST : written;
}
