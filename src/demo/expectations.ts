// Expectations: the claims that several steps make about a pod, each held against what was answered.
import type { Reason } from '../domain/reason.ts';
import type { Stage } from './stage.ts';
import type { Expectation, PodReport, Wait } from './step-report.ts';
import { printDelay, printMs, printRequests, verdictOf } from './step-report.ts';

/** For all questions of one pod, milliseconds: the product's default. */
export const BUDGET_MS = 1500;
/** What "at once" means where nothing is asked; a busy machine included. A healthy one takes a millisecond or two. */
export const AT_ONCE_MS = 250;

/** The pod was let in with this image, for this reason. `image` in short form. */
export function expectImage(
  stage: Stage,
  report: PodReport,
  wanted: { readonly image: string; readonly reason: Reason; readonly says: string },
): Expectation {
  const { image, audit, allowed, failure } = report;
  const isTold = audit?.reason === wanted.reason && audit.chosen === image.after;
  return {
    says: wanted.says,
    seen: `${stage.shorten(image.after)}, ${verdictOf(report)}`,
    ok: allowed && failure === undefined && image.after === stage.expand(wanted.image) && isTold,
  };
}

/** The pod keeps what its author wrote and carries these pull secrets behind it. */
export function expectSecrets(report: PodReport, wanted: readonly string[]): Expectation {
  const { before, after } = report.pullSecrets;
  return {
    says: "the mirror's pull secret stands behind the pod's own",
    seen: after.join(', '),
    ok: after.join() === [...before, ...wanted].join(),
  };
}

/** Answered within so many milliseconds. */
export function expectWithin(report: PodReport, limitMs: number, says: string): Expectation {
  return { says, seen: `${printMs(report.ms)} ms`, ok: report.failure === undefined && report.ms <= limitMs };
}

/** The pods that follow cost no question: the answer is in memory. */
export function expectFromMemory(following: readonly PodReport[], limitMs: number): Expectation {
  const slowest = Math.max(...following.map((report) => report.ms));
  return {
    says: `the ${following.length} pods after it are answered from memory`,
    seen: `slowest ${printMs(slowest)} ms`,
    ok: following.every(({ audit, allowed }) => allowed && audit?.fromMemory === true) && slowest <= limitMs,
  };
}

/** A registry was left alone: so many requests and no more. */
export function expectRequests(says: string, seen: number, wanted: number): Expectation {
  return { says, seen: printRequests(seen), ok: seen === wanted };
}

/** The background probes noticed. */
export function expectNoticed(wait: Wait, says: string): Expectation {
  const seen = wait.reached ? printDelay(wait.ms) : `not within ${printMs(wait.ms)} ms`;
  return { says, seen, ok: wait.reached };
}
