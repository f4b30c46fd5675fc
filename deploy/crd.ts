// The CustomResourceDefinition of RegistryMirrorSet, generated from the schema that validates files.
import { stringify } from 'yaml';
import { z } from 'zod';
import { API_VERSION, KIND, specSchema } from '../src/config/mirror-set-schema.ts';
import { statusSchema } from '../src/config/mirror-set-status.ts';

type Schema = { [key: string]: unknown };

const [GROUP = '', VERSION = ''] = API_VERSION.split('/');
const PLURAL = 'registrymirrorsets';

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

function crdSchema(schema: z.ZodType): Schema {
  return structural({ ...z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', reused: 'inline' }) });
}

/** The reason says more than True or False: `Unreachable`, `Pending`, `NotInForce`, `Disabled`. */
function conditionColumn(
  name: string,
  condition: string,
  description: string,
  field: 'reason' | 'status' = 'reason',
): Schema {
  const jsonPath = `.status.conditions[?(@.type=="${condition}")].${field}`;
  return { name, type: 'string', description, jsonPath };
}

/** Shown by `kubectl get -o wide`. */
function wide(column: Schema): Schema {
  return { ...column, priority: 1 };
}

/** "Is it working?", one line a set. */
const columns: readonly Schema[] = [
  {
    name: 'Upstream',
    type: 'string',
    description: 'The name that pods use.',
    jsonPath: '.spec.upstream.prefix',
  },
  conditionColumn('Up', 'UpstreamAvailable', 'Whether the upstream can serve.'),
  conditionColumn(
    'Credentials',
    'CredentialsReady',
    'Whether every derived pull secret is in place and taken.',
  ),
  conditionColumn('Nodes', 'NodesReady', 'Whether the selected nodes have their configuration.'),
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  wide(conditionColumn('Valid', 'Valid', 'Whether the declaration can be used.', 'status')),
  wide(conditionColumn('Admission', 'AdmissionActive', 'Whether pods are seen by the webhook.')),
  wide({
    name: 'On mirrors',
    type: 'integer',
    description: 'Living pods with an image from a mirror of the set.',
    jsonPath: '.status.podsOnMirrors',
  }),
];

function version(): Schema {
  return {
    name: VERSION,
    served: true,
    storage: true,
    subresources: { status: {} },
    additionalPrinterColumns: columns,
    schema: {
      openAPIV3Schema: {
        description: 'Declares that several registries hold the same images.',
        type: 'object',
        required: ['spec'],
        properties: {
          apiVersion: { description: `${API_VERSION}.`, type: 'string' },
          kind: { description: `${KIND}.`, type: 'string' },
          metadata: { type: 'object' },
          spec: { ...crdSchema(specSchema.describe('What is declared.')) },
          status: { ...crdSchema(statusSchema.describe('What the controller last saw.')) },
        },
      },
    },
  };
}

/** The CRD as an object. */
export function crd(): Schema {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${PLURAL}.${GROUP}`,
      // Helm leaves it, and so every declaration, in place when the release goes.
      annotations: { 'helm.sh/resource-policy': 'keep' },
    },
    spec: {
      group: GROUP,
      scope: 'Cluster',
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: PLURAL,
        singular: 'registrymirrorset',
        shortNames: ['rms'],
        categories: ['registry-failover'],
      },
      versions: [version()],
    },
  };
}

/** The CRD as YAML, for `kubectl apply` and the chart. */
export function renderCrd(): string {
  // kubectl and helm read YAML 1.1, where a bare `on` is the boolean true: as a key it has to be quoted (ADR 0009).
  return stringify(crd(), { version: '1.1', lineWidth: 120, aliasDuplicateObjects: false });
}
