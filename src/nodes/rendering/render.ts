// Render: what a node is to know, as the files that its runtime reads. Pure; the agent, the ssh installer and `render` share it.
import type { Credential } from '../../domain/credential.ts';
import type { Endpoint } from '../../domain/endpoint.ts';
import { renderHosts } from './containerd-hosts.ts';
import { crioCaFile, renderDropIn } from './crio-drop-in.ts';
import type { FilePlace } from './crio-drop-in.ts';
import { leaveOut } from './left-out.ts';
import { printMarker } from '../marker.ts';
import type { LeftOut, NodeFile, NodeLayout } from '../node-file.ts';
import { hasDialTimeout } from '../data/runtime-version.ts';
import { usableHost } from './usable-host.ts';
import type { UsableHost, UsableSource } from './usable-host.ts';
import type { NodeWanted } from '../data/wanted.ts';

export interface RenderInput {
  readonly wanted: NodeWanted;
  readonly layout: NodeLayout;
  /** NodeAuth, by endpoint as text; needed for sources with `auth: Node` only. */
  readonly credentials: ReadonlyMap<string, Credential>;
  /** CRI-O: prefixes that somebody else on the node has entries for. Nothing is written for these but what is wanted. */
  readonly others?: ReadonlySet<string> | undefined;
}

export interface Rendered {
  /** In a safe order for writing: certificates before what names them. No path twice. */
  readonly files: readonly NodeFile[];
  /** CRI-O: keys to merge into the auth file. Empty on containerd, where credentials stand in hosts.toml. */
  readonly authEntries: ReadonlyMap<string, Credential>;
  /** Found out on the node; what was left out where the data was made is not in it. */
  readonly leftOut: readonly LeftOut[];
}

const NOTHING: Rendered = { files: [], authEntries: new Map(), leftOut: [] };

/** Shortest prefix first, then by text: of hosts that cannot stand side by side the first one stays, everywhere alike. */
export function comparePrefixes(a: { readonly prefix: string }, b: { readonly prefix: string }): number {
  if (a.prefix.length !== b.prefix.length) return a.prefix.length - b.prefix.length;
  if (a.prefix === b.prefix) return 0;
  return a.prefix < b.prefix ? -1 : 1;
}

/** All CA certificates of each registry host, each once. */
function certificatesByHost(
  sources: readonly UsableSource[],
): readonly { readonly endpoint: Endpoint; readonly certificates: readonly string[] }[] {
  const byHost = new Map<string, { readonly endpoint: Endpoint; readonly certificates: string[] }>();
  for (const { endpoint, certificates } of sources) {
    if (certificates.length === 0) continue;
    const found = byHost.get(endpoint.host) ?? { endpoint, certificates: [] };
    byHost.set(endpoint.host, found);
    found.certificates.push(...certificates.filter((one) => !found.certificates.includes(one)));
  }
  return [...byHost.values()];
}

function renderCrio(hosts: readonly UsableHost[], { layout, wanted, others }: RenderInput): Rendered {
  const place = { folder: layout.containersFolder, marker: printMarker(wanted.owner) };
  const registries = hosts.map(({ prefix, order }) => ({
    prefix,
    order: order.map(({ endpoint }) => endpoint),
  }));
  const sources = hosts.flatMap(({ order }) => order);
  const authEntries = new Map(
    sources.flatMap(({ place, credential }) =>
      credential === undefined ? [] : [[place, credential] as const],
    ),
  );
  const files = [
    ...certificatesByHost(sources).map(({ endpoint, certificates }) =>
      crioCaFile(endpoint, certificates, place),
    ),
    ...(registries.length === 0 ? [] : [renderDropIn(registries, place, others)]),
  ];
  return { files, authEntries, leftOut: [] };
}

/** The files of one host of containerd's, with everything that is written of it. */
export function renderContainerdHost(
  { order, upstream }: UsableHost,
  place: FilePlace & { readonly hasDialTimeout: boolean },
): readonly NodeFile[] {
  const sources = order.map(({ url, role, certificates, credential }) => {
    return { url, role, certificates, basic: credential?.basic() };
  });
  return renderHosts(sources, upstream.host, place);
}

interface ContainerdHost {
  readonly prefix: string;
  readonly files: readonly NodeFile[];
}

/** containerd has one file per host. Of hosts that share one the first stays; another is no loss when it says the same. */
function settleHosts(
  hosts: readonly UsableHost[],
  filesOf: (host: UsableHost) => readonly NodeFile[],
  lost: (host: UsableHost, other: string) => LeftOut,
): { readonly files: readonly NodeFile[]; readonly leftOut: readonly LeftOut[] } {
  const byHost = new Map<string, ContainerdHost>();
  const leftOut: LeftOut[] = [];
  for (const host of hosts) {
    const files = filesOf(host);
    const taken = byHost.get(host.upstream.host);
    if (taken === undefined) byHost.set(host.upstream.host, { prefix: host.prefix, files });
    else if (JSON.stringify(taken.files) !== JSON.stringify(files)) leftOut.push(lost(host, taken.prefix));
  }
  const all = [...byHost.values()].flatMap(({ files }) => files);
  return { files: [...new Map(all.map((file) => [file.path, file])).values()], leftOut };
}

function renderContainerd(hosts: readonly UsableHost[], { wanted, layout }: RenderInput): Rendered {
  const place = {
    folder: layout.containerdFolder,
    marker: printMarker(wanted.owner),
    hasDialTimeout: hasDialTimeout(wanted.runtime),
  };
  const settled = settleHosts(
    hosts,
    (host) => renderContainerdHost(host, place),
    ({ prefix }, other) =>
      leaveOut('HostShared', { set: '', prefix, endpoint: undefined, runtime: 'containerd', other }),
  );
  return { ...settled, authEntries: new Map() };
}

function usableHosts({ wanted, layout, credentials }: RenderInput): {
  readonly hosts: readonly UsableHost[];
  readonly leftOut: readonly LeftOut[];
} {
  const { runtime } = wanted;
  const options = { set: '', runtime, credentials, hasAuthFile: layout.authFile !== undefined };
  const judged = [...wanted.hosts].sort(comparePrefixes).map((host) => usableHost(host, options));
  return {
    hosts: judged.flatMap(({ host }) => host ?? []),
    leftOut: judged.flatMap(({ leftOut }) => leftOut),
  };
}

/**
 * Renders the files of a node. A `Restore` has none. Data that does not make sense is left out with its reason, never
 * written; a file that does not read back as meant is a bug and throws.
 */
export function renderNode(input: RenderInput): Rendered {
  const { wanted } = input;
  if (wanted.action === 'Restore') return NOTHING;
  const usable = usableHosts(input);
  const rendered =
    wanted.runtime.name === 'crio' ? renderCrio(usable.hosts, input) : renderContainerd(usable.hosts, input);
  return { ...rendered, leftOut: [...usable.leftOut, ...rendered.leftOut] };
}
