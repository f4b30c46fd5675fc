// Doctor webhook: will the API server ask the webhook: its configuration, its Service, what stands behind, and their certificate?
import { webhookNames } from '../../domain/certificate-plan.ts';
import { asArray, asObject, asString, own } from '../../domain/json.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { Installation } from '../../domain/rights.ts';
import { Checkup, listNames } from './doctor-check.ts';
import type { DoctorCheck, Fetched } from './doctor-check.ts';
import { controllerLogs } from './doctor-commands.ts';

/** What the serving certificate says. Times are milliseconds of Unix time. */
export interface ServingFacts {
  readonly notBefore: number;
  readonly notAfter: number;
  readonly names: readonly string[];
  /** Whether a CA of the bundle has signed it. */
  readonly isSignedByBundle: boolean;
}

export interface WebhookFacts {
  readonly install: Installation;
  /** The API server's time. */
  readonly now: number;
  /** The MutatingWebhookConfiguration. */
  readonly configuration: Fetched<JsonObject>;
  /** CAs in its caBundle; undefined: they cannot be read. */
  readonly bundle: { readonly notAfter: readonly number[] } | undefined;
  readonly service: Fetched<JsonObject>;
  /** EndpointSlices of the Service. */
  readonly slices: Fetched<readonly JsonObject[]>;
  /** `error`: the Secret is there, and what is in it cannot be used. */
  readonly serving: Fetched<ServingFacts | { readonly error: string }>;
  /** Name of that Secret. */
  readonly secret: string;
}

const DAY_MS = 86_400_000;
/** The controller renews a third of its life before the end: 30 days of 90. */
const SOON_MS = 7 * DAY_MS;

function upgradeOf({ namespace, fullname }: Installation): string {
  return `helm upgrade --install ${fullname} deploy/helm/registry-failover -n ${namespace} --reset-then-reuse-values`;
}

/** The webhook for pods. */
export function podWebhook(configuration: JsonObject): JsonObject | undefined {
  return asObject(asArray(own(configuration, 'webhooks'))[0]);
}

function judgeConfiguration(facts: WebhookFacts, checkup: Checkup): JsonObject | undefined {
  const { configuration, install } = facts;
  const name = `MutatingWebhookConfiguration ${install.fullname}`;
  if (configuration.state === 'unread') {
    checkup.unknown(
      'webhook-configuration',
      `${name} could not be read: ${configuration.why}`,
      'Ask as somebody who may read it',
    );
    return undefined;
  }
  const webhook = configuration.state === 'found' ? podWebhook(configuration.value) : undefined;
  if (webhook === undefined) {
    const message = `there is no ${name}, so the API server asks about no pod, and nothing is rewritten`;
    checkup.error(
      'webhook-configuration',
      message,
      `Bring it back: ${upgradeOf(install)}; another release name goes with --fullname`,
    );
    return undefined;
  }
  const policy = asString(own(webhook, 'failurePolicy'));
  if (policy === 'Ignore')
    checkup.ok('webhook-configuration', `${name} is there, and a failure of ours stops no pod`);
  else {
    const message = `${name} has failurePolicy ${policy ?? 'Fail'}: when the webhook does not answer, pods are refused`;
    checkup.warning('webhook-configuration', message, `Put it back to Ignore: ${upgradeOf(install)}`);
  }
  return webhook;
}

function readyIn(slices: readonly JsonObject[]): number {
  const endpoints = slices.flatMap((slice) => asArray(own(slice, 'endpoints'))).map(asObject);
  // `ready` absent counts as ready (discovery.k8s.io/v1).
  return endpoints.filter((each) => own(asObject(own(each, 'conditions')), 'ready') !== false).length;
}

function judgeService(facts: WebhookFacts, webhook: JsonObject, checkup: Checkup): void {
  const { install, service, slices } = facts;
  const client = asObject(own(webhook, 'clientConfig'));
  const target = asObject(own(client, 'service'));
  const url = asString(own(client, 'url'));
  if (target === undefined) {
    checkup.ok(
      'webhook-service',
      `the API server calls ${url ?? 'nothing'} and no Service; what is there is not looked at`,
    );
    return;
  }
  const [namespace, name] = ['namespace', 'name'].map((key) => asString(own(target, key)) ?? '');
  const pods = `kubectl -n ${namespace} get pods,endpointslices`;
  const said = `Service ${namespace}/${name}, which the API server calls`;
  if (service.state === 'unread')
    checkup.unknown('webhook-service', `${said}, could not be read: ${service.why}`, `Look at: ${pods}`);
  else if (service.state === 'absent')
    checkup.error(
      'webhook-service',
      `${said}, does not exist: no pod is seen`,
      `Bring it back: ${upgradeOf(install)}`,
    );
  else if (slices.state !== 'found') {
    const why = slices.state === 'unread' ? slices.why : 'there are none';
    checkup.unknown(
      'webhook-service',
      `the endpoints of ${said}, could not be read: ${why}`,
      `Look at: ${pods}`,
    );
  } else {
    const ready = readyIn(slices.value);
    if (ready > 0)
      checkup.ok(
        'webhook-service',
        `Service ${namespace}/${name} has ${ready} ready endpoint${ready > 1 ? 's' : ''}`,
      );
    else
      checkup.error(
        'webhook-service',
        `${said}, has no ready endpoint: pods are admitted unseen`,
        `Look at: ${pods}; and at: kubectl -n ${namespace} logs deployment/${name} --tail=50`,
      );
  }
}

