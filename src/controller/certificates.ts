// Certificates: keeps the webhook's CA and serving certificate alive without cert-manager, never failing a client on the way.
import { planCertificates, planValidity, webhookNames } from '../domain/certificate-plan.ts';
import type { CertificateLives, CertificatePlan, CertificateStep } from '../domain/certificate-plan.ts';
import type { Installation } from '../domain/rights.ts';
import type { ClusterApi, InformerSource } from '../kubernetes/cluster-api.ts';
import { SECRETS } from '../kubernetes/resource.ts';
import { Alarm, Pace } from './alarm.ts';
import { readAuthority, readAuthorityKey, readServing } from './certificate-secret.ts';
import { CertificateStore } from './certificate-store.ts';
import type { FoundSecrets, IssuedCertificate } from './certificate-store.ts';
import type { BundleStanding, CertificateReports } from './webhook-bundle.ts';

interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Makes keys and certificates; ECDSA on P-256. */
export interface CertificateIssuer {
  issueCa(request: { readonly name: string; readonly validity: Validity }): Promise<IssuedCertificate>;
  issueServing(
    ca: IssuedCertificate,
    request: { readonly names: readonly string[]; readonly validity: Validity },
  ): Promise<IssuedCertificate>;
}

/** What clients are told to trust; a {@link WebhookBundle}. */
export interface TrustedBundle {
  /** @param caBundle PEM. */
  want(caBundle: string): void;
  /** undefined: it could not be asked. */
  verify(): Promise<BundleStanding | undefined>;
  onChange(listener: () => void): () => void;
}

export interface CertificateMeter {
  expires(certificate: 'ca' | 'serving', at: Date): void;
}

export interface CertificatesOptions {
  readonly api: ClusterApi;
  readonly informers: InformerSource;
  readonly issuer: CertificateIssuer;
  readonly bundle: TrustedBundle;
  readonly install: Installation;
  readonly lives: CertificateLives;
  readonly reports: CertificateReports;
  readonly meter: CertificateMeter;
  /** `now`: milliseconds since 1970, as certificates count. `elapsed`: monotonic milliseconds. */
  readonly clock: { readonly now: () => number; readonly elapsed: () => number };
  /** 0 to 1, for jitter. */
  readonly random: () => number;
}

/** A rotation is three writes; more of them in a row are a quarrel with somebody who writes the same. */
const FREE_WRITES = 6;
const MINUTE_MS = 60_000;
const RETRY_MS = 1_000;
/** Asked again whether the bundle is in force, also when no change of it was heard of. */
const VERIFY_MS = 5_000;

/** Runs on the leader only. Each round reads both Secrets, makes at most one write, and looks again. */
export class Certificates {
  readonly #options: CertificatesOptions;
  readonly #store: CertificateStore;
  readonly #alarm = new Alarm();
  readonly #pace: Pace;
  /** A bundle that was found in the live configuration, and since when, monotonic milliseconds. */
  #held: { readonly caBundle: string; readonly since: number } | undefined;
  /** Nothing is done before this time, monotonic milliseconds. */
  #earliest = -Infinity;

  constructor(options: CertificatesOptions) {
    const { servingMs, caMs } = options.lives;
    if (servingMs > caMs / 3) throw new Error('a serving certificate would outlive the CA that signed it');
    this.#options = options;
    this.#store = new CertificateStore(options);
    // Never so slow that a certificate ends meanwhile.
    const longestMs = Math.min(MINUTE_MS, servingMs / 30);
    const pace = { free: FREE_WRITES, firstMs: 500, longestMs, quietMs: longestMs };
    this.#pace = new Pace(pace, options.random);
  }

  /** Resolves when the signal has ended it and nothing is under way any more. */
  async start(signal: AbortSignal): Promise<void> {
    const { informers, install, bundle } = this.#options;
    const ring = (): void => this.#alarm.ring();
    // Only that something has changed is kept: keys are read when they are needed, and forgotten.
    const watches = [this.#store.caName, this.#store.servingName].map((name) =>
      informers.watch({
        type: SECRETS,
        scope: { namespace: install.namespace, fieldSelector: `metadata.name=${name}` },
        keep: ({ metadata }) => metadata.resourceVersion ?? '',
      }),
    );
    for (const watch of watches) watch.onChange(ring);
    const endBundle = bundle.onChange(ring);
    while (!signal.aborted) await this.#alarm.sleep(await this.#safeRound(signal), signal);
    endBundle();
    for (const watch of watches) watch.close();
  }

