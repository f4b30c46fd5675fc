// Derived writes: carries out a plan of derived secrets at the API server, one call after the other.
import { printDerivedSecret } from '../domain/secret-plan-object.ts';
import type { SecretPlan } from '../domain/secret-plan.ts';
import type { ApiFailure, ClusterApi } from '../kubernetes/cluster-api.ts';
import { SECRETS } from '../kubernetes/resource.ts';
import type { CredentialLog } from './derived-effects.ts';
import { CALL_TIMEOUT_MS, STOPPED } from './namespace-bindings.ts';

export interface WriteOptions {
  readonly api: ClusterApi;
  readonly log: CredentialLog;
  readonly signal: AbortSignal;
  readonly namespace: string;
  readonly plan: Pick<SecretPlan, 'apply' | 'remove'>;
}

export interface Written {
  /** By the name of the secret. */
  readonly failures: ReadonlyMap<string, ApiFailure>;
  /** One of them, so that the namespace is tried again. */
  readonly failure: ApiFailure | undefined;
}

/** A failure stops nothing: each secret has its own. Secrets are made and changed first, only then others go. */
export async function carryOut({ api, log, signal, namespace, plan }: WriteOptions): Promise<Written> {
  const failures = new Map<string, ApiFailure>();
  const options = { timeoutMs: CALL_TIMEOUT_MS };
  for (const wanted of plan.apply) {
    const applied = signal.aborted
      ? { ok: false as const, error: STOPPED }
      : await api.apply(SECRETS, { ...printDerivedSecret(namespace, wanted) }, options);
    if (applied.ok) log.did('written', namespace, wanted.name);
    else failures.set(wanted.name, applied.error);
  }
  for (const { name, uid } of plan.remove) {
    const removed = signal.aborted
      ? { ok: false as const, error: STOPPED }
      : await api.remove(SECRETS, { namespace, name }, { ...options, uid });
    if (removed.ok) log.did('removed', namespace, name);
    else failures.set(name, removed.error);
  }
  return { failures, failure: failures.values().next().value };
}
