// Findings, containerd: why hosts.toml files of ours would not be read, or would be read otherwise than their owners expect. Pure.
import { configPathInForce, isAtLeast, readContainerdConfig } from '../looking/containerd-config.ts';
import type { ConfigText, ContainerdConfig } from '../looking/containerd-config.ts';
import { finding } from './finding.ts';
import type { Finding } from './finding.ts';
import { readToml } from '../looking/toml-read.ts';

/** A folder of one registry below certs.d. */
export interface HostFolder {
  readonly name: string;
  /** undefined: there is none in it. */
  readonly hostsToml: string | undefined;
  /** It carries our marker. */
  readonly isOurs: boolean;
  /** Names of certificates and keys of others in it, which are read only where there is no hosts.toml. */
  readonly certificates: readonly string[];
}

/** Of the formats 1, 2, and 3 and newer. */
const SECTION_OF = ['cri', 'io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.images'] as const;

export interface ContainerdScene {
  readonly version: string;
  /** The main file and its imports; empty: there is none, containerd has its defaults. undefined: they cannot be seen from here. */
  readonly config: readonly ConfigText[] | undefined;
  /** Where config.toml is or would be. */
  readonly configFile: string;
  /** Of the main file; undefined: there is none, or it could not be read. */
  readonly format: number | undefined;
  /** Where our files go, e.g. `/etc/containerd/certs.d`. */
  readonly certsFolder: string;
  readonly folders: readonly HostFolder[];
}

/** What sets ONE path, in the words of the file's format. */
function settingFor({ version, certsFolder, format }: ContainerdScene): string {
  const used = format ?? (isAtLeast(version, [2, 0]) ? 3 : 2);
  const section = SECTION_OF[Math.min(Math.max(used, 1), 3) - 1] ?? '';
  const first = format === undefined ? `version = ${used} on its first line and ` : '';
  return `${first}config_path = "${certsFolder}" under [plugins."${section}".registry]`;
}

function byHand(scene: ContainerdScene): string {
  return `Set ${settingFor(scene)} in ${scene.configFile}, then: systemctl restart containerd (running containers go on)`;
}

/** What `nodes apply` does itself: not where other people's files would stop being read, nor in files of the first format. */
function fixOf(scene: ContainerdScene): string {
  const other = '; or let it be done: registry-failover nodes apply --hosts NODE --set-config-path';
  return scene.format === 1 ? byHand(scene) : `${byHand(scene)}${other}`;
}

/** A list is one path that does not exist, to the transfer service, which 2.1 and newer pull with. */
function listFindings(scene: ContainerdScene, config: ContainerdConfig, path: string): Finding[] {
  const splits = !isAtLeast(scene.version, [2, 1]) || config.pullsLocally;
  if (!splits) {
    const whose = config.configPath === path ? '' : ', its own default,';
    const message = `containerd ${scene.version} takes config_path "${path}"${whose} for ONE folder, which does not exist: no hosts.toml is read, and pulls go to the registry alone`;
    return [finding('ContainerdConfigPathList', 'error', message, fixOf(scene))];
  }
  return path.split(':').includes(scene.certsFolder) ? [] : [elsewhere(scene, path)];
}

function elsewhere(scene: ContainerdScene, path: string): Finding {
  const message = `containerd reads hosts.toml files in "${path}", and ours are in ${scene.certsFolder}: they have no effect`;
  const folder = path.endsWith('/certs.d') ? path.slice(0, -'/certs.d'.length) : undefined;
  const other = folder === undefined ? '' : `; or name that folder: --containerd-folder ${folder}`;
  return finding('ContainerdConfigPathElsewhere', 'error', message, `${byHand(scene)}${other}`);
}

function mirrorFindings(scene: ContainerdScene, config: ContainerdConfig): Finding[] {
  const means =
    config.configPath === undefined || config.configPath === ''
      ? 'so hosts.toml files are not read'
      : 'and config_path as well: with both, the CRI plugin does not load at the next start, and the node is lost to Kubernetes';
  const message = `containerd's configuration has registry.mirrors, ${means}`;
  const fix = `Move those mirrors into ${scene.certsFolder}/HOST/hosts.toml and take [plugins.….registry.mirrors] out of ${scene.configFile}; then: ${byHand(scene)}`;
  return [finding('ContainerdOldMirrors', 'error', message, fix)];
}

