// The rules that Kubernetes has for a CRD's schema (structural schemas, list types, defaults), and those of this house on top.
import { Ajv } from 'ajv';

export type Schema = { readonly [key: string]: unknown };

const KEYWORDS = new Set(
  [
    'type description format enum default required properties items additionalProperties',
    'minLength maxLength minItems maxItems maxProperties minimum maximum pattern',
    'x-kubernetes-validations x-kubernetes-list-type x-kubernetes-list-map-keys',
  ].flatMap((line) => line.split(' ')),
);
const TYPES = ['object', 'array', 'string', 'integer', 'number', 'boolean'];

export function compile(schema: Schema): (value: unknown) => boolean {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  const validate = ajv.compile(schema);
  return (value) => validate(value);
}

function asSchemas(value: unknown): [string, Schema][] {
  return Object.entries((value ?? {}) as Record<string, Schema>);
}

type Check = (schema: Schema, path: string) => (string | false)[];

/** Structural: each value has one type, and nothing is said in a way that pruning and defaulting cannot follow. */
const checkShape: Check = (schema) => [
  ...Object.keys(schema).map((key) => !KEYWORDS.has(key) && `has ${key}`),
  !TYPES.includes(String(schema['type'])) && 'has no type',
  'properties' in schema && 'additionalProperties' in schema && 'has properties and additionalProperties',
  typeof schema['additionalProperties'] === 'boolean' && 'has additionalProperties that are no schema',
  schema['type'] === 'array' && !('items' in schema) && 'is a list of nothing',
  ...((schema['required'] ?? []) as string[]).map(
    (key) => !Object.hasOwn(schema['properties'] ?? {}, key) && `requires ${key}, which it lacks`,
  ),
];

const checkDefault: Check = (schema) => [
  'default' in schema &&
    !compile(schema)(filled(schema, schema['default'])) &&
    'has a default that is invalid',
];

/** Defaults below a default are filled in too: `default: {}` with required fields that have a default is right. */
function filled(schema: Schema, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const defaults = asSchemas(schema['properties']).flatMap(([key, child]) =>
    'default' in child ? [[key, filled(child, child['default'])]] : [],
  );
  return { ...Object.fromEntries(defaults), ...value };
}

/** Keys of a map list must be there and scalar; members of a set must be scalar (or atomic). */
const checkLists: Check = (schema) => {
  const kind = schema['x-kubernetes-list-type'];
  const items = (schema['items'] ?? {}) as Schema;
  const keys = (schema['x-kubernetes-list-map-keys'] ?? []) as string[];
  const required = (items['required'] ?? []) as string[];
  return [
    schema['type'] === 'array' && kind === undefined && 'has no list type',
    kind === 'map' && keys.length === 0 && 'is a map list without keys',
    kind !== 'map' && keys.length > 0 && 'has keys and is no map list',
    ...keys.map((key) => !required.includes(key) && `has the key ${key}, which may be absent`),
    kind === 'set' && !['string', 'integer'].includes(String(items['type'])) && 'is a set of non-scalars',
  ];
};

/** Without bounds the API server's estimate of what CEL costs is out of all bounds. */
const checkBounds: Check = (schema) => [
  schema['type'] === 'array' && !('maxItems' in schema) && 'has no maxItems',
  schema['type'] === 'string' && !('maxLength' in schema) && !('enum' in schema) && 'has no maxLength',
  'additionalProperties' in schema && !('maxProperties' in schema) && 'has no maxProperties',
];

const checkRules: Check = (schema) =>
  ((schema['x-kubernetes-validations'] ?? []) as Record<string, string>[]).flatMap((rule) => [
    Object.keys(rule).some((key) => !['rule', 'message', 'messageExpression', 'fieldPath'].includes(key)) &&
      'has a rule with unknown parts',
    !/^\S[^\n]{1,2047}$/.test(rule['message'] ?? '') && 'has a rule without a message of one line',
    ...(rule['fieldPath'] ?? '')
      .split('.')
      .slice(1)
      .reduce<{ node: Schema | undefined }[]>(
        (nodes, key) => [
          ...nodes,
          { node: ((nodes.at(-1)?.node?.['properties'] ?? {}) as Record<string, Schema>)[key] },
        ],
        [{ node: schema }],
      )
      .map(({ node }) => node === undefined && `has a rule about ${rule['fieldPath']}, which it lacks`),
  ]);

/** Everything that is wrong with a schema, one line each. */
export function findStructuralProblems(schema: Schema, path: string): readonly string[] {
  const own = [checkShape, checkDefault, checkLists, checkBounds, checkRules]
    .flatMap((check) => check(schema, path))
    .filter((found) => found !== false)
    .map((found) => `${path} ${found}`);
  const below = asSchemas(schema['properties']).flatMap(([key, child]) => [
    ...(typeof child['description'] === 'string' ? [] : [`${path}.${key} has no description`]),
    ...findStructuralProblems(child, `${path}.${key}`),
  ]);
  const inner = (['items', 'additionalProperties'] as const).flatMap((key) =>
    typeof schema[key] === 'object' ? findStructuralProblems(schema[key] as Schema, `${path}[]`) : [],
  );
  return [...own, ...below, ...inner];
}
