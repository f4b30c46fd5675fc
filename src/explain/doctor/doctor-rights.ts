// Doctor rights: what the webhook's and the controller's accounts must be allowed to do, and what came of asking whether they are.
import { leaseName } from '../../domain/installation-names.ts';
import { bindingNames } from '../../domain/rights.ts';
import type { Installation } from '../../domain/rights.ts';
import { Checkup, listNames } from './doctor-check.ts';
import type { DoctorCheck } from './doctor-check.ts';
import { controllerLogs } from './doctor-commands.ts';

/** A question of a SubjectAccessReview. */
export interface WantedRight {
  readonly who: 'webhook' | 'controller';
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

const OURS = 'registry-failover.io';

/** The rights that matter most: those without which nothing happens. Of namespaces only so many are asked about. */
export function wantedRights(
  install: Installation,
  optedIn: readonly string[],
  most = 20,
): readonly WantedRight[] {
  const { namespace } = install;
  const everywhere: readonly WantedRight[] = [
    { who: 'webhook', verb: 'list', group: OURS, resource: 'registrymirrorsets' },
    { who: 'webhook', verb: 'list', group: '', resource: 'namespaces' },
    { who: 'webhook', verb: 'list', group: '', resource: 'secrets', namespace },
    { who: 'controller', verb: 'list', group: OURS, resource: 'registrymirrorsets' },
    { who: 'controller', verb: 'patch', group: OURS, resource: 'registrymirrorsets', subresource: 'status' },
    { who: 'controller', verb: 'list', group: '', resource: 'pods' },
    {
      who: 'controller',
      verb: 'update',
      group: 'coordination.k8s.io',
      resource: 'leases',
      namespace,
      name: leaseName(install),
    },
  ];
  const inEach = optedIn.slice(0, most).flatMap((name): readonly WantedRight[] => [
    { who: 'webhook', verb: 'get', group: '', resource: 'secrets', namespace: name },
    { who: 'controller', verb: 'create', group: '', resource: 'secrets', namespace: name },
    { who: 'controller', verb: 'patch', group: '', resource: 'pods', namespace: name },
  ]);
  return [...everywhere, ...inEach];
}

/** What one question came to. */
export interface RightAnswer {
  readonly right: WantedRight;
  readonly answer: 'yes' | 'no' | { readonly unread: string };
}

function printRight({ who, verb, resource, subresource, namespace }: WantedRight): string {
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  return `${who}: ${verb} ${what}${namespace === undefined ? '' : ` in ${namespace}`}`;
}

/** Judges the answers. */
export function judgeRights(answers: readonly RightAnswer[], install: Installation): readonly DoctorCheck[] {
  const checkup = new Checkup('cluster');
  const refused = answers.filter(({ answer }) => answer === 'no').map(({ right }) => right);
  const unread = answers.flatMap(({ answer }) => (typeof answer === 'string' ? [] : [answer.unread]));
  const inNamespaces = refused.filter(
    ({ namespace }) => namespace !== undefined && namespace !== install.namespace,
  );
  const elsewhere = refused.filter((right) => !inNamespaces.includes(right));
  if (elsewhere.length > 0) {
    const message = `rights of our accounts are missing: ${listNames(elsewhere.map(printRight))}`;
    checkup.error(
      'rights',
      message,
      `Bring the roles back: helm upgrade ${install.fullname} deploy/helm/registry-failover -n ${install.namespace} --reset-then-reuse-values`,
    );
  }
  const [first] = inNamespaces;
  if (first !== undefined) {
    const names = bindingNames(install);
    const message = `rights of our accounts are missing: ${listNames(inNamespaces.map(printRight))}; the controller gives them by RoleBindings in each opted-in namespace`;
    const fix = `Look at: kubectl -n ${first.namespace ?? ''} get rolebinding ${names.webhook} ${names.controller}; one with another roleRef must be deleted; then: ${controllerLogs(install)}`;
    checkup.error('rights', message, fix);
  }
  if (unread[0] !== undefined)
    checkup.unknown(
      'rights',
      `whether our accounts have their rights could not be asked: ${unread[0]}`,
      'Ask as somebody who may create subjectaccessreviews',
    );
  else if (refused.length === 0)
    checkup.ok('rights', `our accounts have the ${answers.length} rights that were asked about`);
  return checkup.checks;
}
