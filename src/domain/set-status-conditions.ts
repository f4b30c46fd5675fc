// Set status conditions: Valid, UpstreamAvailable and AdmissionActive, each with what to do about it.
import { printEndpoint } from './endpoint.ts';
import type { Mirror } from './mirror-set.ts';
import { joinSentences, sentence } from './problem.ts';
import type { Problem } from './problem.ts';
import { countOf, found, NOT_IN_FORCE, listSome, OPT_IN_COMMAND } from './set-status-condition.ts';
import type { Finding } from './set-status-condition.ts';
import type { EndpointFact, SetFacts } from './set-status-facts.ts';

const MAX_PROBLEMS = 10;

/** The path without the object's own name, which whoever reads its status knows. */
function fieldOf(path: string): string {
  const space = path.indexOf(' ');
  return space === -1 ? path : path.slice(space + 1);
}

function tellProblem({ path, message, code, fix }: Problem): string {
  return `${fieldOf(path)}: ${message} [${code}]. ${sentence(fix)}`;
}

function standing({ set, generation }: SetFacts): string {
  if (set === undefined) return 'Not in force. ';
  return set.generation < generation
    ? `Generation ${generation} is not in force, ${set.generation} still is. `
    : 'In force, but not as declared. ';
}

/** Valid: the declaration can be used as it stands. */
export function findValid(facts: SetFacts): Finding {
  const [first] = facts.problems;
  if (first === undefined) return found('Valid', 'True', 'Valid', 'The declaration is valid and in force.');
  const told = facts.problems.slice(0, MAX_PROBLEMS).map(tellProblem);
  const rest = facts.problems.length - told.length;
  const more = rest > 0 ? ` (and ${rest} more)` : '';
  return {
    type: 'Valid',
    status: 'False',
    reason: first.code,
    message: `${standing(facts)}${joinSentences(told)}${more}`,
  };
}

/** Could a pod be sent there, if it is up? The webhook goes by the same rules. */
function isUsable({ source, secret, endpoint, trustedByNodes }: Mirror): boolean {
  return (source !== 'Secret' || secret !== undefined) && (endpoint.trust === undefined || trustedByNodes);
}

const RESTORE = 'new pods keep their image and wait for the upstream. Restore it, or add a mirror.';

/** What pods get while the upstream is down. */
function consequence({ set, endpoints, refused }: SetFacts): string {
  if (set?.mode !== 'Rewrite')
    return 'This set does not rewrite images (spec.failover.mode), so that new pods wait for the upstream.';
  const alive = endpoints.slice(1).filter(({ health }) => health === 'up');
  if (alive.length === 0) return `No mirror is up either: ${RESTORE}`;
  const usable = new Set(set.mirrors.filter(isUsable).map(({ endpoint }) => printEndpoint(endpoint)));
  const serving = alive.map(({ endpoint }) => endpoint).filter((endpoint) => usable.has(endpoint));
  if (serving.length === 0)
    return (
      `${listSome(alive.map(({ endpoint }) => endpoint))} could serve, but there is no credential for it (see CredentialsReady), ` +
      `or nodes are not known to trust its CA (trustedByNodes): ${RESTORE}`
    );
  const refusal = serving.some((endpoint) => refused.some((each) => each.endpoint === endpoint))
    ? 'Not all can: see CredentialsReady.'
    : 'There is nothing to do for them.';
  return `New pods take their images from ${listSome(serving)} and return to the upstream at their next creation. ${refusal}`;
}

function describeDown({ endpoint, cause, detail }: EndpointFact): string {
  const what = cause === 'failing' ? 'answers with errors' : 'cannot be reached';
  return `${endpoint} ${what}${detail === '' ? '' : ` (${detail})`}.`;
}

/** UpstreamAvailable: the upstream serves. */
export function findUpstreamAvailable(facts: SetFacts): Finding {
  const type = 'UpstreamAvailable';
  const [upstream] = facts.endpoints;
  if (upstream === undefined) return found(type, 'Unknown', 'NotInForce', NOT_IN_FORCE);
  if (upstream.health === 'unknown')
    return found(type, 'Unknown', 'NotAskedYet', `${upstream.endpoint} has not been asked yet.`);
  if (upstream.health === 'up') {
    const down = facts.endpoints.slice(1).filter(({ health }) => health === 'down');
    const loss =
      down.length === 0
        ? ''
        : ` Of its mirrors ${down.length} of ${facts.endpoints.length - 1} cannot serve:`;
    const which = down.map((mirror) => ` ${describeDown(mirror)}`).join('');
    return found(type, 'True', 'Serving', `${upstream.endpoint} answers.${loss}${which}`);
  }
  const reason = upstream.cause === 'failing' ? 'Failing' : 'Unreachable';
  return found(type, 'False', reason, `${describeDown(upstream)} ${consequence(facts)}`);
}

function howToFind(installNamespace: string): string {
  return (
    `See whether the webhook runs (kubectl -n ${installNamespace} get pods) and whether the API server reaches it ` +
    '(kubectl get --raw /metrics | grep webhook_fail_open counts its failures); then delete these pods, so that their owners make them again.'
  );
}

/** AdmissionActive: pods come through the webhook. With failurePolicy Ignore nothing else would say that they do not. */
export function findAdmissionActive({ set, admission, namespaces, installNamespace }: SetFacts): Finding {
  const type = 'AdmissionActive';
  if (set === undefined) return found(type, 'Unknown', 'NotInForce', NOT_IN_FORCE);
  const { seen, unseen, examples, isSkipping } = admission;
  const pods = `${countOf(unseen, 'pod')} (${listSome(examples, unseen)})`;
  if (unseen > 0 && isSkipping)
    return found(
      type,
      'False',
      'PodsNotSeen',
      `The webhook is being skipped: ${pods} came into being without it, so that nothing looks after their images. ${howToFind(installNamespace)}`,
    );
  if (unseen > 0)
    return found(
      type,
      'True',
      'SomePodsNotSeen',
      `New pods are seen again, but ${pods} came into being while the webhook was skipped. Delete them, so that their owners make them again.`,
    );
  if (namespaces === 0)
    return found(
      type,
      'Unknown',
      'NoNamespace',
      `No namespace that this set is for is opted in. Opt one in: ${OPT_IN_COMMAND}`,
    );
  return seen > 0
    ? found(type, 'True', 'PodsSeen', 'Pods come through the webhook at their creation.')
    : found(
        type,
        'Unknown',
        'NoPodYet',
        `No pod has been created since ${countOf(namespaces, 'namespace')} opted in. Pods that were there before are seen when they are made again.`,
      );
}
