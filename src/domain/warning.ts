// Warning: what the author of a bare pod reads in the terminal when an image was moved, or could not be.
import { printEndpoint } from './endpoint.ts';
import type { SlotDecision } from './decision.ts';
import type { PodCredentials } from './pod-credentials.ts';

/** More than this is cut by clients, and by the API server when many warnings come together (runtime facts D). */
const MAX_CHARACTERS = 120;
/** The API server truncates all warnings once they exceed 4096 characters in total. */
const MAX_WARNINGS = 20;

const WORTH_SAYING: ReadonlySet<string> = new Set([
  'no-mirror-available',
  'no-mirror-credential',
  'mirror-not-trusted-by-nodes',
  'digest-differs',
  'upstream-denied',
]);

function cut(text: string): string {
  const characters = Array.from(text);
  return characters.length <= MAX_CHARACTERS ? text : `${characters.slice(0, MAX_CHARACTERS - 1).join('')}…`;
}

function warningOf(decision: SlotDecision): string | undefined {
  const upstream = decision.plan.candidates[0];
  if (upstream === undefined) return undefined;
  const subject = `registry-failover: ${decision.slot.name}: ${upstream.endpoint.host}`;
  const outcome = decision.answers[0]?.outcome ?? 'slow';
  if (decision.action === 'rewrite' && decision.chosen !== undefined) {
    // Said before the name of the mirror, which may be long enough to be cut.
    const what = decision.digest === 'differs' ? 'another build' : 'image';
    return `${subject} ${outcome}, ${what} taken from ${printEndpoint(decision.chosen.endpoint)}`;
  }
  if (!WORTH_SAYING.has(decision.reason)) return undefined;
  return `${subject} ${outcome}, image kept: ${decision.reason}`;
}

/** A derived pull secret of the pod whose credential a mirror refuses. */
export interface RefusedUse {
  readonly secret: string;
  /** `host[:port][/path]` of the mirror. */
  readonly endpoint: string;
}

/** At most 20 warnings of at most 120 characters, without duplicates. */
export function warningsFor(
  decisions: readonly SlotDecision[],
  credentials: PodCredentials,
  refused: readonly RefusedUse[] = [],
): string[] {
  const broken =
    credentials.problem === undefined
      ? []
      : [`registry-failover: ${credentials.problem.path} does not parse: the kubelet refuses all pulls`];
  const unusable = refused.map(
    ({ secret, endpoint }) => `registry-failover: ${endpoint} refuses the credential in ${secret}`,
  );
  const texts = [...broken, ...decisions.flatMap((decision) => warningOf(decision) ?? []), ...unusable];
  return [...new Set(texts.map(cut))].slice(0, MAX_WARNINGS);
}
