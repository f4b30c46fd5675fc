// Messages: what is sent to one origin, what comes back, and the closed list of why nothing came back.
import type { TrustAnchor } from '../domain/endpoint.ts';
import type { AddressClass } from './address-class.ts';

/** Where a connection goes. Connections are shared only between questions whose origins are equal in every part. */
export interface Origin {
  /** Name or address, without brackets. */
  readonly hostname: string;
  readonly port: number;
  readonly trust: TrustAnchor | undefined;
  /** Set for hosts that a registry named (token server, redirect): the class of the registry's own address. */
  readonly guard: AddressClass | undefined;
}

/** Bytes of a body that are read: of a 2xx answer, and of any other. */
export interface BodyCap {
  readonly success: number;
  readonly error: number;
}

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly cap: BodyCap;
}

export type ReplyHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface Reply {
  readonly status: number;
  readonly headers: ReplyHeaders;
  readonly body: Buffer;
  /** The body was longer than the cap and the rest was not read. */
  readonly cut: boolean;
  /** The address that answered; undefined through a proxy. */
  readonly address: string | undefined;
}

/**
 * Why there is no reply. `connect`: no TCP+TLS handshake (DNS, refused, time-out, certificate). `broken`: connected, then
 * reset or closed. `protocol`: it does not speak HTTP/1.1. `silent`: asked, no complete answer in time. `guard`: we refused
 * to send anything to that address. `void`: our own timer was late or no connection was free; says nothing about the other side.
 */
export interface ExchangeFailure {
  readonly kind: 'connect' | 'broken' | 'protocol' | 'silent' | 'guard' | 'void';
  /** For people, not yet cleaned. */
  readonly detail: string;
}

/** What an exchange and a dial report to whoever counts. Never a header, a body or a query. */
export interface TransportHooks {
  readonly onDial?: (dial: { origin: string; ms: number; failure: ExchangeFailure | undefined }) => void;
  readonly onExchange?: (exchange: {
    origin: string;
    method: string;
    ms: number;
    /** HTTP status, or undefined when there was none. */
    status: number | undefined;
    failure: ExchangeFailure | undefined;
  }) => void;
}

/** `https://host:port`, brackets around an IPv6 address, the port always written. */
export function printOrigin(origin: Pick<Origin, 'hostname' | 'port'>): string {
  const host = origin.hostname.includes(':') ? `[${origin.hostname}]` : origin.hostname;
  return `https://${host}:${origin.port}`;
}

/** The same, as people write it: without the scheme, and without the port when it is 443. */
export function printHost(origin: Pick<Origin, 'hostname' | 'port'>): string {
  const host = origin.hostname.includes(':') ? `[${origin.hostname}]` : origin.hostname;
  return origin.port === 443 ? host : `${host}:${origin.port}`;
}

/** Host and port that an https URL is served at. */
export function placeOfUrl(url: URL): { hostname: string; port: number } {
  return { hostname: url.hostname.replace(/^\[|\]$/gu, ''), port: url.port === '' ? 443 : Number(url.port) };
}

/** The first value of a header, '' when absent. */
export function headerOf(headers: ReplyHeaders, name: string): string {
  const value = headers[name];
  return (typeof value === 'string' ? value : value?.[0]) ?? '';
}
