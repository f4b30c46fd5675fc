// Replaced entry: what somebody else has declared for a registry, and ours would take away without a word. Pure.
import type { NodeWanted, WantedHost } from '../data/wanted.ts';
import { coversPrefix, effectsOf, readRegistriesConf } from '../looking/registries-conf.ts';
import type { RegistryEntry } from '../looking/registries-conf.ts';
import { entriesIn, kindAt, textAt } from '../looking/found.ts';
import type { Found } from '../looking/found.ts';
import { leaveOut } from '../rendering/left-out.ts';
import { ownerOf } from '../marker.ts';
import type { LeftOut, NodeLayout } from '../node-file.ts';
import { CRIO_DROP_IN } from '../rendering/crio-drop-in.ts';

interface Place {
  readonly found: Found;
  readonly layout: NodeLayout;
}

/** Hosts that may be written, and those that would cost a node sources that it has by somebody else's hand. */
export interface Untaken {
  readonly wanted: NodeWanted;
  readonly leftOut: readonly LeftOut[];
  /** CRI-O: prefixes of which somebody else's entries are in force or were before ours. */
  readonly others: ReadonlySet<string>;
}

interface Foreign {
  readonly path: string;
  readonly entry: RegistryEntry;
}

/** An entry that only says where the registry is anyway takes nothing with it. */
function hasEffect(entry: RegistryEntry): boolean {
  const isMoved = entry.location !== '' && entry.location !== entry.prefix;
  return isMoved || effectsOf(entry).length > 0;
}

function entriesOf(path: string, isMain: boolean, found: Found): readonly RegistryEntry[] {
  const text = textAt(found, path);
  const conf = text === undefined ? undefined : readRegistriesConf(text, isMain);
  return conf?.ok === true ? conf.value.entries : [];
}

/** Of files that are read before ours: of two entries for one prefix the later file's counts, whole. */
function foreignEntries({ found, layout }: Place): readonly Foreign[] {
  const main = `${layout.containersFolder}/registries.conf`;
  const folder = `${layout.containersFolder}/registries.conf.d`;
  const earlier = entriesIn(found, folder)
    .map(({ path }) => path)
    .filter((path) => path.endsWith('.conf') && path < `${folder}/${CRIO_DROP_IN}`);
  return [main, ...earlier].flatMap((path) =>
    entriesOf(path, path === main, found)
      .filter(hasEffect)
      .map((entry) => ({ path, entry })),
  );
}

/** The file that has something for this registry, which would count no longer. */
function replacedOnCrio(foreign: readonly Foreign[], place: Place): (host: WantedHost) => string | undefined {
  const ours = `${place.layout.containersFolder}/registries.conf.d/${CRIO_DROP_IN}`;
  // What we have written already goes on being kept: its order must be turned when a registry dies.
  const present = new Set(entriesOf(ours, false, place.found).map(({ prefix }) => prefix));
  return ({ prefix }) => {
    if (present.has(prefix)) return undefined;
    return foreign.find(({ entry }) => entry.prefix === prefix || coversPrefix(entry.prefix, prefix))?.path;
  };
}

/** What somebody has for all hosts: a hosts.toml, or without one certificates in Docker's way (loadHostDir, loadCertFiles). */
function foreignDefault(folder: string, found: Found): string | undefined {
  const file = `${folder}/hosts.toml`;
  const text = textAt(found, file);
  if (text !== undefined && text.trim() !== '') return ownerOf(text) === undefined ? file : undefined;
  return entriesIn(found, folder).find(({ path }) => /\/[^./][^/]*\.(crt|cert|key)$/.test(path))?.path;
}

/** containerd takes the first folder that is there: `_default` does not count for a host that has one. */
function replacedOnContainerd({ found, layout }: Place): (host: WantedHost) => string | undefined {
  const folder = `${layout.containerdFolder}/certs.d`;
  const other = foreignDefault(`${folder}/_default`, found);
  return ({ prefix }) => {
    const [host = ''] = prefix.split('/', 1);
    return kindAt(found, `${folder}/${host}`) === undefined ? other : undefined;
  };
}

/** Takes out of the data what would replace somebody else's: no node is to have fewer sources than it had without us. */
export function leaveReplaced(wanted: NodeWanted, place: Place): Untaken {
  const { runtime } = wanted;
  const foreign = runtime.name === 'crio' ? foreignEntries(place) : [];
  const replaced = runtime.name === 'crio' ? replacedOnCrio(foreign, place) : replacedOnContainerd(place);
  const leftOut: LeftOut[] = [];
  const hosts = wanted.hosts.filter((host) => {
    const other = replaced(host);
    if (other === undefined) return true;
    const subject = { set: '', prefix: host.prefix, endpoint: undefined, runtime: runtime.name, other };
    leftOut.push(leaveOut('OthersEntry', subject));
    return false;
  });
  const others = new Set(foreign.map(({ entry }) => entry.prefix));
  return { wanted: { ...wanted, hosts }, leftOut, others };
}
