// Reading a request line of the distribution API: which route, which repository, which reference.
import type { ErrorCode } from './registry-reply.ts';

export type Route =
  | { readonly kind: 'ping' }
  | { readonly kind: 'token'; readonly query: URLSearchParams }
  | { readonly kind: 'tags'; readonly repository: string }
  | { readonly kind: 'manifest' | 'blob'; readonly repository: string; readonly reference: string }
  | { readonly kind: 'invalid'; readonly status: number; readonly code: ErrorCode; readonly message: string };

/** Grammar of names, tags and digests in the OCI distribution specification, "Pulling manifests". */
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const NAME = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const RESOURCE = /^\/v2\/(.+)\/(manifests|blobs|tags(?=\/list$))\/([^/]+)$/;
const MAX_NAME = 255;

function invalid(status: number, code: ErrorCode, message: string): Route {
  return { kind: 'invalid', status, code, message };
}

/** The path decoded, or undefined when its percent signs are wrong. */
function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

function parseManifestReference(repository: string, reference: string): Route {
  if (DIGEST.test(reference) || TAG.test(reference)) return { kind: 'manifest', repository, reference };
  return reference.includes(':')
    ? invalid(400, 'DIGEST_INVALID', 'not a sha256 digest')
    : invalid(404, 'MANIFEST_UNKNOWN', 'not a tag');
}

function parseResource(path: string): Route {
  const [, repository = '', collection, reference = ''] = RESOURCE.exec(path) ?? [];
  if (collection === undefined) return invalid(404, 'UNSUPPORTED', 'no such path in the distribution API');
  if (repository.length > MAX_NAME || !NAME.test(repository)) {
    return invalid(400, 'NAME_INVALID', 'not a repository name');
  }
  if (collection === 'manifests') return parseManifestReference(repository, reference);
  if (collection === 'tags') return { kind: 'tags', repository };
  return DIGEST.test(reference)
    ? { kind: 'blob', repository, reference }
    : invalid(400, 'DIGEST_INVALID', 'not a sha256 digest');
}

/** Reads a request target (`/path?query`). */
export function parseRoute(target: string): Route {
  const mark = target.indexOf('?');
  const path = decodePath(mark === -1 ? target : target.slice(0, mark));
  if (path === undefined) return invalid(400, 'NAME_INVALID', 'the path is not valid percent-encoding');
  if (path === '/v2' || path === '/v2/') return { kind: 'ping' };
  if (path === '/token') {
    return { kind: 'token', query: new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1)) };
  }
  return parseResource(path);
}
