// The schema of RegistryMirrorSet v1alpha1: it validates files, and the CRD is generated from it. Descriptions are for `kubectl explain`.
import { z } from 'zod';
import type { MirrorSetSpec } from '../domain/mirror-set-object.ts';
import {
  DIGEST_POLICIES,
  FAILOVER_MODES,
  FAILOVER_TRIGGERS,
  NODE_CREDENTIALS,
} from '../domain/mirror-set.ts';
import { caBundle, credential, labelSelector } from './mirror-set-parts.ts';
import { SPEC_RULES } from './mirror-set-rules.ts';
import { isRecord, withRules } from './rule.ts';
import { canaryText, endpointText, objectName, prefixText } from './text-form.ts';

export const API_VERSION = 'registry-failover.io/v1alpha1';
export const KIND = 'RegistryMirrorSet';

/** A pull asks one after the other: nobody waits for a seventeenth. It also bounds what CEL costs. */
const MAX_MIRRORS = 16;

const CA_BUNDLE =
  "Trust for a private certificate authority, beside the system's. Empty: the system's alone. ";

const upstream = z.strictObject({
  prefix: prefixText.describe(
    'The registry name that pods use, host[:port][/path], for example fra.ocir.io or docker.io/library. ' +
      'It covers whole path components; of several sets the longest matching prefix wins.',
  ),
  credential: credential
    .describe(
      'Credential for health probes, and for nodes with credentials: NodeAuth. Its source is Secret. ' +
        "Pods' images are never probed with it.",
    )
    .optional(),
  caBundle: caBundle.describe(`${CA_BUNDLE}Used by probes, and written to nodes.`).prefault({}),
  canary: canaryText
    .describe('An image below the prefix, repository:tag, that is asked for in the background. Empty: none.')
    .default(''),
});

const mirror = z.strictObject({
  endpoint: endpointText.describe(
    'The registry that holds the same images, host[:port][/path], always over https. What follows the prefix in an image follows it here.',
  ),
  credential: credential.describe('How a pull from this mirror is authenticated.'),
  caBundle: caBundle
    .describe(`${CA_BUNDLE}The mirror is a candidate only when nodes have it too: see trustedByNodes.`)
    .prefault({}),
  trustedByNodes: z
    .boolean()
    .describe('Nodes trust the private certificate authority of this mirror already, by means of their own.')
    .default(false),
  mayReceiveUpstreamCredential: z
    .boolean()
    .describe(
      "This mirror may be written to containerd although containerd then shows it the pod's upstream credential whenever it answers 401.",
    )
    .default(false),
});

const failover = z.strictObject({
  mode: z
    .enum(FAILOVER_MODES)
    .describe(
      'Rewrite: images are pointed at a mirror when the upstream cannot serve them. ' +
        'CredentialsOnly: pods get pull secrets, images are left alone. Observe: nothing is changed, decisions are recorded.',
    )
    .default('Rewrite'),
  on: z
    .array(z.enum(FAILOVER_TRIGGERS))
    .min(1)
    .max(FAILOVER_TRIGGERS.length)
    .superRefine(
      (triggers, context) => {
        triggers.forEach((trigger, index) => {
          if (triggers.indexOf(trigger) === index) return;
          const params = { code: 'TriggerTwice', fix: 'Remove one of them' };
          context.addIssue({ code: 'custom', path: [index], message: `${trigger} is listed twice`, params });
        });
      },
      { when: ({ value }) => Array.isArray(value) },
    )
    .meta({ 'x-kubernetes-list-type': 'set' })
    .describe(
      'Outcomes of the upstream that count as a reason to leave it. Write the name of this field in quotes ("on"): kubectl reads a bare one as true.',
    )
    .default(['Unreachable', 'Failing', 'Throttled', 'Missing']),
  digestPolicy: z
    .enum(DIGEST_POLICIES)
    .describe(
      'What a mirror is worth that has another digest for the tag than the upstream had last. ' +
        'Require: nothing, and an unknown digest neither. Prefer: less than one with the same digest. Ignore: digests are not compared.',
    )
    .default('Prefer'),
  rescue: z
    .boolean()
    .describe('Waiting containers on a registry that cannot serve are pointed at one that can.')
    .default(true),
});

const nodes = z.strictObject({
  enabled: z
    .boolean()
    .describe('Mirror configuration is written to nodes. The chart value nodes.enabled is needed as well.')
    .default(false),
  selector: labelSelector.describe('Labels of the nodes that get it. Empty: all nodes.').prefault({}),
  credentials: z
    .enum(NODE_CREDENTIALS)
    .describe(
      'NodeAuth: the credentials of mirrors are put on the nodes, and every pod of a node can then pull with them. None: they are not.',
    )
    .default('None'),
  wholeHost: z
    .boolean()
    .describe(
      'containerd is configured per host: allow that pulls of the whole host go to the mirrors, though the prefix is a path below it.',
    )
    .default(false),
});

/** What an operator declares. Parsing fills every default. */
export const specSchema = withRules(
  z.strictObject({
    namespaceSelector: labelSelector
      .describe(
        'Labels of the namespaces this set is for, among those that have opted in. Absent or {}: all of them. ' +
          'It must be written out when a mirror uses source: Secret.',
      )
      .optional(),
    upstream: upstream.describe('The registry that owns the name pods use.'),
    mirrors: z
      .array(mirror)
      .min(1)
      .max(MAX_MIRRORS)
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .describe('Registries that hold the same images, in order of preference.'),
    failover: failover.describe('When images are pointed at a mirror.').prefault({}),
    nodes: nodes.describe('Mirror configuration for the container runtimes of nodes.').prefault({}),
  }),
  isRecord,
  SPEC_RULES,
) satisfies z.ZodType<MirrorSetSpec>;

/** The manifest. Of its metadata only what counts is looked at; a status, as in an exported object, is passed over. */
export const mirrorSetSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(KIND),
  metadata: z.looseObject({
    name: objectName.describe('Name of the mirror set.'),
    generation: z.int().min(0).default(0),
    creationTimestamp: z.string().optional(),
  }),
  spec: specSchema.describe('What is declared.'),
  status: z.unknown().optional(),
});
