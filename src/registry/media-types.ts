// Media types: what a manifest may be, and which platforms it serves. Pure.

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const DOCKER_SCHEMA_1 = 'application/vnd.docker.distribution.manifest.v1+prettyjws';

/**
 * Always all of them: GHCR answers 404 for an index when the index type is not accepted, and old registries answer with
 * another digest for a narrower list. The signed schema 1 comes last: only what exists in nothing else is served so.
 */
const MANIFEST_TYPES = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, DOCKER_SCHEMA_1];
export const ACCEPT_MANIFESTS = MANIFEST_TYPES.join(', ');

/** Does the Content-Type, parameters aside, name a manifest? */
export function isManifestType(contentType: string): boolean {
  return MANIFEST_TYPES.includes(contentType.split(';')[0]?.trim().toLowerCase() ?? '');
}

/** Is it a manifest by its content? All have a schemaVersion; some stores do not know their type. */
export function isManifestBody(body: string): boolean {
  try {
    return typeof record(JSON.parse(body))['schemaVersion'] === 'number';
  } catch {
    return false;
  }
}

/** The digest of a signed schema 1 manifest covers its payload without the signatures: the body's hash is another. */
export function isSignedSchema1(mediaType: string): boolean {
  return mediaType === DOCKER_SCHEMA_1;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** `os/architecture[/variant]` of an OCI platform or image config; undefined for attestations (`unknown/unknown`). */
export function printPlatform(value: unknown): string | undefined {
  const platform = record(value);
  const parts = [platform['os'], platform['architecture'], platform['variant']].map(text);
  if (parts[0] === '' || parts[1] === '' || parts[0] === 'unknown') return undefined;
  return parts.filter((part) => part !== '').join('/');
}

/** What a manifest says: an index's platforms, or where an image keeps its configuration. */
export interface ManifestContent {
  readonly mediaType: string | undefined;
  readonly platforms: readonly string[] | undefined;
  readonly configDigest: string | undefined;
}

/** Reads a manifest's JSON; everything undefined when it is none. `declared` is the answer's Content-Type. */
export function parseManifest(body: string, declared: string): ManifestContent {
  let manifest: Record<string, unknown>;
  try {
    manifest = record(JSON.parse(body));
  } catch {
    return { mediaType: undefined, platforms: undefined, configDigest: undefined };
  }
  const mediaType = text(manifest['mediaType']) || declared;
  const entries = manifest['manifests'];
  if (!Array.isArray(entries)) {
    const configDigest = text(record(manifest['config'])['digest']);
    return { mediaType, platforms: undefined, configDigest: configDigest === '' ? undefined : configDigest };
  }
  const platforms = entries
    .map((entry) => printPlatform(record(entry)['platform']))
    .filter((platform) => platform !== undefined);
  return { mediaType, platforms: [...new Set(platforms)].toSorted(), configDigest: undefined };
}
