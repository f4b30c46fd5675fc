// Node targets: what each node is to have, from the mirror sets that select it; and its present data in the order of the moment.
import type { Credential } from '../../domain/credential.ts';
import { selects } from '../../domain/label-selector.ts';
import type { MirrorSet } from '../../domain/mirror-set.ts';
import { nodeCredentials } from '../../nodes/sources/node-credentials.ts';
import type { LeftOut } from '../../nodes/node-file.ts';
import { nodeHosts, orderSources } from '../../nodes/sources/node-sources.ts';
import { revisionOf, WANTED_VERSION } from '../../nodes/data/wanted.ts';
import type { NodeWanted, Runtime, WantedHost } from '../../nodes/data/wanted.ts';
import { readsCertificates } from '../../nodes/rendering/pem-text.ts';
import { sha256Hex } from '../../nodes/sha256.ts';
import type { NodeOrderBook } from './node-order-book.ts';
import type { NodeRecord } from './node-record.ts';

/** What a node is to have. */
export interface NodeTarget {
  readonly wanted: NodeWanted;
  /** The sets that select it, by name; none: what we have written there is to go. */
  readonly sets: readonly MirrorSet[];
  readonly leftOut: readonly LeftOut[];
}

function compareNames(a: MirrorSet, b: MirrorSet): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one) => b.includes(one));
}

/** Targets for as long as neither sets nor places change: nodes that are alike share one, which takes milliseconds to make. */
export class NodeTargets {
  readonly #owner: string;
  readonly #sets: readonly MirrorSet[];
  readonly #order: NodeOrderBook;
  /** What the agents' one Secret holds, whichever nodes the sets are for. */
  readonly #credentials: ReadonlyMap<string, Credential>;
  readonly #shared = new Map<string, NodeTarget>();

  /** @param owner `namespace/fullname` of the installation. */
  constructor(owner: string, sets: readonly MirrorSet[], order: NodeOrderBook) {
    this.#owner = owner;
    this.#sets = sets.filter(({ nodes }) => nodes.enabled).sort(compareNames);
    this.#credentials = nodeCredentials(this.#sets);
    this.#order = order;
  }

  /** The sets that select a node with these labels, by name. */
  setsFor(labels: NodeRecord['labels']): readonly MirrorSet[] {
    return this.#sets.filter(({ nodes }) => selects(nodes.selector, labels));
  }

  /** @param present What the node has: of an endpoint that nothing is known of yet, its place there stays. */
  targetOf(labels: NodeRecord['labels'], runtime: Runtime, present: NodeWanted | undefined): NodeTarget {
    const sets = this.setsFor(labels);
    const key = JSON.stringify([runtime.name, runtime.version, ...sets.map(({ name }) => name)]);
    const target = this.#shared.get(key) ?? this.#make(sets, runtime);
    this.#shared.set(key, target);
    const hosts = target.wanted.hosts.map((host) => this.#keepOrder(host, present));
    return { ...target, wanted: { ...target.wanted, hosts } };
  }

  /** The same data in the order of the moment. A host of which anything is not known, or not declared any more, stays as it is. */
  reorder(wanted: NodeWanted): NodeWanted {
    const hosts = wanted.hosts.map((host) => {
      const order = this.#orderNow(host);
      return order === undefined ? host : { ...host, order };
    });
    return { ...wanted, hosts };
  }

  #make(sets: readonly MirrorSet[], runtime: Runtime): NodeTarget {
    const orderOf = (endpoint: MirrorSet['upstream']): 'well' | 'out' =>
      this.#order.placeOf(endpoint) ?? 'well';
    const { hosts, leftOut } = nodeHosts({
      sets,
      runtime,
      orderOf,
      readsCertificates,
      shown: this.#credentials,
    });
    const action = sets.length === 0 ? ('Restore' as const) : ('Apply' as const);
    const data = { version: WANTED_VERSION, owner: this.#owner, runtime, action, hosts } as const;
    return { wanted: { ...data, revision: revisionOf(data, sha256Hex) }, sets, leftOut };
  }

  #orderNow({ prefix, sources }: WantedHost): readonly string[] | undefined {
    const places = new Map(
      sources.map(({ endpoint }) => [endpoint, this.#order.placeAt(prefix, endpoint)] as const),
    );
    if ([...places.values()].includes(undefined)) return undefined;
    return orderSources(sources, (endpoint) => places.get(endpoint) ?? 'well');
  }

  #keepOrder(host: WantedHost, present: NodeWanted | undefined): WantedHost {
    if (this.#orderNow(host) !== undefined) return host;
    const before = present?.hosts.find(({ prefix }) => prefix === host.prefix);
    if (before === undefined || !isSameList(before.order, host.order)) return host;
    return { ...host, order: before.order };
  }
}
