// Node order book: which endpoints nodes ask late, remembered from round to round, and found again in what nodes have after a change of leader.
import { printEndpoint } from '../../domain/endpoint.ts';
import type { Endpoint } from '../../domain/endpoint.ts';
import type { MirrorSet } from '../../domain/mirror-set.ts';
import { backInMs, demotedBy, nextPlace } from '../../domain/node-order.ts';
import type { OrderPlace, SeenHealth } from '../../domain/node-order.ts';
import { printPrefix } from '../../domain/reference.ts';
import type { NodeWanted } from '../../nodes/data/wanted.ts';

export interface OrderBookOptions {
  /** `since` is on the clock of `update`. */
  readonly healthOf: (endpoint: Endpoint) => SeenHealth;
}

export class NodeOrderBook {
  readonly #healthOf: OrderBookOptions['healthOf'];
  /** By the endpoint's key. */
  #places: ReadonlyMap<string, OrderPlace | undefined> = new Map();
  /** `prefix endpoint` → the endpoint as declared. */
  #declared: ReadonlyMap<string, Endpoint> = new Map();
  #backInMs: number | undefined;

  constructor({ healthOf }: OrderBookOptions) {
    this.#healthOf = healthOf;
  }

  /** The same for the same places: what was made with them holds. */
  get text(): string {
    return JSON.stringify([...this.#places]);
  }

  /** When time alone changes a place next; undefined: never. */
  get backInMs(): number | undefined {
    return this.#backInMs;
  }

  /**
   * @param present What nodes have: an endpoint that is late there was out when nobody remembers better.
   * @param now Monotonic milliseconds.
   */
  update(sets: readonly MirrorSet[], present: readonly NodeWanted[], now: number): void {
    const declared = new Map<string, Endpoint>();
    for (const set of sets)
      for (const endpoint of [set.upstream, ...set.mirrors.map((mirror) => mirror.endpoint)])
        declared.set(`${printPrefix(set.prefix)} ${printEndpoint(endpoint)}`, endpoint);
    this.#declared = declared;
    const before = this.#places;
    const isNew = [...declared.values()].some(({ key }) => !before.has(key));
    const late = isNew ? this.#lateIn(present) : new Set<string>();
    const places = new Map<string, OrderPlace | undefined>();
    let due = Infinity;
    for (const endpoint of declared.values()) {
      const { key } = endpoint;
      const known = before.has(key) ? before.get(key) : late.has(key) ? 'out' : undefined;
      const health = this.#healthOf(endpoint);
      const place = nextPlace(known, health, now);
      places.set(key, place);
      due = Math.min(due, backInMs(place, health, now) ?? Infinity);
    }
    this.#places = places;
    this.#backInMs = due === Infinity ? undefined : due;
  }

  /** undefined: nothing is known of it yet. */
  placeOf(endpoint: Endpoint): OrderPlace | undefined {
    return this.#places.get(endpoint.key);
  }

  /** As {@link placeOf}, by the words of a node's object; also undefined where nobody declares it any more. */
  placeAt(prefix: string, endpoint: string): OrderPlace | undefined {
    const declared = this.#declared.get(`${prefix} ${endpoint}`);
    return declared === undefined ? undefined : this.placeOf(declared);
  }

  #lateIn(present: readonly NodeWanted[]): ReadonlySet<string> {
    const hosts = present.flatMap((wanted) => wanted.hosts);
    const keys = hosts.flatMap(({ prefix, sources, order }) => {
      const declared = sources.map(({ endpoint }) => endpoint);
      return demotedBy(declared, order).map((name) => this.#declared.get(`${prefix} ${name}`)?.key ?? '');
    });
    return new Set(keys);
  }
}
