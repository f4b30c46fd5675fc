// Schema field: what a schema says about the field at a path, for messages that can name it, its siblings and its purpose.
import { z } from 'zod';
import { asObject, asString, own } from '../domain/json.ts';
import type { JsonObject } from '../domain/json.ts';

export type FieldPath = readonly PropertyKey[];

/** A field with what `kubectl explain` would say about it. */
export interface SchemaField {
  readonly description: string | undefined;
  /** Names of the fields below; empty for texts, lists and maps. */
  readonly fields: readonly string[];
}

/** Looks fields up in the JSON schema that zod makes of a schema. */
export class SchemaFields {
  readonly #root: JsonObject;

  constructor(schema: z.ZodType) {
    this.#root = { ...z.toJSONSchema(schema, { io: 'input' }) };
  }

  /** The field at a path; a number goes into a list, whatever its value. */
  at(path: FieldPath): SchemaField | undefined {
    let node: JsonObject | undefined = this.#root;
    for (const step of path) {
      const next: unknown =
        typeof step === 'number' ? node?.['items'] : own(asObject(node?.['properties']), String(step));
      node = asObject(next);
    }
    if (node === undefined) return undefined;
    return {
      description: asString(node['description']),
      fields: Object.keys(asObject(node['properties']) ?? {}),
    };
  }

  /** Every place with a field of this name, as `spec.mirrors[].endpoint`. */
  placesOf(name: string): readonly string[] {
    const places: string[] = [];
    const visit = (node: JsonObject | undefined, path: string): void => {
      if (node === undefined) return;
      visit(asObject(node['items']), `${path}[]`);
      for (const [key, child] of Object.entries(asObject(node['properties']) ?? {})) {
        const place = path === '' ? key : `${path}.${key}`;
        if (key === name) places.push(place);
        visit(asObject(child), place);
      }
    };
    visit(this.#root, '');
    return places;
  }
}

/** `spec.mirrors[1].endpoint`; what is no plain name stands in brackets and quotes. */
export function printFieldPath(path: FieldPath): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      const text = String(step);
      if (!/^\w+$/.test(text)) return `[${JSON.stringify(text)}]`;
      return index === 0 ? text : `.${text}`;
    })
    .join('');
}

/** The value at a path of untrusted input, or undefined. */
export function valueAt(input: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>((value, step) => {
    if (Array.isArray(value)) return typeof step === 'number' ? (value as unknown[])[step] : undefined;
    return own(asObject(value), String(step));
  }, input);
}
