// Redact: what we have shown a registry must not come back to us in its error text and from there into a log.
import type { Credential } from '../domain/credential.ts';

const HIDDEN = '[redacted]';
/** Shorter secrets would blot out ordinary words, and are none. */
const SHORTEST_SECRET = 4;

/** The text with the password, its Basic form and the token taken out wherever they stand literally. */
export function withoutSecrets(
  text: string,
  credential: Credential | undefined,
  authorization: string | undefined,
): string {
  const shown = authorization?.replace(/^\S+ /u, '') ?? '';
  const secrets = [shown, credential?.basic() ?? '', credential?.password() ?? ''];
  return secrets
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .reduce((cleaned, secret) => cleaned.replaceAll(secret, HIDDEN), text);
}
