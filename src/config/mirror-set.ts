// Mirror set: an untrusted object becomes a valid declaration, or all of its problems.
import { asObject } from '../domain/json.ts';
import type { MirrorSetObject } from '../domain/mirror-set-object.ts';
import type { Problem } from '../domain/problem.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';
import { problemsOfIssue } from './issue-problem.ts';
import { mirrorSetSchema } from './mirror-set-schema.ts';
import { SchemaFields } from './schema-field.ts';

let fields: SchemaFields | undefined;

/** Made on first need: a valid declaration never asks. */
function schemaFields(): SchemaFields {
  fields ??= new SchemaFields(mirrorSetSchema);
  return fields;
}

/**
 * Drops fields that are null, deep: a key without a value. The API server does the same before it fills in defaults
 * (apiextensions-apiserver pkg/apiserver/schema/defaulting PruneNonNullableNulls…), and a file must read alike.
 */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  const object = asObject(value);
  if (object === undefined) return value;
  return Object.fromEntries(
    Object.entries(object).flatMap(([key, child]) => (child === null ? [] : [[key, withoutNulls(child)]])),
  );
}

function under(origin: string, problem: Problem): Problem {
  return { ...problem, path: problem.path === '' ? origin : `${origin} ${problem.path}` };
}

/**
 * Parses a RegistryMirrorSet with all defaults filled in. `origin` says where the object was found (`mirrors.yaml
 * (document 2)`); each problem's path is the origin, a space, and the field: `mirrors.yaml spec.mirrors[1].endpoint`.
 */
export function parseMirrorSet(value: unknown, origin: string): Result<MirrorSetObject, readonly Problem[]> {
  const input = withoutNulls(value);
  const parsed = mirrorSetSchema.safeParse(input);
  if (!parsed.success) {
    const context = { input, fields: schemaFields() };
    const problems = parsed.error.issues.flatMap((issue) => problemsOfIssue(issue, context));
    return err(problems.map((problem) => under(origin, problem)));
  }
  const { metadata, spec } = parsed.data;
  return ok({
    name: metadata.name,
    generation: metadata.generation,
    createdAt: metadata.creationTimestamp,
    origin,
    spec,
  });
}
