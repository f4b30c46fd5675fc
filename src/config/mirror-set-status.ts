// The status of RegistryMirrorSet v1alpha1, written by the controller: "is it working?".
import { z } from 'zod';

/** One of each condition type at most, with room for types to come. */
const MAX_CONDITIONS = 16;
/** The upstream and the mirrors. */
const MAX_ENDPOINTS = 17;
/** The webhook warns about these; what is beyond stands in the message of CredentialsReady as a number. */
const MAX_REFUSED = 64;
/** RFC 1123 subdomain, the longest name of a namespaced object. */
const MAX_NAME = 253;

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

const refused = z.strictObject({
  namespace: z.string().min(1).max(63).describe('Where the derived pull secret is.'),
  secret: z.string().min(1).max(MAX_NAME).describe('Name of the derived pull secret.'),
  endpoint: z.string().min(1).max(512).describe('The mirror that refuses its credential.'),
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
  namespaces: count.describe('Opted-in namespaces that the set is for.').optional(),
  derivedSecrets: count.describe('Derived pull secrets that are in place.').optional(),
  podsOnMirrors: count.describe('Living pods with an image that comes from a mirror of the set.').optional(),
  refused: z
    .array(refused)
    .max(MAX_REFUSED)
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe('Derived pull secrets whose credential a mirror refuses, as far as there is room.')
    .optional(),
  nodes: nodes.describe('How far the configuration of nodes is.').optional(),
});
