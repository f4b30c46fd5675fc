// Cluster webhook: the webhook's inputs from the API server: declarations, certificate, pods' secrets, ServiceAccounts.
import { PullSecrets } from '../cluster/pull-secrets.ts';
import { RefusedCredentials } from '../cluster/refused-credentials.ts';
import { ServiceAccounts } from '../cluster/service-accounts.ts';
import { TlsSecret } from '../cluster/tls-secret.ts';
import type { TlsPair } from '../cluster/tls-secret.ts';
import { CertificateWatch, readCertificate } from '../http/certificate.ts';
import { parseCertificate } from '../http/certificate-pair.ts';
import type { Certificate, CertificateEvents } from '../http/certificate-pair.ts';
import { printProblem } from '../domain/problem.ts';
import type { InformerEvent } from '../kubernetes/informer-event.ts';
import type { Log } from '../telemetry/log.ts';
import { openCluster } from './cluster.ts';
import type { Cluster, ClusterFlags } from './cluster.ts';
import type { WebhookInputs } from './webhook-inputs.ts';

/** The flags of a webhook on a cluster. */
export interface ClusterWebhookFlags extends ClusterFlags {
  /** In the install namespace; undefined: the certificate comes from the two files. */
  readonly tlsSecret?: string | undefined;
  readonly tlsCert: string;
  readonly tlsKey: string;
}

/** Where the certificate comes from. */
interface CertificateInput {
  readonly watches: TlsSecret['watches'];
  follow(events: CertificateEvents): void;
  close(): void;
}

const now = (): number => performance.now();

/**
 * How long readiness waits for the ServiceAccounts. Until they are known no pull secret is added, which makes another replica
 * the better one; where we may not read them, a webhook without that is still better than none.
 */
const ACCOUNTS_MS = 10_000;

/** Checks what the Secret holds and tells it, each version once. */
function checkPair(place: string, pair: TlsPair, events: CertificateEvents): void {
  const { cert, key } = pair;
  if (cert === undefined || key === undefined) {
    const lacking = [cert === undefined ? 'tls.crt' : [], key === undefined ? 'tls.key' : []].flat();
    events.onProblem(`${place} has no readable ${lacking.join(' and no readable ')}`);
    return;
  }
  const parsed = parseCertificate(cert, key);
  if (parsed.ok) events.onChange(parsed.value);
  else events.onProblem(`${place} holds no usable certificate and key: ${parsed.error}`);
}

function certificateFromSecret({ informers }: Cluster, name: string, namespace: string): CertificateInput {
  const place = `Secret ${namespace}/${name}`;
  let last: TlsPair | undefined;
  let events: CertificateEvents | undefined;
  const secret = new TlsSecret({
    informers,
    namespace,
    name,
    now,
    onPair: (pair) => {
      if (last?.cert === pair.cert && last?.key === pair.key) return;
      last = pair;
      if (events !== undefined) checkPair(place, pair, events);
    },
  });
  return {
    get watches() {
      return secret.watches;
    },
    follow: (listener) => {
      events = listener;
      if (last !== undefined) checkPair(place, last, events);
    },
    close: () => secret.close(),
  };
}

async function certificateFromFiles(certPath: string, keyPath: string): Promise<CertificateInput> {
  const files = { certPath, keyPath };
  const certificate: Certificate = await readCertificate(files);
  let watch: CertificateWatch | undefined;
  return {
    watches: [],
    follow: (events) => {
      events.onChange(certificate);
      watch = new CertificateWatch(files, certificate, events);
    },
    close: () => watch?.close(),
  };
}

/**
 * The inputs of a webhook on this cluster, which they close in the end. Throws an Error when certificate files are named that
 * cannot be used.
 */
export async function inputsFromCluster(
  flags: ClusterWebhookFlags,
  cluster: Cluster,
): Promise<WebhookInputs> {
  const { declarations } = cluster;
  const certificate =
    flags.tlsSecret === undefined
      ? await certificateFromFiles(flags.tlsCert, flags.tlsKey)
      : certificateFromSecret(cluster, flags.tlsSecret, flags.installNamespace);
  const serviceAccounts = new ServiceAccounts(cluster.informers, now);
  const secrets = new PullSecrets({ api: cluster.api, now });
  const refusals = new RefusedCredentials(() => declarations.refused());
  const openedAt = now();
  let areAccountsRead = false;
  void serviceAccounts.synced.then(() => (areAccountsRead = true));
  const missesAccounts = (): boolean => !areAccountsRead && now() - openedAt < ACCOUNTS_MS;
  const secondsSince = (time: number | undefined): number =>
    time === undefined ? 0 : Math.max(0, now() - time) / 1000;
  return {
    lookups: { secrets, serviceAccounts, refusals },
    followDeclarations: (listener) => void declarations.follow(listener),
    followCertificate: (events) => certificate.follow(events),
    notReady: () => [
      ...(declarations.isSynced ? [] : ['declarations have not been read yet']),
      ...(missesAccounts() ? ['service accounts have not been read yet'] : []),
    ],
    staleness: () =>
      [...declarations.watches, ...serviceAccounts.watches, ...certificate.watches].map(
        ({ resource, staleSince }) => ({ resource, seconds: secondsSince(staleSince) }),
      ),
    close: () => {
      for (const part of [certificate, serviceAccounts, secrets, cluster]) part.close();
    },
  };
}

/** Logs what the watches tell. */
export function logInformerEvents(
  log: Log,
  onFault: (error: unknown) => void,
): (event: InformerEvent) => void {
  return (told) => {
    switch (told.event) {
      case 'synced':
      case 'relisted':
        log.debug(told, `${told.what} read from the API server`);
        break;
      case 'healed':
        log.info(told, `${told.what}: heard of again`);
        break;
      case 'broken':
        log.warn(told, `${told.what} cannot be watched; what is known stays in use`);
        break;
      case 'listener-threw':
      case 'keep-threw':
        onFault(told.error);
        break;
    }
  };
}

/** Opens the webhook's inputs on the API server. Throws an Error that says what is wrong with the kubeconfig or the files. */
export async function openClusterWebhook(
  flags: ClusterWebhookFlags,
  log: Log,
  onFault: (error: unknown) => void,
): Promise<WebhookInputs> {
  const cluster = await openCluster(flags, { onEvent: logInformerEvents(log, onFault), onFault });
  if (!cluster.ok) throw new Error(cluster.error.map(printProblem).join('\n'));
  try {
    return await inputsFromCluster(flags, cluster.value);
  } catch (error) {
    // Open watches would keep the process alive.
    cluster.value.close();
    throw error;
  }
}
