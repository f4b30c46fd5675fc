// Settings: the webhook's command line as checked values; all problems at once.
import { z } from 'zod';
import { asObject } from '../domain/json.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Problem } from '../domain/problem.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';
import { address, duration, flagOf, flagProblem } from './flag-forms.ts';
import { LOG_LEVELS } from '../domain/log-level.ts';

const schema = z.object({
  manifests: z.array(z.string().min(1)),
  dockerConfig: z.string().optional(),
  fromCluster: z.boolean(),
  kubeconfig: z.string().min(1).optional(),
  context: z.string().min(1).optional(),
  tlsSecret: z.string().min(1).optional(),
  listen: address,
  opsListen: address,
  tlsCert: z.string().min(1),
  tlsKey: z.string().min(1),
  installNamespace: z.string().min(1),
  clusterName: z.string(),
  allowedEndpoint: z.array(z.string().min(1)),
  excludedOwner: z.array(z.string()),
  probeInterval: duration({ min: 1_000, max: 600_000 }),
  probeTimeout: duration({ min: 50, max: 5_000 }),
  hedge: duration({ min: 0, max: 5_000 }),
  budget: duration({ min: 0, max: 10_000 }),
  drain: duration({ min: 0, max: 60_000 }),
  grace: duration({ min: 0, max: 120_000 }),
  logLevel: z.enum(LOG_LEVELS, {
    error: ({ input }) => `"${String(input)}" is none of ${LOG_LEVELS.join(', ')}`,
  }),
});

export type WebhookSettings = z.output<typeof schema>;

function invalidFlag(path: string, message: string, fix: string): Problem {
  return { path, code: 'InvalidFlag', message, fix };
}

/** What only the API server can give. */
const CLUSTER_ONLY = ['kubeconfig', 'context', 'tlsSecret'];
const FILES_ONLY = ['manifests', 'dockerConfig'];

/** Flags that contradict each other, told beside what is wrong with single ones. */
function contradictions(flags: JsonObject): Problem[] {
  const isGiven = (key: string): boolean => {
    const value = flags[key];
    return Array.isArray(value) ? value.length > 0 : value !== undefined;
  };
  if (flags['fromCluster'] !== true) {
    const none = isGiven('manifests')
      ? []
      : [
          invalidFlag(
            '--manifests',
            'no declarations are given',
            'Give a file or directory with -m, or --from-cluster',
          ),
        ];
    const idle = CLUSTER_ONLY.filter(isGiven).map((key) =>
      invalidFlag(
        flagOf(key),
        'it is about the API server, which is not asked',
        'Add --from-cluster, or leave it out',
      ),
    );
    return [...none, ...idle];
  }
  return FILES_ONLY.filter(isGiven).map((key) =>
    invalidFlag(
      flagOf(key),
      'declarations and pull secrets come from the API server (--from-cluster) or from files, not from both',
      `Leave ${flagOf(key)} or --from-cluster out`,
    ),
  );
}

/** Checks what the command line gave. */
export function parseWebhookSettings(flags: unknown): Result<WebhookSettings, readonly Problem[]> {
  const parsed = schema.safeParse(flags);
  const problems = contradictions(asObject(flags) ?? {});
  if (parsed.success && problems.length === 0) return ok(parsed.data);
  return err([...problems, ...(parsed.error?.issues ?? []).map((issue) => flagProblem(issue, 'webhook'))]);
}
