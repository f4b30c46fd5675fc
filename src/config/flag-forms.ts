// Flag forms: what values on a command line look like, and what is said of those that do not.
import { z } from 'zod';
import type { NodeShare } from '../domain/node-rollout-facts.ts';
import type { Problem } from '../domain/problem.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';

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
export function duration({ min, max }: DurationBounds): z.ZodType<number, string> {
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
export const address = z.string().transform((text, context) => {
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

/** `3`, or `10%` of the nodes that get something. */
export const nodeShare = z.string().transform((text, context): NodeShare => {
  const percent = /^(\d{1,3})%$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) >= 1 && Number(percent) <= 100)
    return { kind: 'percent', percent: Number(percent) };
  if (/^[1-9]\d{0,4}$/.test(text)) return { kind: 'count', nodes: Number(text) };
  context.addIssue({
    code: 'custom',
    message: `"${text}" is neither a number of nodes from 1 on nor a share from 1% to 100%`,
    params: { fix: 'Write for example 3 or 10%' },
  });
  return z.NEVER;
});

/** `opsListen` → `--ops-listen`. */
export function flagOf(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** What zod found, as a problem of a flag of this sub-command. */
export function flagProblem(issue: z.core.$ZodIssue, command: string): Problem {
  const params = issue.code === 'custom' ? issue.params : undefined;
  const fix: unknown = params?.['fix'];
  return {
    path: flagOf(String(issue.path[0] ?? '')),
    code: 'InvalidFlag',
    message: issue.message,
    fix: typeof fix === 'string' ? fix : `See registry-failover ${command} --help`,
  };
}

/** Checks the flags of a sub-command. */
export function parseFlags<T>(
  schema: z.ZodType<T>,
  flags: unknown,
  command: string,
): Result<T, readonly Problem[]> {
  const parsed = schema.safeParse(flags);
  return parsed.success
    ? ok(parsed.data)
    : err(parsed.error.issues.map((issue) => flagProblem(issue, command)));
}
