// Hosts of containerd: the folder of one registry host in certs.d, with its hosts.toml and the CA certificates that this names.
import type { Endpoint } from '../../domain/endpoint.ts';
import { DOCKER_HUB, pathCovers } from '../../domain/reference-grammar.ts';
import type { ReferencePrefix } from '../../domain/reference.ts';
import type { FilePlace } from './crio-drop-in.ts';
import type { NodeFile } from '../node-file.ts';
import { nameOfContent } from './pem-text.ts';
import { readBack } from './read-back.ts';
import { printPairs, printTable } from './toml-text.ts';
import type { TomlPair } from './toml-text.ts';

/** How long a source may take to be connected to; without it a black hole takes 30 s, for every blob anew. */
const DIAL_TIMEOUT = '1s';

/** One source as hosts.toml has it. */
export interface ContainerdSource {
  readonly url: string;
  readonly role: 'Upstream' | 'Mirror';
  readonly certificates: readonly string[];
  /** What follows `Basic` in an Authorization header; undefined: the source gets none from us. */
  readonly basic: string | undefined;
}

/** docker.io is served under another name, which its endpoint has. */
function addressOf({ host, hostname }: Endpoint): string {
  return `https://${host === DOCKER_HUB ? hostname : host}`;
}

/** `before` such that `before/inner` is `whole`; undefined when there is none. */
function pathBefore(whole: string, inner: string): string | undefined {
  if (inner === '') return whole;
  const reversed = (path: string): string => path.split('/').toReversed().join('/');
  if (!pathCovers(reversed(inner), reversed(whole))) return undefined;
  return whole.slice(0, Math.max(0, whole.length - inner.length - 1));
}

/**
 * The URL under which containerd finds a prefix's images at an endpoint. It asks for the image's whole repository below it
 * (core/remotes/docker/resolver.go request), so that a mirror can only have something before. undefined: no URL leads there.
 */
export function containerdUrl(
  prefix: ReferencePrefix,
  endpoint: Endpoint,
  role: 'Upstream' | 'Mirror',
): string | undefined {
  if (role === 'Upstream') return addressOf(endpoint);
  const before = pathBefore(endpoint.path, prefix.path);
  if (before === undefined) return undefined;
  return before === '' ? addressOf(endpoint) : `${addressOf(endpoint)}/v2/${before}`;
}

/** A path in the URL is taken as it is, and no `/v2` put behind it, only when this says so (hosts.go parseHostConfig). */
function hasPath(url: string): boolean {
  return url.indexOf('/', 'https://'.length) !== -1;
}

function certificateName(certificates: readonly string[]): string | undefined {
  return certificates.length === 0
    ? undefined
    : `registry-failover-${nameOfContent(certificates.join(''))}.pem`;
}

/**
 * The fields of one source. Mirrors resolve tags too: without that no tag would fail over. They take no pushes; the
 * upstream has no list and so whatever this version knows, since an unknown word costs the whole file (`referrers` in 1.7).
 */
function fieldsOf({ url, role, certificates }: ContainerdSource, hasDialTimeout: boolean): TomlPair[] {
  return [
    ['capabilities', role === 'Mirror' ? ['pull', 'resolve'] : undefined],
    // Beside hosts.toml: names without a folder are looked for there, wherever the folder is mounted.
    ['ca', certificateName(certificates)],
    ['override_path', hasPath(url) ? true : undefined],
    ['dial_timeout', hasDialTimeout ? DIAL_TIMEOUT : undefined],
  ];
}

function headerOf({ basic }: ContainerdSource): TomlPair[] {
  return basic === undefined ? [] : [['Authorization', [`Basic ${basic}`]]];
}

function present(pairs: readonly TomlPair[]): Record<string, unknown> {
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined));
}

function withHeader(source: ContainerdSource, pairs: readonly TomlPair[]): Record<string, unknown> {
  const header = headerOf(source);
  return { ...present(pairs), ...(header.length === 0 ? {} : { header: present(header) }) };
}

function printHeader(path: readonly string[], source: ContainerdSource): string[] {
  const header = headerOf(source);
  return header.length === 0 ? [] : ['', ...printTable([...path, 'header'], header)];
}

function certificateFile(source: ContainerdSource, host: string, { folder, marker }: FilePlace): NodeFile[] {
  const name = certificateName(source.certificates);
  if (name === undefined) return [];
  const content = `${marker}\n${source.certificates.join('')}`;
  return [{ path: `${folder}/certs.d/${host}/${name}`, mode: 0o644, content }];
}

/**
 * Renders the folder of one host: certificates first, since a hosts.toml that names a missing one fails every pull. Each
 * has its content's name, so that a hosts.toml never points at another content than it was written for.
 * @param order The sources as they are to be asked, at least one; the last one is `server`.
 * @param host `host[:port]` as it stands in images. containerd also looks for `host_port_`, and there first: ours is the
 * other one, so that it never hides somebody else's.
 */
export function renderHosts(
  order: readonly ContainerdSource[],
  host: string,
  place: FilePlace & { readonly hasDialTimeout: boolean },
): readonly NodeFile[] {
  const server = order.at(-1);
  if (server === undefined) throw new TypeError('a host without a source');
  const root: TomlPair[] = [['server', server.url], ...fieldsOf(server, place.hasDialTimeout)];
  const listed = order.slice(0, -1).map((source) => {
    return { source, path: ['host', source.url], fields: fieldsOf(source, place.hasDialTimeout) };
  });
  const lines = [
    place.marker,
    ...printPairs(root),
    ...printHeader([], server),
    ...listed.flatMap(({ source, path, fields }) => [
      '',
      ...printTable(path, fields),
      ...printHeader(path, source),
    ]),
  ];
  const content = `${lines.join('\n')}\n`;
  const hosts = listed.map(({ source, fields }) => [source.url, withHeader(source, fields)] as const);
  readBack(content, {
    ...withHeader(server, root),
    ...(hosts.length === 0 ? {} : { host: Object.fromEntries(hosts) }),
  });
  const isSecret = order.some(({ basic }) => basic !== undefined);
  return [
    ...order.flatMap((source) => certificateFile(source, host, place)),
    { path: `${place.folder}/certs.d/${host}/hosts.toml`, mode: isSecret ? 0o600 : 0o644, content },
  ];
}
