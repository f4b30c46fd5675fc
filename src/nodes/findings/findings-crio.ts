// Findings, CRI-O: why our drop-in would not be read, what overrides it, and what would keep CRI-O from starting again. Pure.
import { readCrioConfig } from '../looking/crio-config.ts';
import type { ConfigText } from '../looking/containerd-config.ts';
import { finding } from './finding.ts';
import type { Finding } from './finding.ts';
import { coversPrefix, effectsOf, readRegistriesConf } from '../looking/registries-conf.ts';
import type { RegistriesConf, RegistryEntry } from '../looking/registries-conf.ts';

/** A file of registries.conf.d. */
export interface DropIn extends ConfigText {
  /** It carries our marker. */
  readonly isOurs: boolean;
}

export interface CrioScene {
  /** root's own registries.conf; undefined: there is none, or it cannot be seen from here. */
  readonly rootFile: string | undefined;
  /** registries.conf itself; undefined: there is none. */
  readonly mainFile: ConfigText | undefined;
  /** Folders of certificates that are not read because of ours. */
  readonly hiddenCerts: readonly string[];
  /** `*.conf` in the order of their names. */
  readonly dropIns: readonly DropIn[];
  /** crio.conf and crio.conf.d in their order; undefined: they cannot be seen from here. */
  readonly crioConfig: readonly ConfigText[] | undefined;
  /** The auth file that we were told CRI-O reads. */
  readonly authFile: string | undefined;
  /** As given on CRI-O's command line, which wins over its files. */
  readonly authFileFlag: string | undefined;
}

const RELOAD = 'systemctl reload crio';

/** A file that could be read as registries.conf. */
interface ReadFile {
  readonly path: string;
  readonly isOurs: boolean;
  readonly conf: RegistriesConf;
}

function rootFindings({ rootFile, mainFile }: CrioScene): Finding[] {
  const told: Finding[] = [];
  if (rootFile !== undefined) {
    const message = `${rootFile} is there: CRI-O and root's podman read it instead of everything in /etc/containers, our files too`;
    const fix = `Move what is needed of it to /etc/containers/registries.conf, then: mv ${rootFile} ${rootFile}.off && ${RELOAD}`;
    told.push(finding('CrioRootRegistriesConf', 'error', message, fix));
  }
  const main = mainFile === undefined ? undefined : readRegistriesConf(mainFile.text, true);
  if (mainFile !== undefined && main?.ok === true && main.value.isVersionOne) {
    const message = `${mainFile.path} has the old syntax [registries.…]: newer podman and CRI-O refuse it, and with it every file beside`;
    const fix = `Write its registries as unqualified-search-registries = ["…"] and [[registry]] tables, then: ${RELOAD}`;
    told.push(finding('CrioVersionOneFile', 'warning', message, fix));
  }
  return told;
}

function brokenFinding({ path, why }: { path: string; why: string }): Finding {
  const message = `${path} is refused: ${why}. CRI-O goes on with what it had read before, no reload has an effect any more, its next start fails, and podman fails now`;
  const fix = `Mend ${path} or mv it to a name without .conf, check with: podman info; then: ${RELOAD}`;
  return finding('CrioRegistriesBroken', 'error', message, fix);
}

/** All files that are read, the main one first, and those that make all of them void. */
function readAll({ mainFile, dropIns }: CrioScene): { files: ReadFile[]; broken: Finding[] } {
  const files: ReadFile[] = [];
  const broken: Finding[] = [];
  const all = [
    ...(mainFile === undefined ? [] : [{ ...mainFile, isOurs: false, isMain: true }]),
    ...dropIns.map((dropIn) => ({ ...dropIn, isMain: false })),
  ];
  for (const { path, text, isOurs, isMain } of all) {
    const conf = readRegistriesConf(text, isMain);
    if (conf.ok) files.push({ path, isOurs, conf: conf.value });
    else broken.push(brokenFinding({ path, why: conf.error }));
  }
  return { files, broken };
}

function overridden(entry: RegistryEntry, { path }: ReadFile, ours: ReadFile): Finding {
  const message = `${path} is read after ${ours.path} and has ${entry.prefix} too: its entry replaces ours, and there is no failover for these images`;
  const name = path.slice(path.lastIndexOf('/') + 1);
  const fix = `Take the [[registry]] of ${entry.prefix} out of it, or let it come first: mv ${path} ${path.slice(0, -name.length)}10-${name}; then: ${RELOAD}`;
  return finding('CrioEntryOverridden', 'error', message, fix);
}

function replaced(entry: RegistryEntry, { path }: ReadFile, ours: ReadFile): Finding {
  const flags = effectsOf(entry);
  const message = `${ours.path} replaces the entry for ${entry.prefix} in ${path}: of that, ${flags.join(' and ') || 'its location'} no longer counts`;
  const fix = `Declare what is needed of it in the RegistryMirrorSet and take it out of ${path}; else nothing is to be done`;
  return finding('CrioEntryReplaced', 'warning', message, fix);
}

/** Whether the second prefix is a part of the first, by whole components. */
function isBelow(inner: string, outer: string): boolean {
  return inner.startsWith(`${outer}/`);
}

