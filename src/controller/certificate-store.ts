// Certificate store: reads and writes the two Secrets of the webhook's certificates, each write only over what was read.
import type { DatedCertificate } from '../domain/certificate-plan.ts';
import { ABOUT_ANNOTATION, certificateSecretNames } from '../domain/installation-names.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../domain/rights.ts';
import type { Installation } from '../domain/rights.ts';
import type { ApiFailure, ClusterApi } from '../kubernetes/cluster-api.ts';
import { SECRETS } from '../kubernetes/resource.ts';
import type { KubeObject } from '../kubernetes/resource.ts';
import { CALL } from './leader-call.ts';
import type { CertificateReports } from './webhook-bundle.ts';

/** PEM both, the key PKCS #8. A secret: never log this. */
export interface IssuedCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** The two as they were found; undefined: there is none. */
export interface FoundSecrets {
  readonly ca: KubeObject | undefined;
  readonly serving: KubeObject | undefined;
}

/** How a secret of ours is to look. Values in plain text. */
interface SecretContent {
  readonly name: string;
  readonly type: string;
  /** One sentence for whoever finds it. */
  readonly about: string;
  readonly data: Readonly<Record<string, string>>;
}

const ABOUT_CA = 'Signs the serving certificate of the registry-failover webhook.';
const ABOUT_SERVING = 'Serving certificate of the registry-failover webhook.';
const ABOUT_BOTH = 'Made anew by its controller when it is deleted or broken.';

export class CertificateStore {
  readonly #api: ClusterApi;
  readonly #namespace: string;
  readonly #reports: CertificateReports;
  readonly caName: string;
  readonly servingName: string;

  constructor(options: {
    readonly api: ClusterApi;
    readonly install: Installation;
    readonly reports: CertificateReports;
  }) {
    this.#api = options.api;
    this.#namespace = options.install.namespace;
    this.#reports = options.reports;
    const names = certificateSecretNames(options.install);
    this.caName = names.ca;
    this.servingName = names.serving;
  }

  /** undefined: they cannot be read, which has been reported. */
  async read(): Promise<FoundSecrets | undefined> {
    const [ca, serving] = await Promise.all([this.#get(this.caName), this.#get(this.servingName)]);
    return ca === 'failed' || serving === 'failed' ? undefined : { ca, serving };
  }

  async #get(name: string): Promise<KubeObject | 'failed' | undefined> {
    const got = await this.#api.get(SECRETS, { namespace: this.#namespace, name }, CALL);
    if (got.ok) return got.value;
    if (got.error.kind === 'not-found') return undefined;
    this.#fail(`Secret ${name} cannot be read`, got.error);
    return 'failed';
  }

  /**
   * Writes a CA and those before it. `text` says what is done and why.
   * @returns False when it failed, which has been reported; true also when somebody else was faster.
   */
  writeCa(
    found: KubeObject | undefined,
    ca: IssuedCertificate,
    former: readonly DatedCertificate[],
    text: string,
  ): Promise<boolean> {
    const data = {
      'ca.crt': ca.certificatePem,
      'ca.key': ca.keyPem,
      'previous.crt': former.map(({ pem }) => pem).join(''),
    };
    const about = `${ABOUT_CA} ${ABOUT_BOTH}`;
    return this.#write(found, { name: this.caName, type: 'Opaque', about, data }, text);
  }

  /** As {@link writeCa}. */
  writeServing(
    found: KubeObject | undefined,
    issued: IssuedCertificate,
    caPem: string,
    text: string,
  ): Promise<boolean> {
    // No chain: there is nothing between the certificate and the CA, which clients have.
    const data = { 'tls.crt': issued.certificatePem, 'tls.key': issued.keyPem, 'ca.crt': caPem };
    const about = `${ABOUT_SERVING} ${ABOUT_BOTH}`;
    return this.#write(found, { name: this.servingName, type: 'kubernetes.io/tls', about, data }, text);
  }

  async #write(found: KubeObject | undefined, content: SecretContent, text: string): Promise<boolean> {
    const object = this.#print(found, content);
    const written = await (found === undefined
      ? this.#api.create(SECRETS, object, CALL)
      : this.#api.replace(SECRETS, object, CALL));
    if (written.ok) this.#reports.done(`Secret ${content.name}: ${text}`);
    if (written.ok || written.error.kind === 'conflict' || written.error.kind === 'already-exists')
      return true;
    const hint = found?.['immutable'] === true ? '; it is immutable: delete it' : '';
    this.#fail(`Secret ${content.name} cannot be written${hint}`, written.error);
    return false;
  }

  /**
   * The object that was found with other data, so that a change in between is a conflict and what a chart wrote on it stays;
   * or a new one.
   */
  #print(found: KubeObject | undefined, content: SecretContent): KubeObject {
    const encoded = Object.entries(content.data).map(([key, text]) => [
      key,
      Buffer.from(text).toString('base64'),
    ]);
    const data: unknown = Object.fromEntries(encoded);
    if (found !== undefined) return { ...found, apiVersion: 'v1', kind: 'Secret', data };
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        namespace: this.#namespace,
        name: content.name,
        labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
        annotations: { [ABOUT_ANNOTATION]: content.about },
      },
      type: content.type,
      data,
    };
  }

  #fail(text: string, { kind, message }: ApiFailure): void {
    this.#reports.failed(`${text} (${kind}: ${message})`);
  }
}
