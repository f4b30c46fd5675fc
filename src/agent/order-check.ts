// Order check: the handshakes that a change of order needs, each place once, a few at a time, within one deadline.
import type { NodeWanted, WantedSource } from '../nodes/data/wanted.ts';
import type { Handshake } from './handshake.ts';
import { settleOrder, sourcesToAsk, type PresentFirst, type SettledOrder } from './order.ts';

/** At once; a node knows few registries, so that this is rarely reached. */
const AT_ONCE = 8;

function keyOf({ endpoint, caPem }: WantedSource): string {
  const slash = endpoint.indexOf('/');
  return `${slash === -1 ? endpoint : endpoint.slice(0, slash)}\n${caPem}`;
}

export interface OrderCheck {
  readonly handshake: Handshake;
  /** For all of them; what was not asked by then counts as silent. */
  readonly deadlineMs: number;
}

/** Asks what has to be asked and settles the order. Nothing is asked while the wanted order is the present one. */
export async function checkOrder(
  wanted: NodeWanted,
  present: PresentFirst,
  { handshake, deadlineMs }: OrderCheck,
): Promise<SettledOrder> {
  const byKey = new Map(sourcesToAsk(wanted, present).map((source) => [keyOf(source), source]));
  const answers = new Map<string, string | undefined>();
  const queue = [...byKey];
  const until = performance.now() + deadlineMs;
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [key, source] = next;
      answers.set(key, performance.now() < until ? await handshake(source) : 'not asked, there was no time');
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return settleOrder(wanted, present, (source) => answers.get(keyOf(source)));
}
