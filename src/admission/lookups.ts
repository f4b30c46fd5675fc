// The look-ups that admission needs, as small interfaces owned here and implemented elsewhere.
import type { Answer } from '../domain/answer.ts';
import type { AuditEntries } from '../domain/audit-record.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { HealthStatus } from '../domain/health.ts';
import type { MirrorSet } from '../domain/mirror-set.ts';
import type { SecretReading } from '../domain/pod-credentials.ts';
import type { Question } from '../domain/question.ts';

/** Asks registries, and remembers. Nothing here rejects. */
export interface Prober {
  /** What is known already; undefined: has to be asked. Refreshes in the background what has become stale. */
  recall(question: Question): Answer | undefined;
  /** Asks with one credential after the other; each answers within the probe timeout (a second) whatever happens. */
  ask(question: Question): Promise<Answer>;
  /** What the endpoint's health alone says: for pods whose credential could not be read. */
  byHealth(endpoint: Endpoint): Answer;
  status(endpoint: Endpoint): HealthStatus;
  /** The digest last seen for the question's tag, if any. */
  lastDigest(question: Question): string | undefined;
}

/** The mirror sets in force. The array is the same object as long as nothing has changed for that namespace. */
export interface MirrorSource {
  forNamespace(namespace: string): readonly MirrorSet[];
}

/** Reads pull secrets by name. Answers at once when it knows; otherwise within its own time-out (200 ms). Never rejects. */
export interface PullSecretSource {
  /** @param withinMs What is left of the pod's time, if that is less; 0 or less: what is known now. */
  read(
    namespace: string,
    names: readonly string[],
    withinMs: number,
  ): readonly SecretReading[] | Promise<readonly SecretReading[]>;
}

/** What is known of the ServiceAccounts that pods run as. */
export interface ServiceAccountSource {
  /**
   * May its pods name only the pull secrets that it lists itself? With another one the API server refuses the pod, after us
   * (plugin/pkg/admission/serviceaccount). True where it is not known.
   */
  enforcesMountableSecrets(namespace: string, name: string): boolean;
}

/** Derived pull secrets of one namespace that mirrors refuse: `host[:port][/path]` of those mirrors by the secret's name. */
export type RefusedSecrets = ReadonlyMap<string, ReadonlySet<string>>;

/** What somebody has found out by trying derived pull secrets at their mirrors. */
export interface RefusalSource {
  /** undefined: none is refused in this namespace, as far as is known. */
  refusedIn(namespace: string): RefusedSecrets | undefined;
}

/** Takes the records of a request without waiting, and never throws. */
export interface AuditSink {
  append(entries: AuditEntries): void;
}

/** Counts what was decided. */
export interface AdmissionMeter {
  admission(seconds: number): void;
  decision(action: string, reason: string): void;
  internalError(): void;
}

/** Milliseconds; `now` is monotonic, `wallClock` is for records. */
export interface Clock {
  now(): number;
  wallClock(): Date;
}
