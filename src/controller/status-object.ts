// Status object: what is kept of a RegistryMirrorSet for its status, and when two statuses say the same.
import { asObject, own } from '../domain/json.ts';
import type { KubeObject } from '../kubernetes/resource.ts';

export interface SetObject {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly nodesEnabled: boolean;
  /** As it stands there; not trusted to have a shape. */
  readonly status: unknown;
}

export function readSetObject({ metadata, spec, status }: KubeObject): SetObject | undefined {
  const { name, uid, resourceVersion, generation } = metadata;
  if (uid === undefined || resourceVersion === undefined) return undefined;
  const nodes = asObject(own(asObject(spec), 'nodes'));
  const nodesEnabled = own(nodes, 'enabled') === true;
  return { name, uid, resourceVersion, generation: generation ?? 0, nodesEnabled, status };
}

function sorted(_: string, value: unknown): unknown {
  const object = asObject(value);
  if (object === undefined) return value;
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A text that is the same for values that say the same, whatever the order of their keys. */
export function printCanonical(value: unknown): string {
  return JSON.stringify(value, sorted) ?? '';
}
