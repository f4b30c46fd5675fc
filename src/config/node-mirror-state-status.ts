// The status of NodeMirrorState v1alpha1, written by that node's agent: what is on the node.
import { z } from 'zod';
import { NODE_STATUS_BOUNDS as BOUNDS, WANTED_BOUNDS } from '../domain/node-bounds.ts';

const word = z.string().min(1).max(BOUNDS.word);
const sentence = z.string().max(BOUNDS.sentence);
const path = z.string().min(1).max(BOUNDS.path);
const endpoint = z.string().min(1).max(WANTED_BOUNDS.endpoint);
const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

const order = z.strictObject({
  prefix: endpoint.describe('The registry name that pods use.'),
  first: endpoint.describe('The endpoint that the runtime asks first.'),
});

const file = z.strictObject({
  path: path.describe('Where it is on the node.'),
  sha256: z.string().max(64).describe('Of its content, hexadecimal.'),
});

const conflict = z.strictObject({
  path: path.describe('The file that is somebody else’s.'),
  reason: word.describe('CamelCase word for machines.'),
  message: sentence.describe('What is in the way and what to do.'),
});

const leftOut = z.strictObject({
  set: z.string().max(BOUNDS.name).describe('The mirror set.'),
  prefix: endpoint.describe('The registry name that pods use.'),
  endpoint: endpoint.describe('The mirror; absent when it is the whole prefix.').optional(),
  reason: word.describe('CamelCase word for machines.'),
  message: sentence.describe('Why, and what to do.'),
});

const finding = z.strictObject({
  code: word.describe('CamelCase word for machines.'),
  severity: z.enum(['error', 'warning', 'info']).describe('How much it matters.'),
  message: sentence.describe('What is remarkable about the node.'),
  fix: sentence.describe('What to do.'),
});

/** What the node's agent last did and saw. */
export const nodeStatusSchema = z.strictObject({
  observedGeneration: z.int().min(0).describe('metadata.generation that this status is about.').optional(),
  observedRevision: z
    .string()
    .max(BOUNDS.word)
    .describe('spec.wanted.revision that this status is about: that was tried, whatever came of it.')
    .optional(),
  state: z
    .enum(['UpToDate', 'Failed', 'Refused', 'Restored'])
    .describe(
      'UpToDate: the files are as wanted and verified. Failed: they could not be laid down, and what was there before is there. ' +
        'Refused: what is wanted is invalid, and the last valid state is kept. Restored: everything of this installation is gone again.',
    )
    .optional(),
  message: z
    .string()
    .max(BOUNDS.message)
    .describe('What is the matter and what to do, for people.')
    .optional(),
  order: z
    .array(order)
    .max(BOUNDS.order)
    .meta(atomic)
    .describe('Which endpoint is asked first, by prefix.')
    .optional(),
  runtime: z
    .strictObject({
      name: word.describe('crio or containerd.'),
      version: word.describe('As the runtime says it.'),
    })
    .describe('The container runtime that was found.')
    .optional(),
  files: z.array(file).max(BOUNDS.files).meta(atomic).describe('The files of this installation.').optional(),
  conflicts: z
    .array(conflict)
    .max(BOUNDS.conflicts)
    .meta(atomic)
    .describe('Files of somebody else in the way. They are left alone.')
    .optional(),
  leftOut: z
    .array(leftOut)
    .max(BOUNDS.leftOut)
    .meta(atomic)
    .describe('What is declared and cannot be in this node’s files.')
    .optional(),
  findings: z
    .array(finding)
    .max(BOUNDS.findings)
    .meta(atomic)
    .describe('What is remarkable about the node, each with what to do.')
    .optional(),
  agentVersion: z.string().max(BOUNDS.name).describe('Version of the agent.').optional(),
  updatedAt: z
    .string()
    .max(64)
    .meta({ format: 'date-time' })
    .describe('When the agent wrote this.')
    .optional(),
});
