// The schema of NodeMirrorState v1alpha1's spec: what a node is to have, as data. The CRD is generated from it; the agent checks anew.
import { z } from 'zod';
import { WANTED_BOUNDS } from '../domain/node-bounds.ts';
import { HOST_RULES, WANTED_RULES } from './node-mirror-state-rules.ts';
import { COMPONENT, LABEL, PORT } from './registry-grammar.ts';
import { isRecord, withRules } from './rule.ts';

export const NODE_KIND = 'NodeMirrorState';

// The grammar of domain/reference-prefix.ts as one expression that RE2 and JavaScript read alike. As `pattern`, since a CEL
// rule at 2,176 places costs more than the API server grants.
const LOCALHOST = '[lL][oO][cC][aA][lL][hH][oO][sS][tT]';
const HOST = `(?:${LABEL}(?:[.]${LABEL})+(?:${PORT})?|${LABEL}${PORT}|${LOCALHOST}|\\[[a-fA-F0-9:]+\\](?:${PORT})?)`;
const REGISTRY = new RegExp(`^${HOST}(?:/${COMPONENT})*$`);

const registry = z.string().min(1).max(WANTED_BOUNDS.endpoint).regex(REGISTRY);

const source = z.strictObject({
  endpoint: registry.describe('host[:port][/path], always over https.'),
  role: z
    .enum(['Upstream', 'Mirror'])
    .describe('Upstream: the registry that owns the names. Mirror: it holds the same images.'),
  auth: z
    .enum(['None', 'Node'])
    .describe(
      'Node: the node authenticates with a credential of its own (NodeAuth). None: nothing is added by us.',
    ),
  caPem: z
    .string()
    .max(WANTED_BOUNDS.caPem)
    .describe('PEM certificates that the runtime trusts for it, beside the node’s own. Empty: none.'),
});

const host = withRules(
  z.strictObject({
    prefix: registry.describe('The registry name that pods use, host[:port][/path].'),
    sources: z
      .array(source)
      .min(2)
      .max(WANTED_BOUNDS.sources)
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .describe('The upstream, then the mirrors as declared.'),
    order: z
      .array(z.string().min(1).max(WANTED_BOUNDS.endpoint))
      .min(2)
      .max(WANTED_BOUNDS.sources)
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .describe(
        'The endpoints of sources, each once, in the order in which the runtime asks them. It changes with the health of registries.',
      ),
  }),
  isRecord,
  HOST_RULES,
);

const runtime = z.strictObject({
  name: z.enum(['crio', 'containerd']).describe('The container runtime. crio stands for podman too.'),
  version: z
    .string()
    .max(WANTED_BOUNDS.runtimeVersion)
    .regex(/^[0-9A-Za-z][0-9A-Za-z.+~_-]*$/)
    .describe('As the runtime says it, for example 1.34.0.'),
});

/** Everything is written out, nothing has a default: what an agent reads is what somebody wrote. */
export const wantedSchema = withRules(
  z.strictObject({
    version: z
      .literal(1)
      .describe('Version of this data. An agent refuses another one and keeps what it has.'),
    revision: z
      .string()
      .max(16)
      .regex(/^[0-9a-f]{16}$/)
      .describe('Fingerprint of everything but the order of sources: what a rollout counts by.'),
    owner: z
      .string()
      .max(WANTED_BOUNDS.owner)
      .regex(/^[a-z0-9./-]+$/)
      .describe('The installation that owns the files: namespace/name.'),
    runtime: runtime.describe('The container runtime that the files are for.'),
    action: z
      .enum(['Apply', 'Restore'])
      .describe('Apply: the node gets these files. Restore: it gets back what was there before.'),
    hosts: z
      .array(host)
      .max(WANTED_BOUNDS.hosts)
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .describe('What the runtime is to know of each registry name.'),
  }),
  isRecord,
  WANTED_RULES,
);

/** What the controller wants of one node. Data, never the text of a file. */
export const nodeSpecSchema = z.strictObject({
  wanted: wantedSchema.describe('What the node is to have.'),
});