/** Only the longest prefix counts: of a wider entry nothing is left for ours, its mirrors and its flags neither. */
function narrowed(entry: RegistryEntry, { path }: ReadFile, ours: ReadFile): Finding[] {
  const inside = ours.conf.entries.filter(({ prefix }) => coversPrefix(entry.prefix, prefix));
  const isMoved = entry.location !== '' && entry.location !== entry.prefix;
  const lost = [...effectsOf(entry), ...(isMoved ? ['its location'] : [])];
  return lost.length === 0
    ? []
    : inside.map(({ prefix }) => {
        const message = `${ours.path} has ${prefix}, which is longer than ${entry.prefix} in ${path}: of that, ${lost.join(' and ')} does not count for ${prefix}`;
        const fix = `Declare what ${prefix} needs of it in the RegistryMirrorSet; else nothing is to be done`;
        return finding('CrioEntryReplaced', 'warning', message, fix);
      });
}

function digestOnly(entry: RegistryEntry, { path }: ReadFile): Finding {
  const message = `${path} has mirror-by-digest-only for ${entry.prefix}: images named by a tag have no mirrors there`;
  const fix = `If tags are to fail over as well, take mirror-by-digest-only out of it; then: ${RELOAD}`;
  return finding('CrioDigestOnlyMirrors', 'info', message, fix);
}

/** What another file's entry means for ours. Later files win, and of nested prefixes the longer. */
function entryFindings(files: readonly ReadFile[]): Finding[] {
  const index = files.findIndex(({ isOurs }) => isOurs);
  const ours = files[index];
  if (ours === undefined) return [];
  const prefixes = new Set(ours.conf.entries.map(({ prefix }) => prefix));
  return files.flatMap((file, at) => {
    if (file.isOurs) return [];
    return file.conf.entries.flatMap((entry) => {
      if (prefixes.has(entry.prefix))
        return at > index ? [overridden(entry, file, ours)] : [replaced(entry, file, ours)];
      const isInside = [...prefixes].some((prefix) => isBelow(entry.prefix, prefix));
      const below = isInside && entry.isDigestOnly && entry.mirrors > 0 ? [digestOnly(entry, file)] : [];
      return [...below, ...narrowed(entry, file, ours)];
    });
  });
}

function authFindings({ authFile, authFileFlag }: CrioScene, found: string): Finding[] {
  const read = authFileFlag ?? found;
  if (authFile === undefined || read === authFile) return [];
  const reads = read === '' ? 'names no global_auth_file' : `reads ${read}`;
  const message = `Credentials for mirrors are to go to ${authFile}, and CRI-O ${reads}: mirrors that need them refuse this node`;
  const other = read === '' ? '' : `; or name that file: --auth-file ${read}`;
  const fix = `Put [crio.image] global_auth_file = "${authFile}" into /etc/crio/crio.conf.d/90-auth-file.conf and run: systemctl restart crio${other}`;
  return [finding('CrioAuthFileNotRead', 'error', message, fix)];
}

function crioConfigFindings(scene: CrioScene): Finding[] {
  if (scene.crioConfig === undefined) return [];
  const { config, broken } = readCrioConfig(scene.crioConfig);
  const told = broken.map(({ path, place }) =>
    finding(
      'CrioConfigBroken',
      'error',
      `${path} is not TOML (${place}): CRI-O goes on with what it had read before, no reload has an effect any more, and its next start fails`,
      `Mend ${place} of ${path}, and check it with: crio config > /dev/null; then: ${RELOAD}`,
    ),
  );
  // Of half a configuration nothing is concluded.
  if (told.length > 0) return told;
  told.push(...authFindings(scene, config.authFile));
  if (config.separatePull !== '') {
    const message = `separate_pull_cgroup = "${config.separatePull}": each pull is a process that reads registries.conf.d anew, so that a broken file there stops pulls at once`;
    const fix = `Let nothing write to /etc/containers/registries.conf.d but by rename; or set separate_pull_cgroup = "" and run: systemctl restart crio`;
    told.push(finding('CrioSeparatePull', 'info', message, fix));
  }
  if (config.autoReload) {
    const message = 'auto_reload_registries is on: CRI-O takes up changed drop-ins without a signal';
    told.push(finding('CrioAutoReload', 'info', message, 'Nothing is to be done'));
  }
  return told;
}

/** Of a host's folders of certificates only the first is read (containers/image docker/docker_client.go, dockerCertDir). */
function certFindings({ hiddenCerts }: CrioScene): Finding[] {
  return hiddenCerts.map((path) => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const message = `${path} is no longer read, because /etc/containers/certs.d/${name} with our CA comes first: what it holds is missing for ${name}`;
    const fix = `Copy what is needed of it: cp ${path}/* /etc/containers/certs.d/${name}/`;
    return finding('CrioCertsHidden', 'warning', message, fix);
  });
}

/** What is to be said of a node with CRI-O (and podman, which reads the same files). */
export function crioFindings(scene: CrioScene): Finding[] {
  const { files, broken } = readAll(scene);
  return [
    ...rootFindings(scene),
    ...broken,
    ...entryFindings(files),
    ...certFindings(scene),
    ...crioConfigFindings(scene),
  ];
}
