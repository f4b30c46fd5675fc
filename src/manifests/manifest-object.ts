// Manifest object: one plain value becomes an entry, is refused, or is of a kind that is nothing to us.
import { asObject, asString, own } from '../domain/json.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Problem } from '../domain/problem.ts';
import { CORE_KINDS, Reader } from './core-object.ts';
import type { Read } from './core-object.ts';
import type { ManifestContent, ManifestOptions, ManifestReading } from './manifest-entry.ts';

const GROUP = 'registry-failover.io/';

/** One identity for one object of a cluster. */
function keyOf(content: ManifestContent): string {
  const { kind, object } = content;
  return kind === 'Secret' || kind === 'ConfigMap'
    ? `${kind} ${object.namespace}/${object.name}`
    : `${kind} ${object.name}`;
}

function nameOf(value: JsonObject): string | undefined {
  const name = asString(own(asObject(own(value, 'metadata')), 'name'));
  return name === '' ? undefined : name;
}

function refused(key: string | undefined, origin: string, problems: readonly Problem[]): ManifestReading {
  return { is: 'refused', refusal: { key, origin, problems } };
}

function readMirrorSet(value: JsonObject, origin: string, options: ManifestOptions): ManifestReading {
  const parsed = options.parseMirrorSet(value, origin);
  const name = nameOf(value);
  if (!parsed.ok)
    return refused(name === undefined ? undefined : `RegistryMirrorSet ${name}`, origin, parsed.error);
  const content = { kind: 'RegistryMirrorSet', object: parsed.value } as const;
  return { is: 'entry', entry: { key: keyOf(content), origin, content } };
}

function readCore(read: Read, value: JsonObject, origin: string, options: ManifestOptions): ManifestReading {
  const reader = new Reader(origin);
  const name = nameOf(value);
  if (name === undefined)
    reader.problem('metadata.name', 'Required', 'the object has no name', 'Add metadata.name, a text');
  const content = read(value, name ?? '', reader, options);
  const key = keyOf(content);
  if (reader.problems.length > 0)
    return refused(name === undefined ? undefined : key, origin, reader.problems);
  return { is: 'entry', entry: { key, origin, content } };
}

function notAManifest(origin: string, message: string, fix: string): ManifestReading {
  return refused(undefined, origin, [{ path: origin, code: 'NotAManifest', message, fix }]);
}

function isOurs(value: JsonObject): boolean {
  const version = own(value, 'apiVersion');
  return own(value, 'kind') === 'RegistryMirrorSet' || (asString(version)?.startsWith(GROUP) ?? false);
}

/** Reads one object. A kind that is close to ours but not ours is a mistake; any other is passed over. */
export function readManifestObject(raw: unknown, origin: string, options: ManifestOptions): ManifestReading {
  const value = asObject(raw);
  const kind = asString(own(value, 'kind'));
  const version = asString(own(value, 'apiVersion'));
  if (value === undefined || kind === undefined || version === undefined)
    return notAManifest(origin, 'this is no Kubernetes manifest', 'Write apiVersion, kind and metadata');
  if (isOurs(value)) return readMirrorSet(value, origin, options);
  const read = version === 'v1' ? CORE_KINDS.get(kind) : undefined;
  if (read !== undefined) return readCore(read, value, origin, options);
  return { is: 'ignored', note: `${origin}: ${version} ${kind} ${nameOf(value) ?? ''}`.trimEnd() };
}
