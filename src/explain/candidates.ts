// Candidates for people: those of the plan, or for an image outside of every set the registry that it names.
import { endpointOfPrefix, printEndpoint } from '../domain/endpoint.ts';
import type { Candidate, ImagePlan } from '../domain/plan.ts';
import { parsePrefix, parseReference } from '../domain/reference.ts';
import type { Problem } from '../domain/problem.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';

/** The one candidate of an image that no set covers; or why its registry cannot be dialled. */
export function ownRegistry(image: string): Result<Candidate, Problem> {
  const reference = parseReference(image);
  if (!reference.ok) return reference;
  const prefix = parsePrefix(reference.value.host);
  if (!prefix.ok) return err(prefix.error);
  const endpoint = endpointOfPrefix(prefix.value);
  return ok({
    rank: 0,
    endpoint,
    source: 'Upstream',
    reference: reference.value,
    image,
    excluded: undefined,
  });
}

/** Whom to ask about an image; empty when there is nobody. */
export function candidatesFor(plan: ImagePlan): readonly Candidate[] {
  if (plan.candidates.length > 0) return plan.candidates;
  const own = ownRegistry(plan.original);
  return own.ok ? [own.value] : [];
}

/** Mirrors of the plan's set where this repository has no valid path, so that they are no candidates. */
export function unmappedMirrors({ set, candidates }: ImagePlan): readonly string[] {
  const mapped = new Set(candidates.map(({ endpoint }) => printEndpoint(endpoint)));
  const mirrors = set?.mirrors.map(({ endpoint }) => printEndpoint(endpoint)) ?? [];
  return mirrors.filter((mirror) => !mapped.has(mirror));
}
