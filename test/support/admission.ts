// Admission over in-memory look-ups: registries are a table of answers, everything else is the real thing.
import { applyPatch } from 'rfc6902';
import { expect } from 'vitest';
import { Admission } from '../../src/admission/admit.ts';
import type { AdmissionSettings, ExplainedVerdict } from '../../src/admission/admit.ts';
import { DeclaredState } from '../../src/admission/declared-state.ts';
import type { DeclaredObjects } from '../../src/admission/declared-state.ts';
import type {
  Prober,
  PullSecretSource,
  RefusalSource,
  ServiceAccountSource,
} from '../../src/admission/lookups.ts';
import type { AdmissionRequest } from '../../src/admission/review.ts';
import type { Answer } from '../../src/domain/answer.ts';
import type { AuditEntries, AuditRecord } from '../../src/domain/audit-record.ts';
import type { HealthStatus } from '../../src/domain/health.ts';
import type { MirrorSet } from '../../src/domain/mirror-set.ts';
import type { Question } from '../../src/domain/question.ts';
import { makeAnswer } from './make.ts';

/** A prober whose registries answer by a table, after a delay, and that remembers nothing unless told. */
export class TableProber implements Prober {
  /** By host, then optionally `host/repository`. */
  readonly answers = new Map<string, Answer>();
  readonly delays = new Map<string, number>();
  readonly statuses = new Map<string, HealthStatus>();
  readonly digests = new Map<string, string>();
  readonly asked: Question[] = [];
  /** Answers come from memory instead of by asking. */
  inMemory = false;

  #answer(question: Question): Answer {
    const found =
      this.answers.get(`${question.endpoint.host}/${question.repository}`) ??
      this.answers.get(question.endpoint.host) ??
      makeAnswer('available');
    const secret = question.credentials[0]?.secret;
    return secret === undefined ? found : { ...found, secret };
  }

  recall(question: Question): Answer | undefined {
    return this.inMemory ? { ...this.#answer(question), fromMemory: true, ms: 0 } : undefined;
  }

  async ask(question: Question): Promise<Answer> {
    this.asked.push(question);
    const delay = this.delays.get(question.endpoint.host) ?? 0;
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    return this.#answer(question);
  }

  byHealth(endpoint: { readonly host: string }): Answer {
    const status = this.statuses.get(endpoint.host) ?? 'unknown';
    const outcome = status === 'up' ? 'available' : status === 'down' ? 'unreachable' : 'slow';
    return makeAnswer(outcome, { unread: true, fromMemory: true, endpointWide: status === 'down' });
  }

  status(endpoint: { readonly host: string }): HealthStatus {
    return this.statuses.get(endpoint.host) ?? 'up';
  }

  lastDigest(question: Question): string | undefined {
    return this.digests.get(question.id);
  }
}

export interface AdmissionBench {
  readonly admission: Admission;
  readonly prober: TableProber;
  readonly records: AuditRecord[];
  /** The same, as they were handed over. */
  readonly entries: AuditEntries[];
  readonly errors: unknown[];
}

export function makeAdmission(
  sets: readonly MirrorSet[],
  over: Partial<DeclaredObjects> & {
    settings?: Partial<AdmissionSettings>;
    secretSource?: PullSecretSource;
    serviceAccounts?: ServiceAccountSource;
    refusals?: RefusalSource;
    prober?: TableProber;
  } = {},
): AdmissionBench {
  const records: AuditRecord[] = [];
  const entries: AuditEntries[] = [];
  const errors: unknown[] = [];
  const { settings, secretSource, serviceAccounts, refusals, prober = new TableProber(), ...objects } = over;
  const declared = new DeclaredState({
    sets,
    namespaceLabels: new Map(),
    secrets: [],
    standIn: undefined,
    ...objects,
  });
  const admission = new Admission(
    {
      budgetMs: 300,
      hedgeMs: 40,
      cluster: 'test',
      excludedOwners: new Set(['postgresql.cnpg.io']),
      ...settings,
    },
    {
      mirrors: declared,
      secrets: secretSource ?? declared,
      serviceAccounts: serviceAccounts ?? declared,
      refusals: refusals ?? declared,
      prober,
      audit: {
        append: (request) => {
          entries.push(request);
          records.push(...request.records());
        },
      },
      meter: { admission: () => {}, decision: () => {}, internalError: () => {} },
      clock: { now: () => performance.now(), wallClock: () => new Date('2026-01-02T03:04:05Z') },
      fingerprint: (credential) => credential?.username ?? '',
      onInternalError: (error) => void errors.push(error),
    },
  );
  return { admission, prober, records, entries, errors };
}

export function makeRequest(object: unknown, over: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return {
    uid: 'uid-1',
    namespace: 'shop',
    resource: 'pods',
    subResource: '',
    operation: 'CREATE',
    dryRun: false,
    requester: 'system:serviceaccount:kube-system:replicaset-controller',
    object,
    oldObject: undefined,
    ...over,
  };
}

/** The object after the verdict's patch, as the API server would apply it; fails the test when it does not apply. */
export function applied<T>(object: T, verdict: ExplainedVerdict): T {
  const copy = structuredClone(object);
  const errors = applyPatch(copy, structuredClone(verdict.patch) as never);
  expect(errors.filter((error) => error !== null)).toEqual([]);
  return copy;
}
