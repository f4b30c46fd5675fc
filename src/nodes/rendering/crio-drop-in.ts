// CRI-O drop-in: one file of registries.conf.d (version 2, read by podman too) that says where the images of each prefix are.
import { endpointOfPrefix, printEndpoint } from '../../domain/endpoint.ts';
import type { Endpoint } from '../../domain/endpoint.ts';
import { splitPort } from '../../domain/host-pattern.ts';
import { DOCKER_HUB } from '../../domain/reference-grammar.ts';
import type { NodeFile } from '../node-file.ts';
import { readBack } from './read-back.ts';
import { printListItem } from './toml-text.ts';

/** One `[[registry]]` table: a prefix and the places to ask, in order. The last one is its `location`. */
export interface CrioRegistry {
  readonly prefix: string;
  readonly order: readonly Endpoint[];
}

/** Where files go, and their first line. */
export interface FilePlace {
  /** `/etc/containers`, or `/etc/containerd`. */
  readonly folder: string;
  readonly marker: string;
}

/** Sorts late, so that it wins over most others, and is easily beaten by whoever wants to. */
export const CRIO_DROP_IN = '90-registry-failover.conf';

/**
 * Can CRI-O map images to this mirror? Docker Hub without a path is no place for one component (it insists on library/), and
 * that would not cost the mirror alone: a source that cannot be mapped fails the whole pull (sysregistriesv2
 * PullSourcesFromReference).
 */
export function crioMaps({ host, path }: Endpoint): boolean {
  return host !== DOCKER_HUB || path !== '';
}

/**
 * A prefix without a port covers every port of that host to this library ("example.com" is found in
 * "example.com:5000/x"), and maps such an image to a place that is not there, or to none at all, and then the pull fails.
 * Ports cannot be listed in general; those that these very declarations send pods to get a table of their own, which says
 * that they are where they are. One that somebody else has a table for needs none: theirs is longer than ours too.
 */
function shieldsFor(
  registries: readonly CrioRegistry[],
  others: ReadonlySet<string>,
): readonly CrioRegistry[] {
  const prefixes = new Set(registries.map(({ prefix }) => prefix));
  const open = new Set(
    [...prefixes].filter((prefix) => !prefix.includes('/') && splitPort(prefix).port === ''),
  );
  const isOpen = (host: string): boolean => {
    const { name, port } = splitPort(host);
    return port !== '' && open.has(name) && !prefixes.has(host) && !others.has(host);
  };
  const hosts = new Set(registries.flatMap(({ order }) => order.map(({ host }) => host)).filter(isOpen));
  return [...hosts].sort().map((host) => ({ prefix: host, order: [endpointOfPrefix({ host, path: '' })] }));
}

/** The places of a table as text: those asked before, and the last one. */
function placesOf({ order }: CrioRegistry): { readonly first: readonly string[]; readonly last: string } {
  const places = order.map(printEndpoint);
  return { first: places.slice(0, -1), last: places.at(-1) ?? '' };
}

function printRegistry(registry: CrioRegistry): string[] {
  const { first, last } = placesOf(registry);
  return [
    '',
    ...printListItem(
      ['registry'],
      [
        ['prefix', registry.prefix],
        ['location', last],
      ],
    ),
    ...first.flatMap((location) => ['', ...printListItem(['registry', 'mirror'], [['location', location]])]),
  ];
}

function meaningOf(registry: CrioRegistry): object {
  const { first, last } = placesOf(registry);
  const mirror = first.map((location) => ({ location }));
  return { prefix: registry.prefix, location: last, ...(mirror.length === 0 ? {} : { mirror }) };
}

/**
 * Renders the drop-in; the tables come in the order given. `blocked` and `insecure` are never written.
 * @param others Prefixes that somebody else's files have tables for.
 */
export function renderDropIn(
  registries: readonly CrioRegistry[],
  { folder, marker }: FilePlace,
  others: ReadonlySet<string> = new Set(),
): NodeFile {
  const all = [...registries, ...shieldsFor(registries, others)];
  const content = `${[marker, ...all.flatMap(printRegistry)].join('\n')}\n`;
  readBack(content, { registry: all.map(meaningOf) });
  return { path: `${folder}/registries.conf.d/${CRIO_DROP_IN}`, mode: 0o644, content };
}

/** Where the CA certificates of one registry stand for CRI-O and podman: read per connection, beside the system's. */
export function crioCaFile(
  endpoint: Endpoint,
  certificates: readonly string[],
  { folder, marker }: FilePlace,
): NodeFile {
  const path = `${folder}/certs.d/${endpoint.host}/registry-failover.crt`;
  return { path, mode: 0o644, content: `${marker}\n${certificates.join('')}` };
}