  /** A fault of ours must not end what keeps the webhook trusted. */
  async #safeRound(signal: AbortSignal): Promise<number> {
    try {
      return await this.#round(signal);
    } catch (error) {
      this.#options.reports.failed(`certificates: internal error: ${String(error)}`);
      return this.#pause(RETRY_MS);
    }
  }

  #pause(leastMs: number): number {
    const elapsed = this.#options.clock.elapsed();
    const pause = Math.max(this.#pace.next(elapsed), leastMs);
    this.#earliest = elapsed + pause;
    return pause;
  }

  /** Gives how long to sleep, milliseconds. */
  async #round(signal: AbortSignal): Promise<number> {
    const { clock, bundle } = this.#options;
    const pause = this.#earliest - clock.elapsed();
    if (pause > 0) return pause;
    const found = await this.#store.read();
    if (found === undefined) return this.#pause(RETRY_MS);
    const plan = this.#plan(found);
    if (plan.caBundle !== undefined) bundle.want(plan.caBundle);
    if (plan.step === undefined) return plan.dueAt - clock.now();
    const wait = await this.#untilTrusted(plan.step, plan.caBundle);
    if (wait > 0 || signal.aborted) return wait;
    const isDone = await this.#take(plan.step, found);
    return this.#pause(isDone ? 0 : RETRY_MS);
  }

  #plan({ ca, serving }: FoundSecrets): CertificatePlan {
    const { clock, install, lives, meter } = this.#options;
    const authority = readAuthority(ca);
    const served = readServing(serving, authority);
    if (authority.current.ok) meter.expires('ca', new Date(authority.current.value.notAfter));
    if (served.ok) meter.expires('serving', new Date(served.value.notAfter));
    const names = webhookNames(install);
    return planCertificates({ now: clock.now(), ca: authority, serving: served, names, lives });
  }

  /** How long a step has to wait until clients trust what comes of it; 0 for a step that may be taken. */
  async #untilTrusted(step: CertificateStep, caBundle: string | undefined): Promise<number> {
    if (step.do !== 'issue-serving' || step.isUrgent || caBundle === undefined) return 0;
    const standing = await this.#options.bundle.verify();
    if (standing === 'absent') return 0;
    if (standing !== 'held') {
      this.#held = undefined;
      return VERIFY_MS;
    }
    const elapsed = this.#options.clock.elapsed();
    if (this.#held?.caBundle !== caBundle) this.#held = { caBundle, since: elapsed };
    return Math.max(this.#held.since + this.#options.lives.settleMs - elapsed, 0);
  }

  async #take(step: CertificateStep, found: FoundSecrets): Promise<boolean> {
    const { clock, install, issuer, lives } = this.#options;
    if (step.do === 'make-ca') {
      const validity = planValidity(clock.now(), lives.caMs, lives);
      const made = await issuer.issueCa({ name: `${install.fullname} webhook CA`, validity });
      return this.#store.writeCa(found.ca, made, step.former, `CA made anew: ${step.because}`);
    }
    const { current } = readAuthority(found.ca);
    // The plan names no other step without a CA that can sign.
    if (found.ca === undefined || !current.ok) return false;
    const { pem, notAfter } = current.value;
    const ca = { certificatePem: pem, keyPem: readAuthorityKey(found.ca) };
    if (step.do === 'store-former') {
      return this.#store.writeCa(found.ca, ca, step.former, `list of former CAs written: ${step.because}`);
    }
    const validity = planValidity(clock.now(), lives.servingMs, lives, notAfter);
    const issued = await issuer.issueServing(ca, { names: webhookNames(install), validity });
    const text = `serving certificate issued: ${step.because}`;
    return this.#store.writeServing(found.serving, issued, pem, text);
  }
}
