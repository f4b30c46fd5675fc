// Derived report: a namespace's plan and what came of it as facts, one for each mirror set and derived secret.
import { deriveForSet } from '../domain/derived-secret.ts';
import type { MirrorSet } from '../domain/mirror-set.ts';
import type { Problem } from '../domain/problem.ts';
import type { SecretPlan } from '../domain/secret-plan.ts';
import type { CredentialFact } from '../domain/set-status-facts.ts';
import type { ApiFailure, ApiFailureKind } from '../kubernetes/cluster-api.ts';
import type { CredentialState } from './derived-effects.ts';

/** Failures that end by themselves: the next try, seconds later, has every chance. */
const PASSING: ReadonlySet<ApiFailureKind> = new Set([
  'unreachable',
  'throttled',
  'server-error',
  'conflict',
  'expired',
]);

function stateOf({ kind }: ApiFailure): CredentialState {
  return PASSING.has(kind) ? 'pending' : 'failed';
}

function fixOf({ kind }: ApiFailure, namespace: string, secret: string): string {
  if (kind === 'forbidden' || kind === 'unauthorized')
    return 'Check that the chart and the program are of one version, and that no admission policy refuses it';
  if (kind === 'invalid' && secret !== '')
    return `Delete it, and it is made anew: kubectl delete secret -n ${namespace} ${secret}`;
  return 'It is tried again; look at the log of the controller if it stays';
}

function refusedCall(failure: ApiFailure, namespace: string, secret: string): Problem {
  const [path, code] =
    secret === ''
      ? [`namespace ${namespace}`, 'NamespaceNotBound']
      : [`secret ${namespace}/${secret}`, 'SecretNotWritten'];
  return {
    path,
    code,
    message: `the API server said: ${failure.message}`,
    fix: fixOf(failure, namespace, secret),
  };
}

/** The facts of a plan: before its calls have been made, or with those that failed. */
export function planFacts(
  namespace: string,
  plan: SecretPlan,
  failures: ReadonlyMap<string, ApiFailure> | 'before',
): readonly CredentialFact[] {
  const fresh = new Set(failures === 'before' ? plan.apply.map(({ name }) => name) : []);
  const wanted = plan.wanted.flatMap(({ name, sets }) => {
    const failure = failures === 'before' ? undefined : failures.get(name);
    const fact: Omit<CredentialFact, 'set'> =
      failure === undefined
        ? { namespace, secret: name, state: fresh.has(name) ? 'pending' : 'ready' }
        : {
            namespace,
            secret: name,
            state: stateOf(failure),
            problem: refusedCall(failure, namespace, name),
          };
    return sets.map((set) => ({ set, ...fact }));
  });
  const without = plan.problems.flatMap(({ derivedName, problem, sets }) =>
    sets.map((set) => ({ set, namespace, secret: derivedName, state: 'failed' as const, problem })),
  );
  return [...wanted, ...without];
}

function isActive({ mode }: MirrorSet): boolean {
  return mode !== 'Observe';
}

/** A namespace whose secrets are about to be read: what the sets alone tell of it. */
export function awaitedFacts(namespace: string, sets: readonly MirrorSet[]): readonly CredentialFact[] {
  return sets.filter(isActive).flatMap((set) => {
    const secret = deriveForSet(set);
    return secret === undefined
      ? []
      : [{ set: set.name, namespace, secret: secret.name, state: 'pending' as const }];
  });
}

function wholeNamespace(
  sets: readonly MirrorSet[],
  fact: Omit<CredentialFact, 'set' | 'secret'>,
): readonly CredentialFact[] {
  const needy = sets.filter(
    (set) =>
      isActive(set) && set.mirrors.some(({ source }) => source === 'Secret' || source === 'SameAsUpstream'),
  );
  return needy.map((set) => ({ set: set.name, secret: '', ...fact }));
}

/** A namespace in which our RoleBindings could not be made. */
export function unboundFacts(
  namespace: string,
  sets: readonly MirrorSet[],
  failure: ApiFailure,
): readonly CredentialFact[] {
  const problem = refusedCall(failure, namespace, '');
  return wholeNamespace(sets, { namespace, state: stateOf(failure), problem });
}

/** A namespace whose secrets we should be able to read by now. */
export function unreadFacts(namespace: string, sets: readonly MirrorSet[]): readonly CredentialFact[] {
  const problem = {
    path: `namespace ${namespace}`,
    code: 'SecretsUnread',
    message: 'its secrets could not be listed so far, although the RoleBinding is there',
    fix: 'Check that the ClusterRole that the RoleBinding names exists, and the log of the controller',
  };
  return wholeNamespace(sets, { namespace, state: 'failed', problem });
}
