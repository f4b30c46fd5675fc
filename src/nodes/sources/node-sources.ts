// Node sources: mirror sets as the data of a node, by what its runtime does with credentials; and what may not be in it.
import type { Credential } from '../../domain/credential.ts';
import type { Endpoint } from '../../domain/endpoint.ts';
import { printEndpoint } from '../../domain/endpoint.ts';
import type { MirrorSet } from '../../domain/mirror-set.ts';
import { WANTED_BOUNDS } from '../../domain/node-bounds.ts';
import { printPrefix } from '../../domain/reference.ts';
import { leaveOut } from '../rendering/left-out.ts';
import { authAt } from './mirror-auth.ts';
import { nodeCredentials } from './node-credentials.ts';
import type { LeftOut, LeftOutReason } from '../node-file.ts';
import { comparePrefixes, renderContainerdHost } from '../rendering/render.ts';
import { usableHost } from '../rendering/usable-host.ts';
import type { UsableHost } from '../rendering/usable-host.ts';
import type { Runtime, WantedHost, WantedSource } from '../data/wanted.ts';

/** Is a place believed to answer? `out` only when it is known not to. */
export type Standing = 'well' | 'out';

export interface NodeHostsInput {
  /** The sets in force that select the node, by name. */
  readonly sets: readonly MirrorSet[];
  readonly runtime: Runtime;
  readonly orderOf: (endpoint: Endpoint) => Standing;
  /** As for the agent, which refuses all of the data for one bundle: what it could not read is left out. Default: all is read. */
  readonly readsCertificates?: (pem: string) => boolean;
  /** What nodes show at each endpoint, by the sets of all nodes: the agents have one Secret. Default: by these sets. */
  readonly shown?: ReadonlyMap<string, Credential>;
}

export interface NodeHosts {
  /** By prefix. */
  readonly hosts: readonly WantedHost[];
  readonly leftOut: readonly LeftOut[];
}

/**
 * The order in which a runtime is to ask: the upstream first while it is well, then mirrors as declared, those that are out
 * behind the others. An upstream that is out goes last, but only when a mirror is well: when nothing answers, that says
 * more about where we look from, and the order stays as if nothing were known. No source is ever left out.
 */
export function orderSources(
  sources: readonly WantedSource[],
  standingOf: (endpoint: string) => Standing,
): readonly string[] {
  const upstream = sources.filter(({ role }) => role === 'Upstream').map(({ endpoint }) => endpoint);
  const mirrors = sources.filter(({ role }) => role === 'Mirror').map(({ endpoint }) => endpoint);
  const well = mirrors.filter((endpoint) => standingOf(endpoint) === 'well');
  const out = mirrors.filter((endpoint) => standingOf(endpoint) === 'out');
  const isLast = well.length > 0 && upstream.some((endpoint) => standingOf(endpoint) === 'out');
  return isLast ? [...well, ...out, ...upstream] : [...upstream, ...well, ...out];
}

/** Characters of all certificates of one node's data together; an object of the API server ends at some 1.5 MB. */
const MAX_CERTIFICATE_TEXT = 1_000_000;

function isUsable({ trust }: Endpoint, { readsCertificates }: NodeHostsInput): boolean {
  if (trust === undefined) return true;
  return trust.pem.length <= WANTED_BOUNDS.caPem && (readsCertificates?.(trust.pem) ?? true);
}

/** One set while it is made into data. */
class Draft {
  readonly set: MirrorSet;
  readonly prefix: string;
  readonly leftOut: LeftOut[] = [];
  readonly #input: NodeHostsInput;
  readonly #credentials: ReadonlyMap<string, Credential>;

  /** @param credentials Of all sets that are for the node. */
  constructor(set: MirrorSet, input: NodeHostsInput, credentials: ReadonlyMap<string, Credential>) {
    this.set = set;
    this.prefix = printPrefix(set.prefix);
    this.#input = input;
    this.#credentials = credentials;
  }

  /** Would the node show what a set for other nodes has? */
  #isOfOthers(endpoint: string): boolean {
    const [mine, shown] = [this.#credentials.get(endpoint), this.#input.shown?.get(endpoint)];
    return mine !== undefined && shown !== undefined && !shown.equals(mine);
  }

  leave(reason: LeftOutReason, endpoint?: string, other?: string): undefined {
    const subject = {
      set: this.set.name,
      prefix: this.prefix,
      endpoint,
      other,
      runtime: this.#input.runtime.name,
    };
    this.leftOut.push(leaveOut(reason, subject));
    return undefined;
  }

