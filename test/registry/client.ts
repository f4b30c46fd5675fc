// A registry client for tests: names go to loopback addresses, times are short, every dial and exchange is kept.
import type { Credential } from '../../src/domain/credential.ts';
import type { Endpoint, TrustAnchor } from '../../src/domain/endpoint.ts';
import type { ManifestQuestion } from '../../src/domain/manifest-question.ts';
import { ManifestClient } from '../../src/registry/manifest-client.ts';
import type { TransportOptions } from '../../src/transport/transport.ts';

/** Something that listens under a name. */
export interface Listening {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly trust: TrustAnchor | undefined;
}

export function endpointOf({ name, port, trust }: Listening): Endpoint {
  const suffix = trust ? `#${trust.sha256.slice(0, 12)}` : '';
  return {
    host: `${name}:${port}`,
    path: '',
    hostname: name,
    port,
    trust,
    key: `https://${name}:${port}${suffix}`,
  };
}

export function questionOf(
  listening: Listening,
  credential?: Credential,
  other: Partial<ManifestQuestion> = {},
): ManifestQuestion {
  return {
    endpoint: endpointOf(listening),
    repository: 'team/app',
    reference: '1.0',
    credential,
    fingerprint: credential ? `fingerprint of ${credential.username}` : '',
    ...other,
  };
}

/** A client that finds the given registries by their names. */
export function clientFor(listening: readonly Listening[], options: TransportOptions = {}): ManifestClient {
  const fixed = Object.fromEntries(listening.map(({ name, address }) => [name, [address]]));
  // On a busy machine our timers do run late; what that does is tested where it is meant.
  const settings = { lateMs: 2000, ...options.settings };
  const names = { fixed, hostsFile: '/nonexistent', ...options.names };
  return new ManifestClient({ ...options, settings, names });
}
