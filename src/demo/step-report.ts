// Step report: what one step of the walk-through observed. Printed as it is by --json, and laid out by the screen.
import type { AuditRecord } from '../domain/audit-record.ts';
import type { HealthStatus } from '../domain/health.ts';
import type { PatchOperation } from '../domain/patch.ts';
import type { Place } from './cast.ts';
import type { Seen } from './stage.ts';

/** A pod on its way through the webhook: as it was sent, and as the answered patch leaves it. */
export interface PodReport {
  /** `shop/web`: its namespace and Deployment. */
  readonly pod: string;
  readonly image: { readonly before: string; readonly after: string };
  /** Names in `spec.imagePullSecrets`. */
  readonly pullSecrets: { readonly before: readonly string[]; readonly after: readonly string[] };
  readonly allowed: boolean;
  /** From the API server's side of the connection. */
  readonly ms: number;
  readonly patch: readonly PatchOperation[];
  readonly warnings: readonly string[];
  /** The audit line of its one image; undefined when none was written. */
  readonly audit: AuditRecord | undefined;
  /** Why the webhook did not answer. */
  readonly failure?: string;
}

/** Something the story says, held against what was seen. */
export interface Expectation {
  /** One claim, in the present tense. */
  readonly says: string;
  /** The observation behind it. */
  readonly seen: string;
  readonly ok: boolean;
}

/** A wait for the background probes to notice; never a wait for time to pass. */
export interface Wait {
  readonly place: Place;
  readonly health: HealthStatus;
  readonly ms: number;
  readonly reached: boolean;
}

/** What a step's script comes back with. */
export interface StepFindings {
  /** The pods to look at closely. */
  readonly pods: readonly PodReport[];
  /** Pods before them, told of in one line. */
  readonly before?: readonly PodReport[];
  /** Pods after them, likewise. */
  readonly following?: readonly PodReport[];
  readonly waits?: readonly Wait[];
  readonly expected: readonly Expectation[];
}

export interface StepReport extends Required<StepFindings> {
  readonly step: number;
  readonly title: string;
  /** What is done to the registries. */
  readonly act: string;
  /** Why it comes out as it does, where the audit's sentence does not say it all; or ''. */
  readonly lesson: string;
  /** What each registry saw during the step. */
  readonly registries: Readonly<Record<Place, Seen & { readonly health: HealthStatus }>>;
  /** Every expectation was met. */
  readonly ok: boolean;
}

/** The reason in the audit record, for expectations. */
export function verdictOf(report: PodReport): string {
  const { audit, failure } = report;
  return audit?.reason ?? `no audit record (${failure ?? 'none written'})`;
}

/** Shorter waits are none that a person would notice. */
const AT_ONCE_MS = 10;

/** How long something took to come, for people: `at once`, `after 243 ms`, `after 1.8 s`. */
export function printDelay(ms: number): string {
  if (ms < AT_ONCE_MS) return 'at once';
  return ms < 1000 ? `after ${printMs(ms)} ms` : `after ${(ms / 1000).toFixed(1)} s`;
}

/** `1 request`, `2 requests`. */
export function printRequests(count: number): string {
  return `${count} request${count === 1 ? '' : 's'}`;
}

/** Milliseconds for people: `0.9`, `12`, `954`. */
export function printMs(ms: number): string {
  return ms < 10 ? ms.toFixed(1) : String(Math.round(ms));
}
