// Doctor sets: are there mirror sets, do they work by their own words, and is there a namespace that they are for?
import { asArray, asObject, asString, own } from '../../domain/json.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { MirrorSet } from '../../domain/mirror-set.ts';
import type { Labels } from '../../domain/label-selector.ts';
import { setsFor } from '../../domain/set-selection.ts';
import { isOptedIn, OPT_IN_LABEL } from '../../domain/rights.ts';
import { Checkup, listNames } from './doctor-check.ts';
import type { DoctorCheck, DoctorResult, Fetched } from './doctor-check.ts';

/** How grave it is that a condition does not hold: an outage of a registry is what we are for, and no fault. */
const WHEN_FALSE: Readonly<Record<string, DoctorResult>> = {
  Valid: 'error',
  CredentialsReady: 'error',
  AdmissionActive: 'error',
  UpstreamAvailable: 'warning',
  NodesReady: 'warning',
};

/** Reasons of a False that passes by itself. */
const PASSING: ReadonlySet<string> = new Set(['Pending', 'RollingOut']);

interface ConditionText {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

function conditionsOf(status: JsonObject | undefined): readonly ConditionText[] {
  return asArray(own(status, 'conditions')).map((each) => {
    const text = (key: string): string => asString(own(asObject(each), key)) ?? '';
    return { type: text('type'), status: text('status'), reason: text('reason'), message: text('message') };
  });
}

function judgeSet(object: JsonObject, checkup: Checkup): void {
  const metadata = asObject(own(object, 'metadata'));
  const name = asString(own(metadata, 'name')) ?? '';
  const status = asObject(own(object, 'status'));
  const describe = `kubectl describe registrymirrorset ${name}`;
  const conditions = conditionsOf(status);
  if (conditions.length === 0) {
    checkup.error(
      'mirror-set',
      `RegistryMirrorSet ${name} has no status: no controller has looked at it`,
      'See the check of the leader',
    );
    return;
  }
  if (own(status, 'observedGeneration') !== own(metadata, 'generation')) {
    const message = `the status of RegistryMirrorSet ${name} is about an older version of it`;
    checkup.warning(
      'mirror-set',
      message,
      `Wait some seconds, then: ${describe}; if it stays so, see the check of the leader`,
    );
  }
  const wrong = conditions.filter((each) => each.status === 'False' && each.type in WHEN_FALSE);
  for (const { type, reason, message } of wrong) {
    const result = PASSING.has(reason) ? 'warning' : (WHEN_FALSE[type] ?? 'warning');
    const said = message.replace(/\.$/, '');
    checkup.add({
      check: 'mirror-set',
      result,
      message: `RegistryMirrorSet ${name}, ${type}: ${said} [${reason}]`,
      fix: `All of it: ${describe}`,
    });
  }
  if (wrong.length === 0) checkup.ok('mirror-set', `RegistryMirrorSet ${name} says that nothing is wrong`);
}

/** Judges the objects by what their status says. */
export function judgeSets(objects: Fetched<readonly JsonObject[]>): readonly DoctorCheck[] {
  const checkup = new Checkup('cluster');
  if (objects.state === 'unread') {
    checkup.unknown(
      'mirror-sets',
      `RegistryMirrorSets could not be read: ${objects.why}`,
      'Ask as somebody who may list them',
    );
  } else if (objects.state === 'absent') {
    checkup.error(
      'mirror-sets',
      'this cluster knows no RegistryMirrorSet: the product is not installed',
      'Install it: helm install registry-failover deploy/helm/registry-failover -n registry-failover --create-namespace',
    );
  } else if (objects.value.length === 0) {
    checkup.error(
      'mirror-sets',
      'there is no RegistryMirrorSet, so no registry has a mirror',
      'Declare one: kubectl apply -f examples/manifests',
    );
  } else for (const object of objects.value) judgeSet(object, checkup);
  return checkup.checks;
}

export interface NamespaceText {
  readonly name: string;
  readonly labels: Labels;
}

export interface NamespacesFacts {
  readonly namespaces: Fetched<readonly NamespaceText[]>;
  /** In force; undefined: they could not be read. */
  readonly sets: readonly MirrorSet[] | undefined;
  readonly installNamespace: string;
}

/** The namespaces that are served. */
export function optedInOf(
  namespaces: readonly NamespaceText[],
  installNamespace: string,
): readonly NamespaceText[] {
  return namespaces.filter((each) => isOptedIn({ ...each, isDeleting: false }, installNamespace));
}

function judgeLabels(all: readonly NamespaceText[], installNamespace: string, checkup: Checkup): void {
  const label = (each: NamespaceText): unknown => own(each.labels, OPT_IN_LABEL);
  const misspelt = all.filter(
    (each) => !['true', 'false', undefined].includes(label(each) as string | undefined),
  );
  const leftOut = all.filter(
    (each) => label(each) === 'true' && !isOptedIn({ ...each, isDeleting: false }, installNamespace),
  );
  for (const each of misspelt) {
    const message = `namespace ${each.name} says ${OPT_IN_LABEL}=${String(label(each))}, and only "true" opts in`;
    checkup.warning(
      'namespaces',
      message,
      `kubectl label namespace ${each.name} --overwrite ${OPT_IN_LABEL}=true`,
    );
  }
  if (leftOut.length > 0) {
    const message = `${listNames(leftOut.map(({ name }) => name))}: labelled, and always left out, as a system or install namespace`;
    checkup.warning(
      'namespaces',
      message,
      `Move the pods elsewhere, or take the label off: kubectl label namespace ${leftOut[0]?.name ?? ''} ${OPT_IN_LABEL}-`,
    );
  }
}

/** Judges who is served: most often nothing happens because nobody has opted in. */
export function judgeNamespaces({
  namespaces,
  sets,
  installNamespace,
}: NamespacesFacts): readonly DoctorCheck[] {
  const checkup = new Checkup('cluster');
  if (namespaces.state !== 'found') {
    const why = namespaces.state === 'unread' ? namespaces.why : 'there are none';
    checkup.unknown(
      'namespaces',
      `namespaces could not be read: ${why}`,
      'Ask as somebody who may list them',
    );
    return checkup.checks;
  }
  const optedIn = optedInOf(namespaces.value, installNamespace);
  if (optedIn.length === 0)
    checkup.error(
      'namespaces',
      'no namespace is opted in, so no pod is seen',
      `kubectl label namespace NAME ${OPT_IN_LABEL}=true`,
    );
  else
    checkup.ok(
      'namespaces',
      `opted in: ${listNames(
        optedIn.map(({ name }) => name),
        5,
      )}`,
    );
  judgeLabels(namespaces.value, installNamespace, checkup);
  for (const set of optedIn.length === 0 ? [] : (sets ?? [])) {
    if (optedIn.some(({ labels }) => setsFor([set], labels).length > 0)) continue;
    const message = `mirror set ${set.name} is for no opted-in namespace: its namespaceSelector selects none of them`;
    checkup.warning(
      'namespaces',
      message,
      `Compare: kubectl get namespaces --show-labels; kubectl get registrymirrorset ${set.name} -o jsonpath='{.spec.namespaceSelector}'`,
    );
  }
  return checkup.checks;
}
