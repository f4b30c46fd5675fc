// Check endpoint: what one endpoint says of an image, with the credentials that a pod would have there.
import type { Keyring } from '../domain/keyring.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { Candidate } from '../domain/plan.ts';
import { questionFor } from '../domain/question.ts';
import type { EndpointAnswer } from '../explain/check-view.ts';
import type { Engine } from './engine.ts';

/** For the manifest and, of a single image, its configuration. A person waits; a webhook would not. */
const BUDGET_MS = 5_000;

/** Answers that another credential might better. */
const WORTH_ANOTHER: ReadonlySet<Outcome> = new Set(['denied', 'missing', 'throttled']);

/** Asks with each credential in the kubelet's order, until one is served or another would not help. Never rejects. */
export async function describeAt(
  candidate: Candidate,
  keyring: Keyring,
  engine: Engine,
): Promise<EndpointAnswer> {
  const question = questionFor(candidate, keyring, (credential) => engine.fingerprint.of(credential));
  const started = performance.now();
  let told: EndpointAnswer = { candidate, outcome: 'slow', ms: 0 };
  for (const { credential, fingerprint, secret } of question.credentials) {
    const { endpoint, repository, reference } = question;
    const asked = { endpoint, repository, reference, credential, fingerprint };
    const description = await engine.client.describe(asked, BUDGET_MS);
    const { outcome, digest, detail, mediaType, platforms } = description;
    const ms = performance.now() - started;
    told = { candidate, outcome, ms, digest, mediaType, platforms, detail, secret };
    if (!WORTH_ANOTHER.has(outcome)) break;
  }
  return told;
}
