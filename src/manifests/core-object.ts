// Core objects: the parts of Secret, ConfigMap and Namespace that declarations are made of.
import { decodeBase64, encodeBase64 } from '../domain/base64.ts';
import type { SecretObject } from '../domain/cluster-objects.ts';
import { asObject, asString, own } from '../domain/json.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Problem } from '../domain/problem.ts';
import { quote } from '../domain/reference-grammar.ts';
import type { ManifestContent, ManifestOptions } from './manifest-entry.ts';

/** Collects what is wrong with one object while it is read. */
export class Reader {
  readonly problems: Problem[] = [];
  readonly #origin: string;

  constructor(origin: string) {
    this.#origin = origin;
  }

  problem(path: string, code: string, message: string, fix: string): void {
    this.problems.push({ path: `${this.#origin} ${path}`, code, message, fix });
  }

  /** A map of texts; absent and null are the empty one. */
  texts(object: JsonObject | undefined, field: string, path = field): Readonly<Record<string, string>> {
    const value = own(object, field) ?? {};
    const map = asObject(value);
    if (map === undefined) {
      this.problem(path, 'WrongType', 'a map of texts belongs here', 'Write key: value, indented below it');
      return {};
    }
    // null is the empty text, as Go decodes it.
    const entries = Object.entries(map).map(([key, text]) => [key, text ?? ''] as const);
    for (const [key, text] of entries) {
      if (typeof text === 'string') continue;
      const name = quote(key);
      this.problem(`${path}[${name}]`, 'WrongType', `the value of ${name} is not a text`, 'Put it in quotes');
    }
    return Object.fromEntries(entries.map(([key, text]) => [key, asString(text) ?? '']));
  }
}

/** Reads the parts that matter of an object of one kind; its problems go to the reader. */
export type Read = (
  value: JsonObject,
  name: string,
  reader: Reader,
  options: ManifestOptions,
) => ManifestContent;

function namespaceOf(value: JsonObject, { defaultNamespace }: ManifestOptions): string {
  const namespace = asString(own(asObject(own(value, 'metadata')), 'namespace'));
  return namespace === undefined || namespace === '' ? defaultNamespace : namespace;
}

const readSecret: Read = (value, name, reader, options) => {
  const data = reader.texts(value, 'data');
  for (const [key, text] of Object.entries(data)) {
    if (decodeBase64(text, 'padded') !== undefined) continue;
    const message = `the value of ${quote(key)} is not base64`;
    reader.problem(`data[${quote(key)}]`, 'InvalidSecret', message, 'Encode it, or put it into stringData');
  }
  // The API server encodes stringData over data (pkg/apis/core/v1 Convert_v1_Secret_To_core_Secret).
  const encoded = Object.entries(reader.texts(value, 'stringData')).map(([key, text]) => [
    key,
    encodeBase64(text),
  ]);
  const object: SecretObject = {
    namespace: namespaceOf(value, options),
    name,
    type: asString(own(value, 'type')) ?? 'Opaque',
    data: { ...data, ...(Object.fromEntries(encoded) as Record<string, string>) },
  };
  return { kind: 'Secret', object };
};

const readConfigMap: Read = (value, name, reader, options) => ({
  kind: 'ConfigMap',
  object: { namespace: namespaceOf(value, options), name, data: reader.texts(value, 'data') },
});

const readNamespace: Read = (value, name, reader) => ({
  kind: 'Namespace',
  object: { name, labels: reader.texts(asObject(own(value, 'metadata')), 'labels', 'metadata.labels') },
});

/** The kinds of `v1` that declarations are made of. */
export const CORE_KINDS: ReadonlyMap<unknown, Read> = new Map([
  ['Secret', readSecret],
  ['ConfigMap', readConfigMap],
  ['Namespace', readNamespace],
]);
