// Findings: everything that is wrong or remarkable on a node, from what was gathered there. Pure.
import { isSupportedRuntime } from '../../domain/managed-node.ts';
import { ConfigFiles } from '../looking/config-files.ts';
import type { Finding } from './finding.ts';
import { containerdFindings } from './findings-containerd.ts';
import type { HostFolder } from './findings-containerd.ts';
import { crioFindings } from './findings-crio.ts';
import type { DropIn } from './findings-crio.ts';
import { managedFindings } from './findings-managed.ts';
import { absent, runtimeOn, unsupported } from './found-runtime.ts';
import { flagOf, processOf } from '../looking/found-process.ts';
import { entriesIn, kindAt, textAt } from '../looking/found.ts';
import type { Found } from '../looking/found.ts';
import { ownerOf } from '../marker.ts';
import type { NodeLayout } from '../node-file.ts';
import type { Runtime } from '../data/wanted.ts';

export type { Finding } from './finding.ts';

const ROOT_FILE = '/root/.config/containers/registries.conf';
const DOCKER_CERTS = '/etc/docker/certs.d';

function isOurs(text: string | undefined): boolean {
  return text !== undefined && ownerOf(text) !== undefined;
}

function hostFolders(found: Found, certsFolder: string): HostFolder[] {
  const folders = entriesIn(found, certsFolder).filter(
    ({ kind }) => kind === 'directory' || kind === 'symlink',
  );
  return folders.map(({ path }) => {
    const file = `${path}/hosts.toml`;
    const text = textAt(found, file);
    // One that is there and could not be read counts as there, and nothing is said of what is in it.
    const hostsToml = text ?? (kindAt(found, file) === undefined ? undefined : '');
    const names = entriesIn(found, path).map((entry) => entry.path.slice(path.length + 1));
    const certificates = names.filter((name) => /\.(crt|cert|key)$/.test(name));
    return { name: path.slice(certsFolder.length + 1), hostsToml, isOurs: isOurs(text), certificates };
  });
}

function onContainerd(found: Found, version: string, layout: NodeLayout): Finding[] {
  const certsFolder = `${layout.containerdFolder}/certs.d`;
  const { file, format, texts } = new ConfigFiles(found, layout).containerd();
  const folders = hostFolders(found, certsFolder);
  return containerdFindings({ version, config: texts, configFile: file, format, certsFolder, folders });
}

function dropInsOf(found: Found, folder: string): DropIn[] {
  return entriesIn(found, folder).flatMap(({ path }) => {
    const text = path.endsWith('.conf') ? textAt(found, path) : undefined;
    return text === undefined ? [] : [{ path, text, isOurs: isOurs(text) }];
  });
}

/** Hosts whose folder in certs.d holds files of ours only, and that Docker's folder has too. */
function hiddenCerts(found: Found, containersFolder: string): string[] {
  const folder = `${containersFolder}/certs.d`;
  return entriesIn(found, folder).flatMap(({ path }) => {
    const inside = entriesIn(found, path);
    const name = path.slice(folder.length + 1);
    const areOurs = inside.length > 0 && inside.every((entry) => isOurs(entry.content?.text()));
    return areOurs && kindAt(found, `${DOCKER_CERTS}/${name}`) !== undefined
      ? [`${DOCKER_CERTS}/${name}`]
      : [];
  });
}

function onCrio(found: Found, layout: NodeLayout): Finding[] {
  const main = `${layout.containersFolder}/registries.conf`;
  const text = textAt(found, main);
  const process = processOf(found, 'crio');
  return crioFindings({
    rootFile: kindAt(found, ROOT_FILE) === undefined ? undefined : ROOT_FILE,
    mainFile: text === undefined ? undefined : { path: main, text },
    hiddenCerts: hiddenCerts(found, layout.containersFolder),
    dropIns: dropInsOf(found, `${main}.d`),
    crioConfig: new ConfigFiles(found, layout).crio(),
    authFile: layout.authFile,
    authFileFlag: process === undefined ? undefined : flagOf(process.cmdline, '--global-auth-file'),
  });
}

function onRuntime(found: Found, runtime: Runtime, layout: NodeLayout): Finding[] {
  const told = processOf(found, runtime.name) === undefined ? [absent(runtime.name)] : [];
  if (!isSupportedRuntime(runtime)) return [...told, unsupported(runtime)];
  const more = runtime.name === 'crio' ? onCrio(found, layout) : onContainerd(found, runtime.version, layout);
  return [...told, ...more];
}

/**
 * Everything that is to be said of a node.
 * @param runtime As far as the caller knows it (a Node object, a flag); undefined: it is looked for here.
 */
export function findingsOf(found: Found, runtime: Runtime | undefined, layout: NodeLayout): Finding[] {
  // Of files that somebody else writes nothing else is worth saying.
  const managed = managedFindings(found);
  if (managed.length > 0) return managed;
  if (runtime !== undefined) return onRuntime(found, runtime, layout);
  const seen = runtimeOn(found);
  return seen.ok ? onRuntime(found, seen.value, layout) : [seen.error];
}
