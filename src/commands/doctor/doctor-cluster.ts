// Doctor cluster: looks at everything in a cluster that has to be so that pods are served, and has it judged.
import { certificateSecretNames, leaseName } from '../../domain/installation-names.ts';
import { asArray, asObject, asString, own } from '../../domain/json.ts';
import type { JsonObject } from '../../domain/json.ts';
import { readPodRecord } from '../../domain/pod-record.ts';
import type { PodRecord } from '../../domain/pod-record.ts';
import { setsFor } from '../../domain/set-selection.ts';
import type { CensusNamespace } from '../../domain/pod-record-census.ts';
import { bindingNames } from '../../domain/rights.ts';
import type { Installation } from '../../domain/rights.ts';
import { Checkup } from '../../explain/doctor/doctor-check.ts';
import type { DoctorCheck, Fetched } from '../../explain/doctor/doctor-check.ts';
import { judgeClock, judgeLeader, skewOf } from '../../explain/doctor/doctor-clock.ts';
import { judgeNodeStates } from '../../explain/doctor/doctor-node-states.ts';
import { judgePods, judgeTrials, planTrials } from '../../explain/doctor/doctor-pods.ts';
import type { TrialAnswer } from '../../explain/doctor/doctor-pods.ts';
import { judgeRights, wantedRights } from '../../explain/doctor/doctor-rights.ts';
import { judgeSecrets } from '../../explain/doctor/doctor-secrets.ts';
import { judgeNamespaces, judgeSets, optedInOf } from '../../explain/doctor/doctor-sets.ts';
import type { NamespaceText } from '../../explain/doctor/doctor-sets.ts';
import { judgeWebhook, podWebhook } from '../../explain/doctor/doctor-webhook.ts';
import {
  LEASES,
  MUTATING_WEBHOOKS,
  NODE_MIRROR_STATES,
  PODS,
  ROLE_BINDINGS,
  SECRETS,
} from '../../kubernetes/resource.ts';
import type { KubeObject } from '../../kubernetes/resource.ts';
import { DEPLOYMENTS, ENDPOINT_SLICES, SERVICES } from './doctor-api.ts';
import type { DoctorApi } from './doctor-api.ts';
import { endsOf, readCaBundle, readServing } from './doctor-certificate.ts';
import { readDeclared, readPullSecrets } from './doctor-objects.ts';
import type { DoctorObjects } from './doctor-objects.ts';

/** Of namespaces whose pods and secrets are looked at; more are said to have been left out. */
const MOST_NAMESPACES = 50;
/** Dry runs ask all admission of the cluster: not hundreds of times. */
const MOST_TRIALS = 40;

/** One look at a cluster. */
class ClusterVisit {
  readonly #api: DoctorApi;
  readonly #install: Installation;
  /** The API server's time. */
  readonly #now: number;

  constructor(api: DoctorApi, install: Installation, now: number) {
    this.#api = api;
    this.#install = install;
    this.#now = now;
  }

