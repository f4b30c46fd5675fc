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
  read(
    namespace: string,
    names: readonly string[],
  ): readonly SecretReading[] | Promise<readonly SecretReading[]>;
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
