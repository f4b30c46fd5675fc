// Refused uses: where a pod would lean on a derived pull secret whose credential a mirror is known to refuse.
import type { SlotDecision } from '../domain/decision.ts';
import { isDerivedName } from '../domain/derived-secret.ts';
import { printEndpoint } from '../domain/endpoint.ts';
import type { Question } from '../domain/question.ts';
import type { RefusedUse } from '../domain/warning.ts';
import type { RefusedSecrets } from './lookups.ts';
import type { CredentialView } from './namespace-view.ts';

/** The refused secret that this question rests on; none when another credential may still do. */
function refusedSecret(
  { credentials }: Question,
  endpoint: string,
  refused: RefusedSecrets,
): string | undefined {
  const isRefused = (secret: string | undefined): boolean =>
    secret !== undefined && isDerivedName(secret) && (refused.get(secret)?.has(endpoint) ?? false);
  return credentials.every(({ secret }) => isRefused(secret)) ? credentials[0]?.secret : undefined;
}

function usesOf(
  { plan }: SlotDecision,
  view: CredentialView,
  refused: RefusedSecrets,
): readonly RefusedUse[] {
  // For a set that only observes nothing is added.
  if (plan.set?.mode === 'Observe') return [];
  return plan.candidates.slice(1).flatMap((candidate) => {
    const question = view.question(plan, candidate.rank);
    const endpoint = printEndpoint(candidate.endpoint);
    const secret = question === undefined ? undefined : refusedSecret(question, endpoint, refused);
    return secret === undefined ? [] : [{ secret, endpoint }];
  });
}

/** @param refused Of the pod's namespace; undefined, as nearly always: nothing is looked at. */
export function findRefusedUses(
  decisions: readonly SlotDecision[],
  view: CredentialView,
  refused: RefusedSecrets | undefined,
): readonly RefusedUse[] {
  return refused === undefined ? [] : decisions.flatMap((decision) => usesOf(decision, view, refused));
}
