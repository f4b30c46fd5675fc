// Load: the one place that reads the environment.

/** The proxy to reach registries through, as every HTTP client understands it. */
export interface ProxyEnvironment {
  readonly url: string | undefined;
  /** Hosts and suffixes that are reached directly, as written. */
  readonly noProxy: readonly string[];
}

/** Reads HTTPS_PROXY and NO_PROXY (either case; lower case wins, as in curl). */
export function loadProxyEnvironment(environment: NodeJS.ProcessEnv = process.env): ProxyEnvironment {
  const url = environment['https_proxy'] ?? environment['HTTPS_PROXY'];
  const noProxy = environment['no_proxy'] ?? environment['NO_PROXY'] ?? '';
  return {
    url: url === undefined || url === '' ? undefined : url,
    noProxy: noProxy
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  };
}
