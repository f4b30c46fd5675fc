// Cleanup: takes what is ours out of the cluster's namespaces before an uninstall: secrets that nobody uses, then the rights.
import { readPodRecord } from '../domain/pod-record.ts';
import { isEntryUsed } from '../domain/pod-use.ts';
import { bindingNames, wantedBindings } from '../domain/rights.ts';
import type { Installation } from '../domain/rights.ts';
import { planSecrets } from '../domain/secret-plan.ts';
import type { SecretPlan } from '../domain/secret-plan.ts';
import { DERIVED_LABEL } from '../domain/secret-plan-object.ts';
import type { ApiFailure, ClusterApi } from '../kubernetes/cluster-api.ts';
import { PODS, ROLE_BINDINGS, SECRETS } from '../kubernetes/resource.ts';
import type { KubeObject } from '../kubernetes/resource.ts';
import { sha256Hex } from '../nodes/sha256.ts';
import type { BindingRole } from './namespace-bindings.ts';
import { CALL_TIMEOUT_MS, isRight } from './namespace-bindings.ts';
import { keepSecret } from './secret-record.ts';

export interface CleanUpOptions {
  readonly api: ClusterApi;
  readonly install: Installation;
  /** One line for people. */
  readonly say: (line: string) => void;
  /** Aborted when the time is up: calls under way end, nothing new is begun. */
  readonly signal: AbortSignal;
}

export interface CleanUpReport {
  /** Secrets. */
  readonly removed: number;
  /** Secrets, `namespace/name`: living pods use them. */
  readonly kept: readonly string[];
  /** Namespaces that are not clean: a call has failed, or the time was up. Running it again goes on from there. */
  readonly unfinished: readonly string[];
}

const AT_ONCE = 8;
const OPTIONS = { timeoutMs: CALL_TIMEOUT_MS };

/** Our bindings in a namespace: those that bind what they should, and those that somebody has bent. */
type Bindings = ReadonlyMap<BindingRole, boolean>;

interface Cleaned {
  readonly removed: number;
  readonly kept: readonly string[];
  readonly failure: string | undefined;
  readonly isForbidden?: boolean;
}

function stopped(failure: ApiFailure | undefined, cleaned: Partial<Cleaned> = {}): Cleaned {
  const isForbidden = failure?.kind === 'forbidden';
  return { removed: 0, kept: [], failure: failure?.message, isForbidden, ...cleaned };
}

/** The plan of a namespace in which nothing is declared any more. */
function planRemoval(
  namespace: string,
  secrets: readonly KubeObject[],
  pods: readonly KubeObject[],
): SecretPlan {
  const records = pods.flatMap((pod) => readPodRecord(pod) ?? []).filter(({ isLiving }) => isLiving);
  return planSecrets({
    namespace,
    isOptedIn: false,
    sets: [],
    sources: [],
    found: secrets.flatMap((secret) => {
      const record = keepSecret(secret);
      return record?.kind === 'derived' ? [record.found] : [];
    }),
    reasonToKeep: (name, entry) => {
      const users = records.filter((pod) => pod.derivedSecrets.includes(name));
      return isEntryUsed(entry, users) ? 'in-use' : undefined;
    },
    sha256: sha256Hex,
  });
}

async function removeSecrets(namespace: string, { api, signal }: CleanUpOptions): Promise<Cleaned> {
  const secrets = await api.list(SECRETS, { namespace, labelSelector: `${DERIVED_LABEL}=true` }, OPTIONS);
  if (!secrets.ok) return stopped(secrets.error);
  const pods = await api.list(PODS, { namespace }, OPTIONS);
  if (!pods.ok) return stopped(pods.error);
  const plan = planRemoval(namespace, secrets.value.items, pods.value.items);
  const kept = [...new Set(plan.kept.map(({ name }) => name))];
  let removed = 0;
  for (const { name, uid } of plan.remove) {
    if (signal.aborted) return { removed, kept, failure: 'the time is up' };
    const result = await api.remove(SECRETS, { namespace, name }, { ...OPTIONS, uid });
    // Somebody has made it anew meanwhile: then the list above is out of date.
    if (!result.ok) return stopped(result.error, { removed, kept });
    removed += 1;
  }
  return { removed, kept, failure: undefined };
}

