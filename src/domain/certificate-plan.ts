// Certificate plan: what has to be made anew of the webhook's CA and serving certificate, and which CAs clients must trust meanwhile.
import type { Result } from './result.ts';

/** All in milliseconds. */
export interface CertificateLives {
  readonly caMs: number;
  /** At most a third of `caMs`: what a CA signs must end before the CA does, and a CA signs until two thirds of its life. */
  readonly servingMs: number;
  /** Back-dating: clocks of API servers are not ours. */
  readonly skewMs: number;
  /** Between seeing the CA in the webhook configuration and relying on it: every API server reads that by a watch of its own. */
  readonly settleMs: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const CERTIFICATE_LIVES: CertificateLives = {
  caMs: 365 * DAY_MS,
  servingMs: 90 * DAY_MS,
  skewMs: HOUR_MS,
  settleMs: 10_000,
};

/** Times are milliseconds since 1970, as are all in this file. */
export interface DatedCertificate {
  readonly pem: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface ServingCertificate {
  readonly notBefore: number;
  readonly notAfter: number;
  readonly names: readonly string[];
  /** The CA that signed it, of those we know or of its own secret; undefined: nobody we know. */
  readonly signer: DatedCertificate | undefined;
}

/** What the CA's secret says. */
export interface AuthorityFacts {
  /** The CA we can sign with, or what is wrong with it in words that follow on "the CA is made anew: ". */
  readonly current: Result<DatedCertificate, string>;
  /** CAs that have signed before; also one whose key has been lost. */
  readonly former: readonly DatedCertificate[];
}

export interface CertificateFacts {
  readonly now: number;
  readonly ca: AuthorityFacts;
  /** What the serving secret says, or what is wrong with it. */
  readonly serving: Result<ServingCertificate, string>;
  /** What the API server dials, exactly. */
  readonly names: readonly string[];
  readonly lives: CertificateLives;
}

/** One write. After it the plan is made anew: each step is found from what is stored, so that it may be cut off anywhere. */
export type CertificateStep =
  | { readonly do: 'make-ca'; readonly because: string; readonly former: readonly DatedCertificate[] }
  /** The list of former CAs is not what it should be. */
  | { readonly do: 'store-former'; readonly because: string; readonly former: readonly DatedCertificate[] }
  | {
      readonly do: 'issue-serving';
      readonly because: string;
      /** There is nothing of use that clients could be cut off from, so that nobody needs to trust the CA first. */
      readonly isUrgent: boolean;
    };

export interface CertificatePlan {
  readonly step: CertificateStep | undefined;
  /** PEM of all that clients have to trust, the current CA first; undefined while there is no CA. */
  readonly caBundle: string | undefined;
  /** When time alone makes the next step. */
  readonly dueAt: number;
}

/** More than this were not made by rotation; a webhook configuration has to hold them all. */
const MAX_FORMER = 8;

/** What an API server asks for when it calls the webhook's Service; it uses the first. */
export function webhookNames(install: {
  readonly fullname: string;
  readonly namespace: string;
}): [string, string] {
  const name = `${install.fullname}-webhook.${install.namespace}.svc`;
  return [name, `${name}.cluster.local`];
}

/** From when to when a certificate made now holds. `until`: its issuer's own end. */
export function planValidity(
  now: number,
  lifeMs: number,
  lives: CertificateLives,
  until = Infinity,
): { readonly notBefore: Date; readonly notAfter: Date } {
  return {
    notBefore: new Date(now - lives.skewMs),
    notAfter: new Date(Math.min(now + lifeMs, until)),
  };
}

/** Two thirds of its life; the back-dated part is none. */
function renewalAt(certificate: { readonly notAfter: number }, lifeMs: number): number {
  return certificate.notAfter - lifeMs / 3;
}

function flawInTime(
  certificate: { readonly notBefore: number; readonly notAfter: number },
  now: number,
): string | undefined {
  if (now >= certificate.notAfter) return 'it has expired';
  return now < certificate.notBefore ? 'by our clock it does not hold yet' : undefined;
}

function flawOfCa({ ca, now, lives }: CertificateFacts): string | undefined {
  if (!ca.current.ok) return ca.current.error;
  const isDue = now >= renewalAt(ca.current.value, lives.caMs);
  return flawInTime(ca.current.value, now) ?? (isDue ? 'two thirds of its life are over' : undefined);
}

/** Newest first, each once, none that has expired: nothing that it signed can be in use then, for that ends no later. */
function formerOf({ ca, serving, now }: CertificateFacts, current: DatedCertificate | undefined) {
  const signer = serving.ok ? serving.value.signer : undefined;
  const known = new Map<string, DatedCertificate>();
  for (const certificate of ca.former) known.set(certificate.pem, certificate);
  // The CA's secret may have been deleted or put back from a backup: what is being served must stay trusted all the same.
  if (signer !== undefined) known.set(signer.pem, signer);
  if (current !== undefined) known.delete(current.pem);
  const rank = (certificate: DatedCertificate): number =>
    certificate.pem === signer?.pem ? Infinity : certificate.notAfter;
  return [...known.values()]
    .filter(({ notAfter }) => now < notAfter)
    .sort((a, b) => rank(b) - rank(a) || (a.pem < b.pem ? -1 : 1))
    .slice(0, MAX_FORMER);
}

function isSameList(a: readonly DatedCertificate[], b: readonly DatedCertificate[]): boolean {
  const wanted = new Set(b.map(({ pem }) => pem));
  return a.length === wanted.size && a.every(({ pem }) => wanted.has(pem));
}

function isSameNames(a: readonly string[], b: readonly string[]): boolean {
  const wanted = new Set(b);
  return new Set(a).size === wanted.size && a.every((name) => wanted.has(name));
}

function issue(because: string, isUrgent: boolean): CertificateStep {
  return { do: 'issue-serving', because, isUrgent };
}

/** A certificate that is of no use to any client is replaced at once, one that still works only when its successor will too. */
function planServing(facts: CertificateFacts, current: DatedCertificate): CertificateStep | undefined {
  const { serving, now, names, lives } = facts;
  if (!serving.ok) return issue(serving.error, true);
  const { value } = serving;
  const flaw = flawInTime(value, now);
  if (flaw !== undefined) return issue(flaw, true);
  if (!isSameNames(value.names, names)) return issue('it is for other names', true);
  if (value.signer === undefined) return issue('it was not signed by a CA of ours', true);
  if (value.signer.pem !== current.pem) return issue('it was signed by a former CA', false);
  if (now < renewalAt(value, lives.servingMs)) return undefined;
  return issue('two thirds of its life are over', false);
}

function printBundle(certificates: readonly DatedCertificate[]): string {
  return certificates.map(({ pem }) => `${pem.trim()}\n`).join('');
}

/**
 * What to do next. A rotation is three steps, each safe to be the last for a while: the new CA is stored beside the old one;
 * both are trusted (`caBundle`); a serving certificate is issued by the new one. The old CA is trusted until it expires.
 */
export function planCertificates(facts: CertificateFacts): CertificatePlan {
  const { ca, now, lives } = facts;
  const flaw = flawOfCa(facts);
  const current = ca.current.ok ? ca.current.value : undefined;
  if (current === undefined || flaw !== undefined) {
    const withCurrent = current === undefined ? ca : { ...ca, former: [...ca.former, current] };
    const former = formerOf({ ...facts, ca: withCurrent }, undefined);
    const step = { do: 'make-ca', because: flaw ?? '', former } as const;
    return { step, caBundle: undefined, dueAt: now };
  }
  const former = formerOf(facts, current);
  const caBundle = printBundle([current, ...former]);
  const times = [renewalAt(current, lives.caMs), ...former.map(({ notAfter }) => notAfter)];
  if (facts.serving.ok) times.push(renewalAt(facts.serving.value, lives.servingMs));
  const dueAt = Math.min(...times);
  if (!isSameList(ca.former, former)) {
    const because = 'former CAs have expired, or one that is in use was missing';
    return { step: { do: 'store-former', because, former }, caBundle, dueAt };
  }
  return { step: planServing(facts, current), caBundle, dueAt };
}
