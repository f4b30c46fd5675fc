// Controller settings: the command lines of controller and cleanup as checked values; all problems at once.
import { z } from 'zod';
import { LOG_LEVELS } from '../domain/log-level.ts';
import { NODE_PATH } from '../domain/node-path.ts';
import type { Problem } from '../domain/problem.ts';
import type { Result } from '../domain/result.ts';
import { address, duration, nodeShare, parseFlags } from './flag-forms.ts';

const logLevel = z.enum(LOG_LEVELS, {
  error: ({ input }) => `"${String(input)}" is none of ${LOG_LEVELS.join(', ')}`,
});

const cluster = {
  kubeconfig: z.string().min(1).optional(),
  context: z.string().min(1).optional(),
  installNamespace: z.string().min(1),
  /** The chart's fullname: every object of the installation begins with it. As long as the chart lets it be. */
  fullname: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$/, {
    error: 'it is no name of at most 52 lower-case letters, digits and dashes',
  }),
};

const controller = z.object({
  ...cluster,
  opsListen: address,
  clusterName: z.string(),
  /** This replica among others: the pod's name. */
  identity: z.string().min(1),
  allowedEndpoint: z.array(z.string().min(1)),
  certificates: z.boolean(),
  probeInterval: duration({ min: 1_000, max: 600_000 }),
  probeTimeout: duration({ min: 50, max: 5_000 }),
  /** Whether nodes get mirror configuration: agents are installed. */
  nodes: z.boolean(),
  nodesMaxUnavailable: nodeShare,
  nodesGate: duration({ min: 0, max: 3_600_000 }),
  logLevel,
});

const folder = z.string().regex(NODE_PATH, { error: 'it is no absolute path of plain characters' });

const cleanup = z.object({
  ...cluster,
  timeout: duration({ min: 1_000, max: 600_000 }),
  /** Nodes have files of ours: their agents are asked to restore. */
  nodes: z.boolean(),
  nodesTimeout: duration({ min: 1_000, max: 600_000 }),
  /** Where nodes keep them, for the command that is printed for those that did not answer. */
  containersFolder: folder,
  containerdFolder: folder,
  authFile: folder.optional(),
});

export type ControllerSettings = z.output<typeof controller>;
export type CleanupSettings = z.output<typeof cleanup>;

/** Checks what the command line of `controller` gave. */
export function parseControllerSettings(flags: unknown): Result<ControllerSettings, readonly Problem[]> {
  return parseFlags(controller, flags, 'controller');
}

/** Checks what the command line of `cleanup` gave. */
export function parseCleanupSettings(flags: unknown): Result<CleanupSettings, readonly Problem[]> {
  return parseFlags(cleanup, flags, 'cleanup');
}
