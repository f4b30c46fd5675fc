// Installation names: what the objects are called that an installation keeps, and how they are marked. The chart knows these very names.
import type { Installation } from './rights.ts';

/** As whom we apply: the owner of our fields in every object. */
export const FIELD_MANAGER = 'registry-failover';

/** Says in one sentence, to whoever finds an object of ours, what it is for. */
export const ABOUT_ANNOTATION = 'registry-failover.io/about';

/** The Lease of the one controller that leads. */
export function leaseName({ fullname }: Pick<Installation, 'fullname'>): string {
  return `${fullname}-controller`;
}

/** The Secrets of the webhook's certificates, as the controller keeps them. */
export function certificateSecretNames({ fullname }: Pick<Installation, 'fullname'>): {
  readonly ca: string;
  readonly serving: string;
} {
  return { ca: `${fullname}-webhook-ca`, serving: `${fullname}-webhook-tls` };
}
