// Usable host: what a runtime can be told of one wanted host, and what it cannot: the same judgement where data is made and where it is rendered.
import type { Credential } from '../../domain/credential.ts';
import { parseEndpoint } from '../../domain/endpoint.ts';
import type { Endpoint } from '../../domain/endpoint.ts';
import { containerdUrl } from './containerd-hosts.ts';
import { crioMaps } from './crio-drop-in.ts';
import { leaveOut } from './left-out.ts';
import type { LeftOut, LeftOutReason } from '../node-file.ts';
import { readCertificates } from './pem-text.ts';
import { holdsBrackets } from '../data/runtime-version.ts';
import type { Runtime, WantedHost, WantedSource } from '../data/wanted.ts';

/** A source with everything that is written of it. */
export interface UsableSource {
  /** As in the data. */
  readonly place: string;
  readonly endpoint: Endpoint;
  readonly role: WantedSource['role'];
  readonly certificates: readonly string[];
  /** Only with `auth: Node`. */
  readonly credential: Credential | undefined;
  /** '' on CRI-O, which maps by the endpoint itself. */
  readonly url: string;
}

export interface UsableHost {
  readonly prefix: string;
  readonly upstream: Endpoint;
  /** As they are to be asked; the upstream and at least one mirror. */
  readonly order: readonly UsableSource[];
}

export interface UsableOptions {
  /** '' where it is not known. */
  readonly set: string;
  readonly runtime: Runtime;
  /** By endpoint as text. */
  readonly credentials: ReadonlyMap<string, Credential>;
  /** CRI-O has a file for NodeAuth. */
  readonly hasAuthFile: boolean;
}

type Verdict = { readonly source: UsableSource } | { readonly reason: LeftOutReason };

/** '' for CRI-O, which has the endpoint itself; undefined: there is no way to say how images are mapped there. */
function urlOf(
  { role }: WantedSource,
  endpoint: Endpoint,
  upstream: Endpoint,
  runtime: Runtime,
): string | undefined {
  if (runtime.name === 'containerd') return containerdUrl(upstream, endpoint, role);
  return role === 'Upstream' || crioMaps(endpoint) ? '' : undefined;
}

/** What the node shows there itself. CRI-O reads it from a file that its operator has to name. */
function credentialAt({ endpoint, auth }: WantedSource, options: UsableOptions): Credential | undefined {
  const canLogIn = options.runtime.name === 'containerd' || options.hasAuthFile;
  return auth === 'Node' && canLogIn ? options.credentials.get(endpoint) : undefined;
}

function parsePlace(place: string, runtime: Runtime): Endpoint | undefined {
  const endpoint = parseEndpoint(place);
  const isHeld = !place.startsWith('[') || holdsBrackets(runtime);
  return endpoint.ok && isHeld ? endpoint.value : undefined;
}

function judge(source: WantedSource, upstream: Endpoint, options: UsableOptions): Verdict {
  const { endpoint: place, role, auth, caPem } = source;
  const endpoint = parsePlace(place, options.runtime);
  if (endpoint === undefined) return { reason: 'HostNotExpressible' };
  const certificates = caPem === '' ? [] : readCertificates(caPem);
  if (certificates === undefined) return { reason: 'CaNotUsable' };
  const url = urlOf(source, endpoint, upstream, options.runtime);
  if (url === undefined) return { reason: 'PathNotExpressible' };
  const credential = credentialAt(source, options);
  if (auth === 'Node' && credential === undefined) return { reason: 'NoNodeCredential' };
  return { source: { place, endpoint, role, certificates, credential, url } };
}

/** Of two sources at one URL only one can stand in a file of containerd's; the upstream, or the first in order. */
function isTwin(source: UsableSource, others: readonly UsableSource[]): boolean {
  if (source.role === 'Upstream' || source.url === '') return false;
  const twin = others.find((other) => other.url === source.url && other.role === 'Upstream');
  const first = others.find((other) => other.url === source.url);
  return twin !== undefined || first !== source;
}

/**
 * Judges every source of a host. Without its upstream, or without any mirror, there is nothing to write and `host` is
 * undefined. Data that was never checked is judged as well: what does not parse is left out.
 */
export function usableHost(
  host: WantedHost,
  options: UsableOptions,
): { readonly host: UsableHost | undefined; readonly leftOut: readonly LeftOut[] } {
  const { set, runtime } = options;
  const say = (reason: LeftOutReason, endpoint: string | undefined): LeftOut =>
    leaveOut(reason, { set, prefix: host.prefix, endpoint, runtime: runtime.name });
  const prefix = parseEndpoint(host.prefix);
  if (!prefix.ok) return { host: undefined, leftOut: [say('HostNotExpressible', undefined)] };
  const leftOut: LeftOut[] = [];
  const judged: UsableSource[] = [];
  for (const place of new Set(host.order)) {
    const source = host.sources.find(({ endpoint }) => endpoint === place);
    if (source === undefined) continue;
    const verdict = judge(source, prefix.value, options);
    if ('source' in verdict) judged.push(verdict.source);
    else if (source.role === 'Upstream')
      return { host: undefined, leftOut: [say(verdict.reason, undefined)] };
    else leftOut.push(say(verdict.reason, place));
  }
  const order = judged.filter((source) => !isTwin(source, judged));
  const twins = judged.filter((source) => !order.includes(source));
  leftOut.push(...twins.map(({ place }) => say('HostNotExpressible', place)));
  const hasBoth = order.some(({ role }) => role === 'Upstream') && order.length > 1;
  if (hasBoth) return { host: { prefix: host.prefix, upstream: prefix.value, order }, leftOut };
  return { host: undefined, leftOut: [...leftOut, say('NoMirrorLeft', undefined)] };
}
