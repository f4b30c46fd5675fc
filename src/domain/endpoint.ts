// Endpoint: a concrete place we talk to (always https), as distinct from the registry name in a reference.
import { nameMatches, splitPort } from './host-pattern.ts';
import type { Problem } from './problem.ts';
import { parsePrefix, printPrefix } from './reference-prefix.ts';
import type { ReferencePrefix } from './reference-prefix.ts';
import { err, ok } from './result.ts';
import type { Result } from './result.ts';

/** CA certificates that an endpoint's certificate may chain to, beside the system's. */
export interface TrustAnchor {
  /** One or more PEM certificates. */
  readonly pem: string;
  /** Lower-case hex SHA-256 of `pem`; part of the endpoint's identity. */
  readonly sha256: string;
}

/** A registry, or a path below one, over https. Its health identity is `key`: scheme, host, port and CA. */
export interface Endpoint {
  /** `host[:port]` as it stands in a reference, lower-case: `ams.ocir.io`, `reg:5000`, `[::1]:5000`, `docker.io`. */
  readonly host: string;
  /** Repository path put before every repository, without slashes at the ends; '' when none. */
  readonly path: string;
  /** The name or address to dial, no brackets, no port. `docker.io` dials `registry-1.docker.io`. */
  readonly hostname: string;
  readonly port: number;
  readonly trust: TrustAnchor | undefined;
  /** `https://hostname:port` plus `#` and 12 hex digits of the CA's hash when there is one. */
  readonly key: string;
}

/** The registry's name in references is not the name it is served under (containerd and containers/image alike). */
const DIAL_NAMES: ReadonlyMap<string, string> = new Map([['docker.io', 'registry-1.docker.io']]);

const DEFAULT_PORT = 443;

/** The endpoint that serves a prefix: its own host and path, over https. Port 443 when none is written. */
export function endpointOfPrefix(prefix: ReferencePrefix, trust?: TrustAnchor): Endpoint {
  const { name, port } = splitPort(prefix.host);
  const dialled = DIAL_NAMES.get(prefix.host) ?? name;
  const number = port === '' ? DEFAULT_PORT : Number(port);
  const anchor = trust === undefined ? '' : `#${trust.sha256.slice(0, 12)}`;
  return {
    host: prefix.host,
    path: prefix.path,
    hostname: dialled.startsWith('[') ? dialled.slice(1, -1) : dialled,
    port: number,
    trust,
    key: `https://${dialled}:${number}${anchor}`,
  };
}

/** Parses `host[:port][/path]`, the same form as a prefix; the problem's code is `InvalidEndpoint`. */
export function parseEndpoint(text: string, trust?: TrustAnchor): Result<Endpoint, Problem> {
  const prefix = parsePrefix(text);
  if (!prefix.ok) return err({ ...prefix.error, code: 'InvalidEndpoint' });
  return ok(endpointOfPrefix(prefix.value, trust));
}

/** `host[:port][/path]`; parsing it gives the same endpoint. */
export function printEndpoint(endpoint: Endpoint): string {
  return printPrefix(endpoint);
}

/**
 * Does one of the operator's `allowedEndpoints` patterns allow this endpoint? The pattern is `host[:port]`: labels
 * compare one by one, `*` stands for characters within one label (`*.ocir.io` allows `fra.ocir.io`, neither `ocir.io` nor
 * `a.fra.ocir.io`), upper and lower case are the same. A port must be the endpoint's; without one, every port is allowed.
 */
export function hostMatchesPattern(pattern: string, endpoint: Endpoint): boolean {
  const wanted = splitPort(pattern.toLowerCase());
  if (wanted.port !== '' && wanted.port !== String(endpoint.port)) return false;
  return nameMatches(wanted.name, splitPort(endpoint.host).name);
}
