// The parts that a mirror set is made of more than once: credential, CA bundle, label selector.
import { z } from 'zod';
import { CREDENTIAL_SOURCES } from '../domain/mirror-set.ts';
import { quote } from '../domain/reference-grammar.ts';
import { isRecord, withRules } from './rule.ts';
import type { Rule } from './rule.ts';
import { CEL_LABEL_KEYS, configMapKey, isLabelKey, labelKey, labelValue, objectName } from './text-form.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Bounds every list of a selector, for the API server's estimate of what CEL costs. */
const MAX_LABELS = 16;

const secretRef = z
  .strictObject({
    name: objectName.describe('Name of the Secret, of type kubernetes.io/dockerconfigjson or dockercfg.'),
  })
  .describe('A pull secret in the install namespace. Only with source: Secret.');

const credentialRules: readonly Rule<Fields>[] = [
  {
    code: 'SecretRefMissing',
    message: 'source is Secret, but no secretRef says which one',
    fix: 'Add secretRef: { name: ... } with the name of a pull secret in the install namespace',
    cel: "self.source != 'Secret' || has(self.secretRef)",
    find: (value) =>
      value['source'] === 'Secret' && value['secretRef'] === undefined ? [{ path: ['secretRef'] }] : [],
  },
  {
    code: 'SecretRefUnused',
    message: 'a secretRef is read only with source: Secret, so this one would be ignored',
    fix: 'Remove secretRef, or write source: Secret',
    cel: "self.source == 'Secret' || !has(self.secretRef)",
    celField: '.secretRef',
    find: (value) =>
      CREDENTIAL_SOURCES.some((source) => source !== 'Secret' && source === value['source']) &&
      value['secretRef'] !== undefined
        ? [{ path: ['secretRef'] }]
        : [],
  },
];

/** The one credential type, of the upstream and of mirrors. */
export const credential = withRules(
  z.strictObject({
    source: z
      .enum(CREDENTIAL_SOURCES)
      .describe(
        "Where the credential comes from. SameAsUpstream: the pod's own pull secret for the upstream is valid here too. " +
          'Secret: the pull secret named by secretRef; every pod creator in the selected namespaces can then read all that it can read. ' +
          'Node: the node brings it (ECR, GAR and ACR credential providers); nothing is injected. None: public, no credential.',
      ),
    secretRef: secretRef.optional(),
  }),
  isRecord,
  credentialRules,
);

/** Where trust in a private certificate authority comes from. */
export const caBundle = z.strictObject({
  configMapRef: z
    .strictObject({
      name: objectName.describe('Name of the ConfigMap.'),
      key: configMapKey.describe('Key that holds the certificates in PEM, for example ca.crt.'),
    })
    .describe('A ConfigMap in the install namespace that holds CA certificates.')
    .optional(),
});

const requirementRules: readonly Rule<Fields>[] = [
  {
    code: 'InvalidSelector',
    message: 'In and NotIn need values, Exists and DoesNotExist take none',
    fix: 'Add values to In or NotIn, or remove them from Exists or DoesNotExist',
    cel: "self.operator in ['In', 'NotIn'] ? has(self.values) && self.values.size() > 0 : !has(self.values) || self.values.size() == 0",
    find: ({ operator, values }) => {
      const isFilled = Array.isArray(values) && values.length > 0;
      if (operator === 'In' || operator === 'NotIn')
        return isFilled
          ? []
          : [{ message: `${operator} without values selects by nothing`, fix: 'Add values: [...]' }];
      if (operator !== 'Exists' && operator !== 'DoesNotExist') return [];
      return isFilled
        ? [{ path: ['values'], message: `${operator} takes no values`, fix: 'Remove values' }]
        : [];
    },
  },
];

const matchExpression = withRules(
  z.strictObject({
    key: labelKey.describe('The label.'),
    operator: z
      .enum(['In', 'NotIn', 'Exists', 'DoesNotExist'])
      .describe('How the label and the values relate.'),
    values: z
      .array(labelValue)
      .max(MAX_LABELS)
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .describe('Values for In and NotIn.')
      .optional(),
  }),
  isRecord,
  requirementRules,
);

const matchLabelsRules: readonly Rule<Fields>[] = [
  {
    code: 'InvalidLabel',
    message: 'a key is not a label key',
    fix: 'Write [domain/]name, the name with at most 63 letters, digits, dots, - and _',
    cel: CEL_LABEL_KEYS,
    find: (labels) =>
      Object.keys(labels)
        .filter((key) => !isLabelKey(key))
        .map((key) => ({ path: [key], message: `${quote(key)} is not a label key` })),
  },
];

const matchLabels = withRules(z.record(z.string(), labelValue), isRecord, matchLabelsRules)
  .superRefine(
    (labels, context) => {
      if (!isRecord(labels) || Object.keys(labels).length <= MAX_LABELS) return;
      const size = { origin: 'object', maximum: MAX_LABELS, inclusive: true } as const;
      context.addIssue({ code: 'too_big', ...size, input: labels });
    },
    { when: () => true },
  )
  .meta({ maxProperties: MAX_LABELS });

/** metav1.LabelSelector within bounds. */
export const labelSelector = z.strictObject({
  matchLabels: matchLabels.describe('Labels that must all be there with these values.').optional(),
  matchExpressions: z
    .array(matchExpression)
    .max(MAX_LABELS)
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe('Further requirements that must all hold.')
    .optional(),
});
