// Journey: one request and the redirects it is sent along, within bounds, its credential left behind at the border.
import type { TrustAnchor } from '../domain/endpoint.ts';
import type { Result } from '../domain/result.ts';
import { err, ok } from '../domain/result.ts';
import type { AddressClass } from './address-class.ts';
import type { BodyCap, ExchangeFailure, Origin, Reply } from './message.ts';
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
  return {
    hostname: url.hostname.replace(/^\[|\]$/gu, ''),
    port: url.port === '' ? 443 : Number(url.port),
    trust,
    guard,
  };
}

function headersOf(journey: Journey, abroad: boolean): Record<string, string> {
  const headers: Record<string, string> = { accept: journey.accept, 'user-agent': 'registry-failover' };
  if (journey.authorization !== undefined && !abroad) headers['authorization'] = journey.authorization;
  if (journey.form) headers['content-type'] = 'application/x-www-form-urlencoded';
  return headers;
}

/** Asks, and follows. Once it has left the first origin the credential stays away, even when it is sent back there. */
export async function travel(transport: Transport, journey: Journey): Promise<Result<Arrival, Breakdown>> {
  const { allowance, deadlineAt, questionAt, trust } = journey;
  let { url, guard } = journey;
  let abroad = false;
  let homeAddress: string | undefined;
  for (let hop = 0; ; hop += 1) {
    if (allowance.left <= 0 || hop > MAX_REDIRECTS) {
      return err({ url, abroad, failure: { kind: 'lost', detail: 'sends us round in circles' } });
    }
    allowance.left -= 1;
    const { method, form, cap } = journey;
    const body = form === undefined ? {} : { body: form.toString() };
    const path = `${url.pathname}${url.search}`;
    const result = await transport.exchange(originOf(url, trust, guard), {
      request: { method, path, headers: headersOf(journey, abroad), cap, ...body },
      questionAt,
      deadlineAt,
      urgent: journey.urgent ?? false,
    });
    if (!result.ok) return err({ url, abroad, failure: result.error });
    const reply = result.value;
    if (hop === 0) homeAddress = reply.address;
    if (!isRedirect(reply) || journey.method === 'POST') return ok({ url, abroad, reply, homeAddress });
    const target = redirectTarget(url, reply);
    if (!target.ok) return err({ url, abroad, failure: { kind: 'refused', detail: target.error } });
    if (target.value.origin !== journey.url.origin) {
      abroad = true;
      guard = journey.guardAbroad(homeAddress);
    }
    url = target.value;
  }
}
