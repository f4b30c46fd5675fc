// The CustomResourceDefinitions, generated from the schemas that validate files and what is wanted of nodes.
import { stringify } from 'yaml';
import type { z } from 'zod';
import { API_VERSION, KIND, specSchema } from '../src/config/mirror-set-schema.ts';
import { statusSchema } from '../src/config/mirror-set-status.ts';
import { NODE_KIND, nodeSpecSchema } from '../src/config/node-mirror-state-schema.ts';
import { nodeStatusSchema } from '../src/config/node-mirror-state-status.ts';
import { crdSchema } from './structural.ts';
import type { Schema } from './structural.ts';

const [GROUP = '', VERSION = ''] = API_VERSION.split('/');

/** What tells one kind of ours from another. */
interface Definition {
  readonly kind: string;
  readonly plural: string;
  readonly shortName: string;
  readonly scope: 'Cluster' | 'Namespaced';
  readonly description: string;
  readonly columns: readonly Schema[];
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
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

const age: Schema = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

/** "Is it working?", one line a set. */
const setColumns: readonly Schema[] = [
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
  age,
  wide(conditionColumn('Valid', 'Valid', 'Whether the declaration can be used.', 'status')),
  wide(conditionColumn('Admission', 'AdmissionActive', 'Whether pods are seen by the webhook.')),
  wide({
    name: 'On mirrors',
    type: 'integer',
    description: 'Living pods with an image from a mirror of the set.',
    jsonPath: '.status.podsOnMirrors',
  }),
];

function text(name: string, jsonPath: string, description: string): Schema {
  return { name, type: 'string', description, jsonPath };
}

/** "Is it working?", one line a node; the object has the node's name. Two revisions that differ: it is on its way. */
const nodeColumns: readonly Schema[] = [
  text('Runtime', '.spec.wanted.runtime.name', 'The container runtime that the files are for.'),
  text('Wanted', '.spec.wanted.revision', 'The revision that the node is to have.'),
  text('Observed', '.status.observedRevision', 'The revision that State is about.'),
  text(
    'State',
    '.status.state',
    'UpToDate, Failed, Refused or Restored; empty as long as no agent has reported.',
  ),
  age,
  wide(text('Version', '.status.runtime.version', 'Version of the runtime that was found.')),
  wide(text('Action', '.spec.wanted.action', 'Whether files are laid down or taken back.')),
  wide(text('Message', '.status.message', 'What is the matter and what to do.')),
];

const DEFINITIONS: readonly Definition[] = [
  {
    kind: KIND,
    plural: 'registrymirrorsets',
    shortName: 'rms',
    scope: 'Cluster',
    description: 'Declares that several registries hold the same images.',
    columns: setColumns,
    spec: specSchema.describe('What is declared.'),
    status: statusSchema.describe('What the controller last saw.'),
  },
  {
    kind: NODE_KIND,
    plural: 'nodemirrorstates',
    shortName: 'nms',
    scope: 'Namespaced',
    description:
      'What the container runtime of one node is to know of registries, and what it has. It has the name of the node; the ' +
      'controller writes what is wanted, the agent on the node what is there.',
    columns: nodeColumns,
    spec: nodeSpecSchema.describe('What the controller wants of the node.'),
    status: nodeStatusSchema.describe('What the agent of the node last did and saw.'),
  },
];

function version({ kind, description, columns, spec, status }: Definition): Schema {
  return {
    name: VERSION,
    served: true,
    storage: true,
    subresources: { status: {} },
    additionalPrinterColumns: columns,
    schema: {
      openAPIV3Schema: {
        description,
        type: 'object',
        required: ['spec'],
        properties: {
          apiVersion: { description: `${API_VERSION}.`, type: 'string' },
          kind: { description: `${kind}.`, type: 'string' },
          metadata: { type: 'object' },
          spec: { ...crdSchema(spec) },
          status: { ...crdSchema(status) },
        },
      },
    },
  };
}

function crd(definition: Definition): Schema {
  const { kind, plural, shortName, scope } = definition;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${GROUP}`,
      // Helm leaves it, and so every declaration, in place when the release goes.
      annotations: { 'helm.sh/resource-policy': 'keep' },
    },
    spec: {
      group: GROUP,
      scope,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: [shortName],
        categories: ['registry-failover'],
      },
      versions: [version(definition)],
    },
  };
}

/** The CRDs as objects, by kind. */
export function crds(): Readonly<Record<'RegistryMirrorSet' | 'NodeMirrorState', Schema>> {
  const [set, node] = DEFINITIONS;
  if (set === undefined || node === undefined) throw new Error('a definition is missing');
  return { RegistryMirrorSet: crd(set), NodeMirrorState: crd(node) };
}

/** The CRDs as YAML, for `kubectl apply` and the chart. */
export function renderCrds(): string {
  // kubectl and helm read YAML 1.1, where a bare `on` is the boolean true: as a key it has to be quoted (ADR 0009).
  const options = { version: '1.1', lineWidth: 120, aliasDuplicateObjects: false } as const;
  return Object.values(crds())
    .map((one) => stringify(one, options))
    .join('---\n');
}
