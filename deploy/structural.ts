// Structural schemas: what zod says of a schema, in the form that a CustomResourceDefinition may hold.
import { z } from 'zod';

export type Schema = { [key: string]: unknown };

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What zod says beside the rules of a structural schema, or what says nothing. */
function isDropped(key: string, value: unknown): boolean {
  // Unknown fields are pruned by the API server; this may not stand beside `properties`.
  if (key === 'additionalProperties') return value === false;
  // z.int() writes the bounds of a double's integers.
  if (key === 'maximum') return value === Number.MAX_SAFE_INTEGER;
  return key === '$schema';
}

/** Turns a schema of zod's into a structural one, deep (k8s.io docs: "Specifying a structural schema"). */
function structural(schema: Schema): Schema {
  const result: Schema = {};
  for (const [key, value] of Object.entries(schema)) {
    if (isDropped(key, value)) continue;
    if (key === 'properties' && isSchema(value)) {
      const fields = Object.entries(value).map(([name, child]) => [
        name,
        isSchema(child) ? structural(child) : child,
      ]);
      result[key] = Object.fromEntries(fields) as Schema;
    } else if ((key === 'items' || key === 'additionalProperties') && isSchema(value)) {
      result[key] = structural(value);
    } else {
      result[key] = value;
    }
  }
  return ordered(result);
}

const FIRST = ['description', 'type', 'format', 'enum', 'default'];

/** The order in which a person reads a schema: what it is for, what it is, its bounds and rules, what is below. */
function ordered(schema: Schema): Schema {
  const last = ['required', 'properties', 'items', 'additionalProperties'];
  const rest = Object.keys(schema).filter((key) => !FIRST.includes(key) && !last.includes(key));
  const keys = [...FIRST, ...rest, ...last].filter((key) => Object.hasOwn(schema, key));
  return Object.fromEntries(keys.map((key) => [key, schema[key]]));
}

/** The structural schema of what a schema of the program accepts. */
export function crdSchema(schema: z.ZodType): Schema {
  return structural({ ...z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', reused: 'inline' }) });
}
