// Proxy: the environment's proxy as the transport takes it, or what is wrong with it.
import { loadProxyEnvironment } from '../config/load.ts';
import type { Problem } from '../domain/problem.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';
import { Proxy } from '../transport/proxy.ts';

/** Reads HTTPS_PROXY and NO_PROXY; undefined when there is none. */
export function readProxy(): Result<Proxy | undefined, Problem> {
  const { url, noProxy } = loadProxyEnvironment();
  if (url === undefined) return ok(undefined);
  const parsed = Proxy.parse({ url, noProxy });
  return parsed.ok ? parsed : err({ ...parsed.error, path: 'HTTPS_PROXY' });
}
