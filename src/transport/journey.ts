// Journey: one request and the redirects it is sent along, within bounds, its credential left behind at the border.
import type { TrustAnchor } from '../domain/endpoint.ts';
import type { Result } from '../domain/result.ts';
import { err, ok } from '../domain/result.ts';
import type { AddressClass } from './address-class.ts';
import {
  placeOfUrl,
  type BodyCap,
  type ExchangeFailure,
  type HttpRequest,
  type Origin,
  type Reply,
} from './message.ts';
import { isRedirect, MAX_REDIRECTS, redirectTarget } from './redirect.ts';
import type { Transport } from './transport.ts';

/** How many exchanges a question may still make, in all. */
export interface Allowance {
  left: number;
}

export interface Journey {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly accept: string;
  /** Sent to the origin of `url` only. */
  readonly authorization: string | undefined;
  /** A form; only with POST, which is never redirected. */
  readonly form?: URLSearchParams;
  readonly cap: BodyCap;
  readonly trust: TrustAnchor | undefined;
  /** The first origin's guard: undefined at the registry itself. */
  readonly guard: AddressClass | undefined;
  /** The guard for every other origin, given the address that sent us on. */
  readonly guardAbroad: (address: string | undefined) => AddressClass;
  readonly questionAt: number;
  readonly deadlineAt: number;
  readonly urgent?: boolean;
  readonly allowance: Allowance;
}

/** The last answer, and who gave it. */
export interface Arrival {
  readonly url: URL;
  /** It came from another origin than the one that was asked. */
  readonly abroad: boolean;
  readonly reply: Reply;
  /** The address of the origin that was asked first. */
  readonly homeAddress: string | undefined;
}

/** Where it ended without an answer. */
export interface Breakdown {
  readonly url: URL;
  readonly abroad: boolean;
  /** `refused`: we would not follow; `lost`: sent in a circle. Otherwise the exchange's failure. */
  readonly failure: ExchangeFailure | { readonly kind: 'refused' | 'lost'; readonly detail: string };
}

/** Where a URL's connection goes. */
function originOf(url: URL, trust: TrustAnchor | undefined, guard: AddressClass | undefined): Origin {
  return { ...placeOfUrl(url), trust, guard };
}

function headersOf(journey: Journey, abroad: boolean): Record<string, string> {
  const headers: Record<string, string> = { accept: journey.accept, 'user-agent': 'registry-failover' };
  if (journey.authorization !== undefined && !abroad) headers['authorization'] = journey.authorization;
  if (journey.form) headers['content-type'] = 'application/x-www-form-urlencoded';
  return headers;
}

/** Where a journey has got to. Once it has left the first origin the credential stays away, even when it is sent back there. */
interface Leg {
  readonly url: URL;
  readonly abroad: boolean;
  readonly guard: AddressClass | undefined;
}

function requestOf(journey: Journey, leg: Leg): HttpRequest {
  const { method, form, cap } = journey;
  const request = {
    method,
    path: `${leg.url.pathname}${leg.url.search}`,
    headers: headersOf(journey, leg.abroad),
    cap,
  };
  return form === undefined ? request : { ...request, body: form.toString() };
}

/** The next leg, or why it is not taken. */
function nextLeg(
  journey: Journey,
  leg: Leg,
  reply: Reply,
  homeAddress: string | undefined,
): Result<Leg, Breakdown> {
  const target = redirectTarget(leg.url, reply);
  if (!target.ok) return err({ ...leg, failure: { kind: 'refused', detail: target.error } });
  const url = target.value;
  const leaves = url.origin !== journey.url.origin;
  return ok(leaves ? { url, abroad: true, guard: journey.guardAbroad(homeAddress) } : { ...leg, url });
}

/** Asks, and follows redirects. Never rejects. */
export async function travel(transport: Transport, journey: Journey): Promise<Result<Arrival, Breakdown>> {
  const { allowance, deadlineAt, questionAt, trust, urgent = false } = journey;
  let leg: Leg = { url: journey.url, abroad: false, guard: journey.guard };
  let homeAddress: string | undefined;
  for (let hop = 0; hop <= MAX_REDIRECTS && allowance.left > 0; hop += 1) {
    allowance.left -= 1;
    const request = requestOf(journey, leg);
    const origin = originOf(leg.url, trust, leg.guard);
    const result = await transport.exchange(origin, { request, questionAt, deadlineAt, urgent });
    if (!result.ok) return err({ ...leg, failure: result.error });
    const reply = result.value;
    if (hop === 0) homeAddress = reply.address;
    if (!isRedirect(reply) || journey.method === 'POST') return ok({ ...leg, reply, homeAddress });
    const next = nextLeg(journey, leg, reply, homeAddress);
    if (!next.ok) return next;
    leg = next.value;
  }
  return err({ ...leg, failure: { kind: 'lost', detail: 'sends us round in circles' } });
}