/** Whoever may write RoleBindings in one namespace must not be able to keep the product from being uninstalled. */
async function removeSecretsIfAllowed(
  namespace: string,
  roles: Bindings,
  options: CleanUpOptions,
): Promise<Cleaned> {
  // Without the controller's binding we may neither see nor remove a secret there, and have made none.
  if (!roles.has('controller')) return stopped(undefined);
  const cleaned = await removeSecrets(namespace, options);
  if (cleaned.isForbidden !== true || roles.get('controller') === true) return cleaned;
  options.say(
    `Namespace ${namespace}: somebody has changed our RoleBinding, so that its secrets cannot be seen. Remove ours by hand:`,
  );
  options.say(`  kubectl delete secrets -n ${namespace} -l ${DERIVED_LABEL}=true`);
  return { ...cleaned, failure: undefined };
}

async function cleanNamespace(namespace: string, roles: Bindings, options: CleanUpOptions): Promise<Cleaned> {
  const { api, install } = options;
  const cleaned = await removeSecretsIfAllowed(namespace, roles, options);
  if (cleaned.failure !== undefined) return cleaned;
  for (const role of ['webhook', 'controller'] as const) {
    if (!roles.has(role)) continue;
    const removed = await api.remove(
      ROLE_BINDINGS,
      { namespace, name: bindingNames(install)[role] },
      OPTIONS,
    );
    if (!removed.ok) return { ...cleaned, failure: removed.error.message };
  }
  return cleaned;
}

/** Namespace → our bindings there; a failure when they cannot be listed. */
async function listBindings({ api, install }: CleanUpOptions): Promise<Map<string, Bindings> | ApiFailure> {
  const found = new Map<string, Map<BindingRole, boolean>>();
  for (const role of ['webhook', 'controller'] as const) {
    const fieldSelector = `metadata.name=${bindingNames(install)[role]}`;
    const list = await api.list(ROLE_BINDINGS, { fieldSelector }, OPTIONS);
    if (!list.ok) return list.error;
    for (const object of list.value.items) {
      const namespace = object.metadata.namespace ?? '';
      const roles = found.get(namespace) ?? new Map<BindingRole, boolean>();
      found.set(namespace, roles.set(role, isRight(object, wantedBindings(namespace, install)[role])));
    }
  }
  return found;
}

function sayKept(kept: readonly string[], say: (line: string) => void): void {
  if (kept.length === 0) return;
  say(
    `${kept.length} derived pull secrets stay, because living pods pull with them. Once those pods are gone:`,
  );
  for (const secret of kept) {
    const [namespace, name] = secret.split('/');
    say(`  kubectl delete secret -n ${namespace} ${name}`);
  }
}

/**
 * Removes every derived secret that no living pod uses, then our RoleBindings, in every namespace that has one. Whoever calls it
 * has seen to it that no controller puts them back. Can be run again at any time.
 */
export async function cleanUp(options: CleanUpOptions): Promise<CleanUpReport> {
  const { say, signal } = options;
  const bindings = await listBindings(options);
  if (!(bindings instanceof Map)) {
    say(`Our RoleBindings could not be listed: ${bindings.message}`);
    return { removed: 0, kept: [], unfinished: ['(all)'] };
  }
  const waiting = [...bindings];
  const done: Cleaned[] = [];
  const unfinished: string[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [namespace, roles] = next;
      const cleaned = signal.aborted
        ? stopped(undefined, { failure: 'the time is up' })
        : await cleanNamespace(namespace, roles, options);
      done.push({ ...cleaned, kept: cleaned.kept.map((name) => `${namespace}/${name}`) });
      if (cleaned.failure === undefined) continue;
      unfinished.push(namespace);
      say(`Namespace ${namespace} is not clean: ${cleaned.failure}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const removed = done.reduce((sum, each) => sum + each.removed, 0);
  const kept = done.flatMap((each) => each.kept).sort();
  say(
    `${removed} derived pull secrets removed, RoleBindings of ${bindings.size - unfinished.length} namespaces.`,
  );
  sayKept(kept, say);
  return { removed, kept, unfinished: unfinished.sort() };
}