  async look(): Promise<readonly DoctorCheck[]> {
    const declared = await readDeclared(this.#api, this.#install.namespace);
    const all = declared.namespaces.state === 'found' ? declared.namespaces.value : [];
    const optedIn = optedInOf(all, this.#install.namespace);
    const parts = await Promise.all([
      this.#sets(declared),
      this.#webhook(),
      this.#leader(),
      this.#rights(optedIn),
      this.#inNamespaces(declared, optedIn),
      this.#nodeStates(),
    ]);
    return parts.flat();
  }

  #sets({ setObjects, namespaces, sets }: DoctorObjects): Promise<readonly DoctorCheck[]> {
    const facts = { namespaces, sets, installNamespace: this.#install.namespace };
    return Promise.resolve([...judgeSets(setObjects), ...judgeNamespaces(facts)]);
  }

  async #webhook(): Promise<readonly DoctorCheck[]> {
    const { namespace, fullname } = this.#install;
    const configuration = await this.#api.get(MUTATING_WEBHOOKS, { name: fullname });
    const webhook = configuration.state === 'found' ? podWebhook(configuration.value) : undefined;
    const target = asObject(own(asObject(own(webhook, 'clientConfig')), 'service'));
    const place = {
      namespace: asString(own(target, 'namespace')) ?? namespace,
      name: asString(own(target, 'name')) ?? `${fullname}-webhook`,
    };
    const secret = await this.#servingSecret(place);
    const [service, slices, served] = await Promise.all([
      this.#api.get(SERVICES, place),
      this.#api.list(ENDPOINT_SLICES, {
        namespace: place.namespace,
        labelSelector: `kubernetes.io/service-name=${place.name}`,
      }),
      this.#api.get(SECRETS, { namespace: place.namespace, name: secret }),
    ]);
    const bundle = readCaBundle(webhook);
    return judgeWebhook({
      install: this.#install,
      now: this.#now,
      configuration,
      bundle: bundle === undefined ? undefined : { notAfter: bundle.map(endsOf) },
      service,
      slices,
      serving: readServing(served, bundle),
      secret,
    });
  }

  /** Where whoever installed it has put the certificate: the Deployment has the name as an argument. */
  async #servingSecret(place: { readonly namespace: string; readonly name: string }): Promise<string> {
    const deployment = await this.#api.get(DEPLOYMENTS, place);
    const template =
      deployment.state === 'found'
        ? asObject(own(asObject(deployment.value['spec']), 'template'))
        : undefined;
    const containers = asArray(own(asObject(own(template, 'spec')), 'containers')).map(asObject);
    const words = containers.flatMap((container) => asArray(own(container, 'args'))).map(asString);
    const flag = words.indexOf('--tls-secret');
    return (flag === -1 ? undefined : words[flag + 1]) ?? certificateSecretNames(this.#install).serving;
  }

  /** What the agents say, where there are any. */
  async #nodeStates(): Promise<readonly DoctorCheck[]> {
    return judgeNodeStates(await this.#api.list(NODE_MIRROR_STATES, { namespace: this.#install.namespace }));
  }

  async #leader(): Promise<readonly DoctorCheck[]> {
    const { namespace, fullname } = this.#install;
    const name = leaseName(this.#install);
    const lease = await this.#api.get(LEASES, { namespace, name });
    if (lease.state === 'unread') {
      const checkup = new Checkup('cluster');
      checkup.unknown(
        'leader',
        `Lease ${namespace}/${name} could not be read: ${lease.why}`,
        'Ask as somebody who may read leases there',
      );
      return checkup.checks;
    }
    const spec = lease.state === 'found' ? asObject(lease.value['spec']) : undefined;
    const seconds = own(spec, 'leaseDurationSeconds');
    const facts = {
      holder: asString(own(spec, 'holderIdentity')) ?? '',
      renewedAt: Date.parse(asString(own(spec, 'renewTime')) ?? ''),
      durationMs: (typeof seconds === 'number' ? seconds : 15) * 1000,
    };
    return judgeLeader(facts, { now: this.#now, namespace, fullname });
  }

  async #rights(optedIn: readonly NamespaceText[]): Promise<readonly DoctorCheck[]> {
    const { namespace } = this.#install;
    const names = bindingNames(this.#install);
    const rights = wantedRights(
      this.#install,
      optedIn.map(({ name }) => name),
    );
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
    const answers = await eachInTurn(rights, (right) =>
      this.#api.may(`system:serviceaccount:${namespace}:${names[right.who]}`, groups, right),
    );
    return judgeRights(answers, this.#install);
  }

  async #inNamespaces(
    declared: DoctorObjects,
    optedIn: readonly NamespaceText[],
  ): Promise<readonly DoctorCheck[]> {
    const looked = optedIn.slice(0, MOST_NAMESPACES);
    const census: CensusNamespace[] = [];
    const checkup = new Checkup('cluster');
    const checks: DoctorCheck[] = [];
    for (const { name, labels } of looked) {
      const [secrets, pods, binding] = await Promise.all([
        readPullSecrets(this.#api, name),
        this.#api.list(PODS, { namespace: name }),
        this.#api.get(ROLE_BINDINGS, { namespace: name, name: bindingNames(this.#install).webhook }),
      ]);
      checks.push(...judgeSecrets({ namespace: name, sets: setsFor(declared.sets ?? [], labels), secrets }));
      if (pods.state === 'unread')
        checkup.unknown(
          'pods-seen',
          `pods in ${name} could not be read: ${pods.why}`,
          'Ask as somebody who may list pods there',
        );
      census.push({ name, labels, optedInAt: sinceOf(binding), pods: recordsOf(pods) });
    }
    if (optedIn.length > looked.length) {
      const message = `of ${optedIn.length} opted-in namespaces the first ${looked.length} were looked at`;
      checkup.ok('namespaces', message);
    }
    const trials = await this.#trials(declared, census);
    return [...checks, ...judgePods(census, this.#now), ...checkup.checks, ...trials];
  }

  async #trials(
    { sets }: DoctorObjects,
    namespaces: readonly CensusNamespace[],
  ): Promise<readonly DoctorCheck[]> {
    const trials = namespaces
      .flatMap(({ name, labels, pods }) => {
        const images = pods.flatMap((pod) => pod.images);
        return planTrials(name, setsFor(sets ?? [], labels), images);
      })
      .slice(0, MOST_TRIALS);
    const known = new Map<string, Promise<TrialAnswer>>();
    const once = (namespace: string, image: string): Promise<TrialAnswer> => {
      const key = `${namespace} ${image}`;
      const answer = known.get(key) ?? this.#api.try(namespace, image);
      known.set(key, answer);
      return answer;
    };
    const tried = await eachInTurn(trials, async (trial) => ({
      trial,
      upstream: await once(trial.namespace, trial.upstreamImage),
      mirror: await once(trial.namespace, trial.mirrorImage),
    }));
    return judgeTrials(tried);
  }
}

/** Four at a time, as many as there are connections: a call's time-out runs while it waits for one. */
async function eachInTurn<T, U>(items: readonly T[], ask: (item: T) => Promise<U>): Promise<readonly U[]> {
  const answers: U[] = [];
  for (let start = 0; start < items.length; start += 4)
    answers.push(...(await Promise.all(items.slice(start, start + 4).map(ask))));
  return answers;
}

/** Since when a namespace is served: the controller binds our rights there first of all. Infinity: not yet. */
function sinceOf(binding: Fetched<KubeObject>): number {
  const made =
    binding.state === 'found' ? Date.parse(binding.value.metadata.creationTimestamp ?? '') : Infinity;
  return Number.isNaN(made) ? Infinity : made;
}

function recordsOf(pods: Fetched<readonly JsonObject[]>): readonly PodRecord[] {
  return pods.state === 'found' ? pods.value.flatMap((pod) => readPodRecord(pod) ?? []) : [];
}

/** Everything about a cluster, and how far the API server's clock is ahead of ours; undefined: it gave no answer. */
export async function checkCluster(
  api: DoctorApi,
  install: Installation,
): Promise<{ readonly checks: readonly DoctorCheck[]; readonly skewMs: number | undefined }> {
  const clock = await api.clock();
  if (clock.state !== 'found') {
    const checkup = new Checkup('cluster');
    const why = clock.state === 'unread' ? clock.why : 'it knows no /version';
    checkup.unknown(
      'api-server',
      `${api.server} could not be asked: ${why}`,
      'Try with the same kubeconfig and context: kubectl version',
    );
    return { checks: checkup.checks, skewMs: undefined };
  }
  const skewMs = skewOf(clock.value);
  const visit = new ClusterVisit(api, install, Date.now() + skewMs);
  const checks = await visit.look();
  return { checks: [...checks, ...judgeClock('cluster', 'the API server', clock.value)], skewMs };
}