/** Why a serving certificate is no good; undefined: it is. */
function flawOf(serving: ServingFacts, { now, install }: WebhookFacts): string | undefined {
  const [wanted] = webhookNames(install);
  if (now >= serving.notAfter)
    return `has expired on ${new Date(serving.notAfter).toISOString().slice(0, 10)}`;
  if (now < serving.notBefore) return 'does not hold yet by the API server’s clock';
  if (!serving.names.includes(wanted))
    return `is for ${listNames(serving.names) || 'nobody'} and not for ${wanted}`;
  return serving.isSignedByBundle ? undefined : 'is signed by none of the CAs in caBundle';
}

function judgeBundle(facts: WebhookFacts, webhook: JsonObject, checkup: Checkup): boolean {
  const { bundle, now, install } = facts;
  const text = asString(own(asObject(own(webhook, 'clientConfig')), 'caBundle')) ?? '';
  const fix = `The controller writes it: ${controllerLogs(install)}; with cert-manager look at the cainjector, with tls.secretName at tls.caBundle`;
  if (text === '')
    checkup.error(
      'webhook-ca',
      'caBundle is empty, so the API server trusts no certificate of the webhook: pods are admitted unseen',
      fix,
    );
  else if (bundle === undefined)
    checkup.error(
      'webhook-ca',
      'caBundle holds no certificate that can be read: pods are admitted unseen',
      fix,
    );
  else if (bundle.notAfter.every((end) => now >= end))
    checkup.error('webhook-ca', 'every CA in caBundle has expired: pods are admitted unseen', fix);
  else {
    checkup.ok(
      'webhook-ca',
      `caBundle holds ${bundle.notAfter.length} CA${bundle.notAfter.length > 1 ? 's' : ''}`,
    );
    return true;
  }
  return false;
}

function judgeServing(facts: WebhookFacts, checkup: Checkup): void {
  const { serving, secret, install, now } = facts;
  const name = `Secret ${install.namespace}/${secret}`;
  const fix = `Where you or cert-manager bring it, bring another; else the controller makes it anew when it is gone: kubectl -n ${install.namespace} delete secret ${secret}; then: ${controllerLogs(install)}`;
  if (serving.state === 'unread') {
    checkup.unknown(
      'webhook-certificate',
      `${name} could not be read: ${serving.why}`,
      'Ask as somebody who may read secrets there',
    );
    return;
  }
  if (serving.state === 'absent') {
    checkup.error(
      'webhook-certificate',
      `${name}, the webhook’s certificate, does not exist: it cannot serve`,
      `Look at: ${controllerLogs(install)}`,
    );
    return;
  }
  const flaw =
    'error' in serving.value ? `cannot be used: ${serving.value.error}` : flawOf(serving.value, facts);
  if (flaw !== undefined)
    checkup.error('webhook-certificate', `the certificate in ${name} ${flaw}: pods are admitted unseen`, fix);
  else if (!('error' in serving.value) && serving.value.notAfter - now < SOON_MS) {
    const days = Math.floor((serving.value.notAfter - now) / DAY_MS);
    checkup.warning(
      'webhook-certificate',
      `the certificate in ${name} ends in ${days} days and has not been renewed`,
      fix,
    );
  } else
    checkup.ok(
      'webhook-certificate',
      `the certificate in ${name} is valid, and a CA of caBundle has signed it`,
    );
}

/** Judges the way from the API server to the webhook. */
export function judgeWebhook(facts: WebhookFacts): readonly DoctorCheck[] {
  const checkup = new Checkup('cluster');
  const webhook = judgeConfiguration(facts, checkup);
  if (webhook === undefined) return checkup.checks;
  judgeService(facts, webhook, checkup);
  // Without a CA nothing more can be said of what it should have signed.
  if (judgeBundle(facts, webhook, checkup)) judgeServing(facts, checkup);
  return checkup.checks;
}
