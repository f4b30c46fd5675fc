// Order: which order of sources is laid down on this node: the wanted one, unless what would come first does not answer. Pure.
import type { NodeWanted, WantedHost, WantedSource } from '../nodes/data/wanted.ts';

/** What comes first on the node, by prefix. */
export type PresentFirst = ReadonlyMap<string, string>;

export interface SettledOrder {
  /** The wanted data with the order to lay down. */
  readonly wanted: NodeWanted;
  /** One sentence for each prefix whose order is not the wanted one. */
  readonly unmet: readonly string[];
}

/** Why a source does not answer from this node; undefined: it does. Asked only for what {@link sourcesToAsk} gave. */
export type WhyNot = (source: WantedSource) => string | undefined;

/**
 * The endpoint that comes first now. Nothing known (a first run, another set) counts as the upstream: that is the order of
 * a node without us, and no mirror may go before it unproved.
 */
function firstNow(host: WantedHost, present: PresentFirst): string | undefined {
  const known = present.get(host.prefix);
  const upstream = host.sources.find((source) => source.role === 'Upstream')?.endpoint;
  return known !== undefined && host.order.includes(known) ? known : upstream;
}

/** The sources that are wanted before the present first one, in that order. */
function challengers(host: WantedHost, present: PresentFirst): readonly WantedSource[] {
  const first = firstNow(host, present);
  const before = host.order.slice(0, first === undefined ? 0 : Math.max(0, host.order.indexOf(first)));
  return before.flatMap((endpoint) => host.sources.find((source) => source.endpoint === endpoint) ?? []);
}

/** Every source whose answer decides about an order; the same one may come for several prefixes. */
export function sourcesToAsk(wanted: NodeWanted, present: PresentFirst): readonly WantedSource[] {
  return wanted.hosts.flatMap((host) => challengers(host, present));
}

function settleHost(
  host: WantedHost,
  present: PresentFirst,
  whyNot: WhyNot,
): [WantedHost, string | undefined] {
  const wantedFirst = challengers(host, present);
  const [head] = wantedFirst;
  const reason = head === undefined ? undefined : whyNot(head);
  if (head === undefined || reason === undefined) return [host, undefined];
  const answering = wantedFirst.find((source) => whyNot(source) === undefined)?.endpoint;
  const first = answering ?? firstNow(host, present);
  const order = [...host.order].sort((a, b) => Number(b === first) - Number(a === first));
  const sentence = `${host.prefix}: ${head.endpoint} does not answer from this node (${reason}), so ${first} ${answering === undefined ? 'stays' : 'comes'} first`;
  return [{ ...host, order }, sentence];
}

/**
 * The order changes only when a source that would come before the present first one answers from this very node. If the
 * wanted first one does not, the next that does is taken; if none does, the order stays.
 */
export function settleOrder(wanted: NodeWanted, present: PresentFirst, whyNot: WhyNot): SettledOrder {
  const settled = wanted.hosts.map((host) => settleHost(host, present, whyNot));
  return {
    wanted: { ...wanted, hosts: settled.map(([host]) => host) },
    unmet: settled.flatMap(([, sentence]) => sentence ?? []),
  };
}

/** What comes first by this data. */
export function firstsOf(wanted: NodeWanted): PresentFirst {
  return new Map(
    wanted.hosts.flatMap(({ prefix, order: [first] }) => (first === undefined ? [] : [[prefix, first]])),
  );
}
