// The status of RegistryMirrorSet v1alpha1, written by the controller: "is it working?".
import { z } from 'zod';

/** One of each condition type at most, with room for types to come. */
const MAX_CONDITIONS = 16;
/** The upstream and the mirrors. */
const MAX_ENDPOINTS = 17;

const time = z.string().max(64).meta({ format: 'date-time' });
const count = z.int32().min(0);

/** metav1.Condition. */
const condition = z.strictObject({
  type: z
    .string()
    .min(1)
    .max(316)
    .describe('Valid, CredentialsReady, NodesReady, UpstreamAvailable or AdmissionActive.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether the condition holds.'),
  observedGeneration: z.int().min(0).describe('metadata.generation that this was found for.').optional(),
  lastTransitionTime: time.describe('When the status changed last.'),
  reason: z.string().min(1).max(1024).describe('CamelCase word for machines, for example PrefixTaken.'),
  message: z.string().max(32_768).describe('What is the matter and what to do, for people.'),
});

const endpoint = z.strictObject({
  endpoint: z.string().min(1).max(512).describe('host[:port][/path] as declared.'),
  health: z.enum(['up', 'down', 'unknown']).describe('What is believed of the endpoint from its probes.'),
  since: time.describe('Since when.').optional(),
  reason: z.string().max(1024).describe('What made it so, for people.').optional(),
});

const nodes = z.strictObject({
  matched: count.describe('Nodes that nodes.selector selects.').default(0),
  upToDate: count.describe('Nodes whose files are as wanted and verified.').default(0),
  failed: count.describe('Nodes where the configuration could not be laid down.').default(0),
});

/** What the controller last saw. */
export const statusSchema = z.strictObject({
  observedGeneration: z.int().min(0).describe('metadata.generation that this status is about.').optional(),
  conditions: z
    .array(condition)
    .max(MAX_CONDITIONS)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
    .describe('Valid, CredentialsReady, NodesReady, UpstreamAvailable, AdmissionActive.')
    .optional(),
  endpoints: z
    .array(endpoint)
    .max(MAX_ENDPOINTS)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['endpoint'] })
    .describe('Health of the upstream and of each mirror.')
    .optional(),
  nodes: nodes.describe('How far the configuration of nodes is.').optional(),
});
