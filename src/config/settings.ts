// Settings: the webhook's command line as checked values; all problems at once.
import { z } from 'zod';
import type { Problem } from '../domain/problem.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';
import { LOG_LEVELS } from '../domain/log-level.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

interface DurationBounds {
  readonly min: number;
  readonly max: number;
}

/** Milliseconds in the largest unit that takes no fraction. */
function printBound(ms: number): string {
  if (ms > 0 && ms % 60_000 === 0) return `${ms / 60_000} m`;
  return ms % 1000 === 0 ? `${ms / 1000} s` : `${ms} ms`;
}

/** `200ms`, `1.5s`, `5m` → milliseconds. */
function duration({ min, max }: DurationBounds): z.ZodType<number, string> {
  return z.string().transform((text, context) => {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text);
    const value = match === null ? NaN : Number(match[1]) * (UNITS[match[2] ?? ''] ?? NaN);
    if (value >= min && value <= max) return value;
    context.addIssue({
      code: 'custom',
      message: `"${text}" is not a duration between ${printBound(min)} and ${printBound(max)}`,
      params: { fix: 'Write a number with ms, s or m, for example 200ms or 1.5s' },
    });
    return z.NEVER;
  });
}

/** `host:port`, with an IPv6 host in brackets. */
const address = z.string().transform((text, context) => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match !== null && port <= 65_535) return { host: match[1] ?? (match[2] || '0.0.0.0'), port };
  context.addIssue({
    code: 'custom',
    message: `"${text}" is not host:port`,
    params: { fix: 'Write for example 0.0.0.0:8443, or [::]:8443' },
  });
  return z.NEVER;
});

const schema = z.object({
  manifests: z.array(z.string().min(1)).min(1, 'no declarations are given'),
  dockerConfig: z.string().optional(),
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

function flagOf(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function problemOf(issue: z.core.$ZodIssue): Problem {
  const params = issue.code === 'custom' ? issue.params : undefined;
  const fix: unknown = params?.['fix'];
  return {
    path: flagOf(String(issue.path[0] ?? '')),
    code: 'InvalidFlag',
    message: issue.message,
    fix: typeof fix === 'string' ? fix : 'See registry-failover webhook --help',
  };
}

/** Checks what the command line gave. */
export function parseWebhookSettings(flags: unknown): Result<WebhookSettings, readonly Problem[]> {
  const parsed = schema.safeParse(flags);
  return parsed.success ? ok(parsed.data) : err(parsed.error.issues.map(problemOf));
}