function pathFindings(scene: ContainerdScene, config: ContainerdConfig): Finding[] {
  if (config.hasMirrors) return mirrorFindings(scene, config);
  const path = configPathInForce(config, scene.version);
  if (path.includes(':')) return listFindings(scene, config, path);
  if (path.replace(/\/+$/, '') === scene.certsFolder) return [];
  if (path !== '') return [elsewhere(scene, path)];
  const message = `containerd ${scene.version} has no config_path, so hosts.toml files are not read, and pulls go to the registry alone`;
  return [finding('ContainerdConfigPathEmpty', 'error', message, fixOf(scene))];
}

function configFindings(scene: ContainerdScene): Finding[] {
  if (scene.config === undefined) return [];
  const { config, broken } = readContainerdConfig(scene.config);
  const told = broken.map(({ path, place }) =>
    finding(
      'ContainerdConfigBroken',
      'error',
      `${path} is not TOML (${place}): containerd will not start with it`,
      `Mend ${place} of ${path}, and check it with: containerd config dump`,
    ),
  );
  // Of half a configuration nothing is concluded.
  return told.length > 0 ? told : pathFindings(scene, config);
}

/** `host:port` as containerd looks for it first on Unix (core/remotes/docker/config/config_unix.go). */
function firstNameOf(name: string): string | undefined {
  const match = /^(.+):(\d{1,5})$/.exec(name);
  return match === null ? undefined : `${match[1]}_${match[2]}_`;
}

function hidingFindings({ folders, certsFolder }: ContainerdScene): Finding[] {
  const names = new Set(folders.map(({ name }) => name));
  return folders.flatMap(({ name, isOurs }) => {
    const first = isOurs ? firstNameOf(name) : undefined;
    if (first === undefined || !names.has(first)) return [];
    const message = `${certsFolder}/${first} is there, and containerd looks for it before ${certsFolder}/${name}: our mirrors for ${name} are not read`;
    const fix = `If nobody needs it any more: mv ${certsFolder}/${first} ${certsFolder}/${first}.off`;
    return [finding('ContainerdFolderHidesOurs', 'error', message, fix)];
  });
}

function defaultFindings({ folders, certsFolder }: ContainerdScene): Finding[] {
  if (!folders.some(({ name, hostsToml }) => name === '_default' && hostsToml !== undefined)) return [];
  const hosts = folders.filter(({ isOurs }) => isOurs).map(({ name }) => name);
  if (hosts.length === 0) return [];
  const message = `${certsFolder}/_default/hosts.toml no longer counts for ${hosts.slice(0, 5).join(', ')}${hosts.length > 5 ? ', …' : ''}: a folder of the registry's own comes first, and ours is one`;
  const fix = `If pulls from there need what _default says, declare it in the RegistryMirrorSet; else nothing is to be done`;
  return [finding('ContainerdDefaultHidden', 'warning', message, fix)];
}

function brokenHostsFindings({ folders, certsFolder }: ContainerdScene): Finding[] {
  return folders.flatMap(({ name, hostsToml }) => {
    const table = hostsToml === undefined ? undefined : readToml(hostsToml);
    if (table === undefined || table.ok) return [];
    const path = `${certsFolder}/${name}/hosts.toml`;
    const message = `${path} is not TOML (${table.error}): containerd passes over it without failing, and pulls for ${name} go without mirrors and CAs`;
    const fix = `Mend ${table.error} of ${path}; it is read anew at every pull`;
    return [finding('ContainerdHostsTomlBroken', 'warning', message, fix)];
  });
}

/** Without a hosts.toml containerd takes *.crt, *.cert and *.key of the folder (core/remotes/docker/config/hosts.go, loadHostDir). */
function certificateFindings({ folders, certsFolder }: ContainerdScene): Finding[] {
  return folders.flatMap(({ name, isOurs, certificates }) => {
    const [first] = isOurs ? certificates : [];
    if (first === undefined) return [];
    const message = `${certsFolder}/${name}/${first} is no longer read, because our hosts.toml is beside it: a CA or client certificate of others is missing for ${name}`;
    const fix = `Declare a CA as caBundle in the RegistryMirrorSet; a client certificate cannot be declared: leave containerd nodes with one out by nodes.selector`;
    return [finding('ContainerdCertsNotRead', 'warning', message, fix)];
  });
}

/** What is to be said of a node with containerd. */
export function containerdFindings(scene: ContainerdScene): Finding[] {
  return [
    ...configFindings(scene),
    ...hidingFindings(scene),
    ...defaultFindings(scene),
    ...brokenHostsFindings(scene),
    ...certificateFindings(scene),
  ];
}
