// Node order: whether an endpoint is asked early or late by nodes, from its health, with the inertia that files on nodes need. Pure.
import type { EndpointHealth } from './health.ts';

/** `out`: asked after all that are well. Nobody is ever left out. */
export type OrderPlace = 'well' | 'out';

/** A registry that comes and goes must not make the files of every node come and go with it. */
export const BACK_AFTER_MS = 30_000;

/** `since`: of the status, milliseconds of the caller's clock. */
export type SeenHealth = Pick<EndpointHealth, 'status' | 'since'>;

/**
 * Out at once when it is down; well again after 30 s of health without a break. undefined: nothing has been known of it yet, and
 * whoever has an order keeps it.
 * @param before 'out' also where an order that was found shows it: a new leader goes by the same 30 s.
 */
export function nextPlace(
  before: OrderPlace | undefined,
  { status, since }: SeenHealth,
  now: number,
): OrderPlace | undefined {
  if (status === 'down') return 'out';
  if (status === 'unknown') return before;
  return before === 'out' && now - since < BACK_AFTER_MS ? 'out' : 'well';
}

/** When time alone brings it back, if it stays up; undefined: it does not wait. */
export function backInMs(
  place: OrderPlace | undefined,
  { status, since }: SeenHealth,
  now: number,
): number | undefined {
  return place === 'out' && status === 'up' ? Math.max(0, since + BACK_AFTER_MS - now) : undefined;
}

/**
 * The endpoints that an order puts behind some that are declared after them: they were out when it was made.
 * @param declared The upstream, then the mirrors as declared.
 */
export function demotedBy(declared: readonly string[], order: readonly string[]): readonly string[] {
  return declared.filter((endpoint, index) =>
    declared.slice(index + 1).some((later) => order.indexOf(later) < order.indexOf(endpoint)),
  );
}
