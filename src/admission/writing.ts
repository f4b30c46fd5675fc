// Writing: what a judged pod gets: patch, annotation, warnings. Pure, and the same for pods that are alike.
import { printDecisionAnnotation } from '../domain/decision-annotation.ts';
import { patchPod } from '../domain/patch.ts';
import type { PatchOperation } from '../domain/patch.ts';
import { MAX_PULL_SECRETS } from '../domain/pod.ts';
import type { Pod } from '../domain/pod.ts';
import { warningsFor } from '../domain/warning.ts';
import type { Judgement } from './judgement.ts';
import type { RefusedSecrets } from './lookups.ts';
import type { CredentialView } from './namespace-view.ts';
import { findRefusedUses } from './refused-uses.ts';

/** What admission writes about a pod, and on it. */
export interface Writing {
  /** undefined: there is none to be written. */
  readonly annotation: string | undefined;
  /** Pull secrets that the patch appends. */
  readonly added: readonly string[];
  readonly patch: readonly PatchOperation[];
  readonly warnings: readonly string[];
}

/** A pod with all that its writing follows from. */
export interface JudgedPod {
  readonly pod: Pod;
  readonly judgements: readonly Judgement[];
  readonly credentials: CredentialView;
  /** Derived secrets of the namespace that mirrors refuse; undefined, as nearly always: none. */
  readonly refused: RefusedSecrets | undefined;
}

/** The text of the decision annotation. */
export function annotationOf(judgements: readonly Judgement[]): string {
  return printDecisionAnnotation(
    judgements.map(({ decision, record }) => ({ id: decision.slot.id, record })),
  );
}

/** A derived name may stand behind the pull secrets that are looked at: added again, twice would not be once. */
function notYetNamed(pod: Pod, names: readonly string[]): readonly string[] {
  if (pod.pullSecretNames.length <= MAX_PULL_SECRETS) return names;
  const named = new Set(pod.pullSecretNames);
  return names.filter((name) => !named.has(name));
}

/** @param annotation undefined where there is none to be written: an ephemeral container, or no room for it. */
export function write(judged: JudgedPod, annotation: string | undefined): Writing {
  const { pod, judgements, credentials: view, refused } = judged;
  const decisions = judgements.map(({ decision }) => decision);
  const added = notYetNamed(pod, view.credentials.added);
  const images = decisions.map(({ slot, image }) => ({
    pointer: slot.pointer,
    before: slot.image,
    after: image,
  }));
  const patch = patchPod(pod, { images, addedSecrets: added, annotation });
  const warnings = warningsFor(decisions, view.credentials, findRefusedUses(decisions, view, refused));
  return { annotation, added, patch, warnings };
}
