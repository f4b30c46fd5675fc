// Manifest stream: text with any number of manifests in it, read as a whole. Pure.
import { asObject, own } from '../domain/json.ts';
import type { Problem } from '../domain/problem.ts';
import { readManifestObject } from './manifest-object.ts';
import type { ManifestEntry, ManifestOptions, ManifestReading, Refusal } from './manifest-entry.ts';
import { parseYamlDocuments } from './yaml-documents.ts';
import type { YamlDocument } from './yaml-documents.ts';

/** What one file or stream says. */
export interface StreamReading {
  /** No YAML: nothing is known of what it means to say, so that all it said last stays. */
  readonly isBroken: boolean;
  readonly entries: readonly ManifestEntry[];
  readonly refusals: readonly Refusal[];
  /** Objects of other kinds, as `file.yaml: apps/v1 Deployment web`. */
  readonly ignored: readonly string[];
  /** Of the stream as a whole; those of single objects are with their refusals. */
  readonly problems: readonly Problem[];
}

/** A stream that could not be read at all. */
export function brokenStream(problems: readonly Problem[]): StreamReading {
  return { isBroken: true, entries: [], refusals: [], ignored: [], problems };
}

/** `kind: List` is what `kubectl get -o yaml` prints; its items stand for themselves. */
function itemsOf({ value, origin }: YamlDocument): readonly YamlDocument[] {
  const object = asObject(value);
  const items = own(object, 'items');
  if (own(object, 'kind') !== 'List' || !Array.isArray(items)) return [{ value, origin }];
  return items.map((item: unknown, index) => ({ value: item, origin: itemOrigin(origin, index + 1) }));
}

function itemOrigin(origin: string, number: number): string {
  return origin.endsWith(')') ? `${origin.slice(0, -1)}, item ${number})` : `${origin} (item ${number})`;
}

/**
 * Reads manifests from text. `origin` names it in problems: `dir/file.yaml (document 2) spec.mirrors[0].endpoint`.
 * An invalid object does not touch the others; a YAML error leaves nothing of the stream.
 */
export function parseManifestStream(text: string, origin: string, options: ManifestOptions): StreamReading {
  const documents = parseYamlDocuments(text, origin);
  if (!documents.ok) return brokenStream(documents.error);
  const readings: readonly ManifestReading[] = documents.value
    .flatMap(itemsOf)
    .map((document) => readManifestObject(document.value, document.origin, options));
  return {
    isBroken: false,
    entries: readings.flatMap((reading) => (reading.is === 'entry' ? reading.entry : [])),
    refusals: readings.flatMap((reading) => (reading.is === 'refused' ? reading.refusal : [])),
    ignored: readings.flatMap((reading) => (reading.is === 'ignored' ? reading.note : [])),
    problems: [],
  };
}