  #mirrorSources(): readonly WantedSource[] {
    return this.set.mirrors.flatMap((mirror) => {
      const endpoint = printEndpoint(mirror.endpoint);
      const verdict = isUsable(mirror.endpoint, this.#input)
        ? authAt(this.set, mirror, this.#input.runtime.name)
        : 'CaNotUsable';
      if (verdict === 'Node' && this.#isOfOthers(endpoint)) {
        this.leave('CredentialOfOtherNodes', endpoint);
        return [];
      }
      if (verdict !== 'None' && verdict !== 'Node') {
        this.leave(verdict, endpoint);
        return [];
      }
      return [{ endpoint, role: 'Mirror' as const, auth: verdict, caPem: mirror.endpoint.trust?.pem ?? '' }];
    });
  }

  /** What stands against the set as a whole, before its mirrors are looked at. */
  #obstacle(): LeftOutReason | undefined {
    const { nodes, prefix, upstream } = this.set;
    if (!nodes.enabled) return 'NodesNotEnabled';
    const isPart = prefix.path !== '' && this.#input.runtime.name === 'containerd';
    if (isPart && !nodes.wholeHost) return 'WholeHostNotAllowed';
    return isUsable(upstream, this.#input) ? undefined : 'CaNotUsable';
  }

  /** Its data with the order of declaration, or undefined when there is nothing to write; then it is said why. */
  wantedHost(): WantedHost | undefined {
    const obstacle = this.#obstacle();
    if (obstacle !== undefined) return this.leave(obstacle);
    const caPem = this.set.upstream.trust?.pem ?? '';
    const upstream = { endpoint: this.prefix, role: 'Upstream', auth: 'None', caPem } as const;
    const sources = [upstream, ...this.#mirrorSources()];
    return { prefix: this.prefix, sources, order: sources.map(({ endpoint }) => endpoint) };
  }
}

/** A host that can be written, with the set that it is from. */
interface Candidate {
  readonly draft: Draft;
  readonly wanted: WantedHost;
  readonly usable: UsableHost;
}

function candidateOf(
  draft: Draft,
  runtime: Runtime,
  credentials: ReadonlyMap<string, Credential>,
): Candidate | undefined {
  const wanted = draft.wantedHost();
  if (wanted === undefined) return undefined;
  const judged = usableHost(wanted, {
    set: draft.set.name,
    runtime,
    credentials,
    // Whether the node has one is the node's to say.
    hasAuthFile: true,
  });
  draft.leftOut.push(...judged.leftOut);
  if (judged.host === undefined) return undefined;
  const places = new Set(judged.host.order.map(({ place }) => place));
  const sources = wanted.sources.filter(({ endpoint }) => places.has(endpoint));
  return { draft, wanted: { ...wanted, sources }, usable: judged.host };
}

/** What containerd would be told of it, whatever set it is from. */
function describe({ usable }: Candidate): string {
  const place = { folder: '', marker: '#', hasDialTimeout: false };
  return JSON.stringify(renderContainerdHost(usable, place));
}

/** containerd has one file per host: of several sets the first stays, and the others are lost unless they say the same. */
function settle(candidates: readonly Candidate[], { name }: Runtime): readonly Candidate[] {
  if (name === 'crio') return candidates;
  const byHost = new Map<string, Candidate>();
  for (const candidate of candidates) {
    const { host } = candidate.usable.upstream;
    const taken = byHost.get(host);
    if (taken === undefined) byHost.set(host, candidate);
    else if (describe(taken) !== describe(candidate)) {
      candidate.draft.leave(
        'HostShared',
        undefined,
        `mirror set ${taken.draft.set.name} (${taken.draft.prefix})`,
      );
    }
  }
  return [...byHost.values()];
}

/** As much as the data of a node may hold; the rest is lost, and said. */
function fit(candidates: readonly Candidate[]): readonly Candidate[] {
  let room = MAX_CERTIFICATE_TEXT;
  let count = 0;
  return candidates.filter(({ draft, wanted }) => {
    const size = wanted.sources.reduce((sum, { caPem }) => sum + caPem.length, 0);
    const fits = count < WANTED_BOUNDS.hosts && size <= room;
    if (fits) [room, count] = [room - size, count + 1];
    else draft.leave('TooMuch');
    return fits;
  });
}

/** Turns mirror sets into the data of one node. What cannot be written is in `leftOut`, by set in the order of prefixes. */
export function nodeHosts(input: NodeHostsInput): NodeHosts {
  const credentials = nodeCredentials(input.sets);
  const drafts = input.sets.map((set) => new Draft(set, input, credentials)).sort(comparePrefixes);
  const candidates = drafts.flatMap((draft) => candidateOf(draft, input.runtime, credentials) ?? []);
  const chosen = fit(settle(candidates, input.runtime));
  const hosts = chosen.map(({ draft, wanted }) => {
    const endpoints = [draft.set.upstream, ...draft.set.mirrors.map(({ endpoint }) => endpoint)];
    const standings = new Map(endpoints.map((one) => [printEndpoint(one), input.orderOf(one)] as const));
    const order = orderSources(wanted.sources, (endpoint) => standings.get(endpoint) ?? 'well');
    return { ...wanted, order };
  });
  return {
    hosts: hosts.sort((a, b) => (a.prefix < b.prefix ? -1 : 1)),
    leftOut: drafts.flatMap(({ leftOut }) => leftOut),
  };
}
