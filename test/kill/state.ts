// State: what a runtime would make of a node's folders at one moment, and whether that is all old or new, whole and safe.
import { parse } from 'smol-toml';
import { readRegistriesConf } from '../../src/nodes/looking/registries-conf.ts';
import { SECRET } from './scenarios.ts';

/** As `photograph` gives it. */
export type Photo = Readonly<Record<string, string>>;

/** Ours alone, which no runtime reads. */
export function isHidden(path: string): boolean {
  return path.split('/').some((name) => name.startsWith('.') && name.includes('registry-failover'));
}

function contentOf(facts: string): string {
  return facts.slice(facts.indexOf('\n') + 1);
}

function isFile(facts: string | undefined): boolean {
  return facts?.startsWith('file') === true;
}

function modeOf(facts: string): number {
  return Number.parseInt(facts.split(' ')[1] ?? '0', 8);
}

/** Every path that a runtime reads is as in one of the two. */
function neitherOldNorNew(now: Photo, old: Photo, next: Photo): readonly string[] {
  const paths = new Set([...Object.keys(now), ...Object.keys(old), ...Object.keys(next)]);
  return [...paths].filter((path) => {
    if (isHidden(path) || now[path] === old[path] || now[path] === next[path]) return false;
    // A folder on its way: it may be there a moment earlier or later, empty ones of hosts are judged by their sources.
    return !(now[path]?.startsWith('folder') === true && (path in old || path in next));
  });
}

interface Table {
  readonly server?: string;
  readonly ca?: string | readonly string[];
  readonly host?: Readonly<Record<string, Table>>;
}

function missingCertificates(
  table: Table,
  { now, root, beside }: { readonly now: Photo; readonly root: string; readonly beside: string },
): readonly string[] {
  const own = table.ca === undefined ? [] : [table.ca].flat();
  const all = [...own, ...Object.values(table.host ?? {}).flatMap((host) => [host.ca ?? []].flat())];
  return all.filter((name) => {
    // Relative names are looked for beside the hosts.toml (containerd, core/remotes/docker/config/hosts.go).
    const facts = now[name.startsWith('/') ? name.slice(root.length + 1) : `${beside}/${name}`];
    return facts === undefined || !contentOf(facts).endsWith('-----END CERTIFICATE-----\n');
  });
}

function isRead(path: string): boolean {
  return (
    !isHidden(path) &&
    /^(containers\/registries\.conf(\.d\/[^/]*\.conf)?|containerd\/certs\.d\/[^/]*\/hosts\.toml)$/.test(path)
  );
}

function invalidFiles(now: Photo, root: string): readonly string[] {
  return Object.entries(now).flatMap(([path, facts]) => {
    if (!isRead(path) || !isFile(facts)) return [];
    const text = contentOf(facts);
    if (path.startsWith('containers/')) {
      const read = readRegistriesConf(text, path.endsWith('registries.conf'));
      return read.ok ? [] : [`${path}: ${read.error}`];
    }
    try {
      const missing = missingCertificates(parse(text), {
        now,
        root,
        beside: path.slice(0, path.lastIndexOf('/')),
      });
      return missing.map((ca) => `${path}: its ca ${ca} is not there or not whole`);
    } catch (error) {
      return [`${path}: ${String(error)}`];
    }
  });
}

/** containerd's places for a host: its folder, else `_default`, else the registry itself. */
function sourcesOnContainerd(now: Photo, name: string): string {
  const folder = ['containerd/certs.d/' + name, 'containerd/certs.d/_default'].find((path) => path in now);
  const facts = folder === undefined ? undefined : now[`${folder}/hosts.toml`];
  if (facts === undefined) return 'upstream only';
  const table = parse(contentOf(facts)) as Table;
  return [...Object.keys(table.host ?? {}), table.server ?? ''].sort().join(' ');
}

/** What the runtimes would ask for the images of each host, place by place. */
export function sourcesOf(now: Photo): ReadonlyMap<string, string> {
  const hosts = ['fra.example.com', 'quay.example.com'];
  const crio = Object.entries(now).filter(([path]) => path.startsWith('containers/') && isRead(path));
  const tables = crio.map(([path, facts]) =>
    readRegistriesConf(contentOf(facts), path.endsWith('registries.conf')),
  );
  const entries = tables.flatMap((read) => (read.ok ? read.value.entries : []));
  return new Map([
    ...hosts.map((name) => [`containerd ${name}`, sourcesOnContainerd(now, name)] as const),
    ...hosts.map((name) => {
      const mirrors = entries.findLast(({ prefix }) => prefix === name)?.mirrors;
      return [`crio ${name}`, String(mirrors ?? 'upstream only')] as const;
    }),
  ]);
}

function lostSources(now: Photo, old: Photo, next: Photo): readonly string[] {
  const [present, before, after] = [sourcesOf(now), sourcesOf(old), sourcesOf(next)];
  return [...present]
    .filter(([host, sources]) => sources !== before.get(host) && sources !== after.get(host))
    .map(([host, sources]) => `${host} has "${sources}", neither what it had nor what it was to have`);
}

/** New before old is deleted: where something old has gone, all that is new is there. */
function goneTooEarly(now: Photo, old: Photo, next: Photo): readonly string[] {
  const gone = Object.keys(old).filter((path) => isRead(path) && !(path in next) && !(path in now));
  const missing = Object.keys(next).filter((path) => isRead(path) && now[path] !== next[path]);
  return gone.length === 0 ? [] : missing.map((path) => `${gone[0]} has gone, and ${path} is not new yet`);
}

function openSecrets(now: Photo): readonly string[] {
  const encoded = Buffer.from(`pull:${SECRET}`).toString('base64');
  return Object.entries(now)
    .filter(
      ([, facts]) => isFile(facts) && contentOf(facts).includes(encoded) && (modeOf(facts) & 0o007) !== 0,
    )
    .map(([path]) => `${path} holds a credential and others may read it`);
}

/** What is wrong with a node at this moment, whatever is under way; empty: nothing. */
export function judgeMoment(
  now: Photo,
  { old, next, root }: { readonly old: Photo; readonly next: Photo; readonly root: string },
): readonly string[] {
  const torn = neitherOldNorNew(now, old, next).map(
    (path) => `${path} is neither old nor new: ${now[path] ?? 'not there'}`,
  );
  if (torn.length > 0) return torn;
  const invalid = invalidFiles(now, root);
  const lost = invalid.length > 0 ? [] : lostSources(now, old, next);
  return [...invalid, ...lost, ...goneTooEarly(now, old, next), ...openSecrets(now)];
}

/** In what two photos differ. */
export function difference(one: Photo, other: Photo): readonly string[] {
  const paths = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...paths].filter((path) => one[path] !== other[path]);
}
