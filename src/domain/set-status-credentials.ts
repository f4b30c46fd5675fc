// Set status credentials: the condition CredentialsReady, and the refused credentials that the webhook warns about.
import { printEndpoint } from './endpoint.ts';
import type { MirrorSet } from './mirror-set.ts';
import { sentence } from './problem.ts';
import type { Problem } from './problem.ts';
import { countOf, found, listSome, NOT_IN_FORCE, OPT_IN_COMMAND } from './set-status-condition.ts';
import type { Finding } from './set-status-condition.ts';
import type { CredentialFact, RefusedCredential, SetFacts } from './set-status-facts.ts';

const TYPE = 'CredentialsReady';

/** Mirrors that pods can only pull from with a pull secret of ours. */
function mirrorsWithSecret(set: MirrorSet): readonly string[] {
  return set.mirrors
    .filter(({ source }) => source === 'SameAsUpstream' || source === 'Secret')
    .map(({ endpoint }) => printEndpoint(endpoint));
}

/** A problem with the secret that a mirror takes its credential from. The upstream's own is for health probes only. */
function isAboutMirrorSecret({ path }: Problem): boolean {
  return path.includes('spec.mirrors[') && path.includes('secretRef');
}

/** Without a secret it is about all of the namespace. */
function nameOf({ namespace, secret }: { readonly namespace: string; readonly secret: string }): string {
  return secret === '' ? `namespace ${namespace}` : `${namespace}/${secret}`;
}

/** What to do comes last: it may be a command. */
function tellFailed(fact: CredentialFact, others: string): string {
  const { problem } = fact;
  return problem === undefined
    ? `${nameOf(fact)}.${others}`
    : `${nameOf(fact)}: ${problem.message}.${others} ${sentence(problem.fix)}`;
}

function findFailed(credentials: readonly CredentialFact[]): Finding | undefined {
  const failed = credentials.filter(({ state }) => state === 'failed');
  const [first] = failed;
  if (first === undefined) return undefined;
  const rest = failed.slice(1).map(nameOf);
  const others = rest.length === 0 ? '' : ` Likewise: ${listSome(rest)}.`;
  const message = `${failed.length} of ${countOf(credentials.length, 'derived pull secret')} cannot be kept in place. ${tellFailed(first, others)}`;
  return found(TYPE, 'False', 'Failed', message);
}

function findRefused(refused: readonly RefusedCredential[]): Finding | undefined {
  const [first] = refused;
  if (first === undefined) return undefined;
  const rest = refused.slice(1).map((each) => `${nameOf(each)} at ${each.endpoint}`);
  const others = rest.length === 0 ? '' : ` Likewise: ${listSome(rest)}.`;
  const words = first.message === '' ? '' : ` (${first.message})`;
  const message =
    `${first.endpoint} refuses the credential in ${nameOf(first)}${words}, so that pods with it cannot be served from there.${others} ` +
    'Make the credential valid at the mirror, or put one that is into the pull secret that this one is derived from: ' +
    `kubectl -n ${first.namespace} describe secret ${first.secret} names it.`;
  return found(TYPE, 'False', 'Refused', message);
}

function findSourceMissing(problems: readonly Problem[]): Finding | undefined {
  const problem = problems.find(isAboutMirrorSecret);
  if (problem === undefined) return undefined;
  return found(TYPE, 'False', 'SourceMissing', `${problem.message}. ${sentence(problem.fix)}`);
}

function findUnfinished({ credentials, namespaces, set }: SetFacts): Finding | undefined {
  if (namespaces === 0)
    return found(
      TYPE,
      'Unknown',
      'NoNamespace',
      `No namespace that this set is for is opted in, so that there is no pull secret to make. Opt one in: ${OPT_IN_COMMAND}`,
    );
  const pending = credentials.filter(({ state }) => state === 'pending');
  if (pending.length > 0)
    return found(
      TYPE,
      'False',
      'Pending',
      `${pending.length} of ${countOf(credentials.length, 'derived pull secret')} not in place yet: ${listSome(pending.map(nameOf))}. If this lasts, look at the controller's log.`,
    );
  if (credentials.length > 0 || set === undefined) return undefined;
  const mirrors = listSome(mirrorsWithSecret(set));
  return found(
    TYPE,
    'Unknown',
    'NoPullSecret',
    `No pull secret in ${countOf(namespaces, 'opted-in namespace')} has a credential for ${printEndpoint(set.upstream)}, so that pods have none for ${mirrors}. That is right where the registries want none; else make one: kubectl -n NAMESPACE create secret docker-registry NAME --docker-server=${set.upstream.host} ...`,
  );
}

/** CredentialsReady: every pull secret that pods will need at a mirror is in place, and was not refused there. */
export function findCredentialsReady(facts: SetFacts): Finding {
  const { set, credentials } = facts;
  if (set === undefined) return found(TYPE, 'Unknown', 'NotInForce', NOT_IN_FORCE);
  if (set.mode === 'Observe')
    return found(TYPE, 'True', 'NotNeeded', 'The set only observes: no pull secret is made for it.');
  if (mirrorsWithSecret(set).length === 0)
    return found(TYPE, 'True', 'NotNeeded', 'No mirror of this set needs a pull secret from us.');
  const namespaces = new Set(credentials.map(({ namespace }) => namespace)).size;
  return (
    findSourceMissing(facts.problems) ??
    findFailed(credentials) ??
    findRefused(facts.refused) ??
    findUnfinished(facts) ??
    found(
      TYPE,
      'True',
      'Ready',
      `${countOf(credentials.length, 'derived pull secret')} in ${countOf(namespaces, 'namespace')} in place.`,
    )
  );
}
