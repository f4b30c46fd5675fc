// Alike pods: what was written for the last pods that were alike, so that the pods of one ReplicaSet get one patch, printed once.
import { DECISION_ANNOTATION, MAX_PULL_SECRETS } from '../domain/pod.ts';
import type { Pod } from '../domain/pod.ts';
import type { Judgement, RememberedJudgement } from './judgement.ts';
import type { JudgedPod, Writing } from './writing.ts';

/** Kinds of pods whose first image is the same and judged the same; each is worked out anew in microseconds. */
const MAX_ALIKE = 8;
/** The annotation of a pod with a dozen images; with its patch it is kept some three times. */
const MAX_ANNOTATION_CHARACTERS = 4096;

/**
 * All that a writing follows from. Nothing of the pod itself is kept: its annotations may be as large as it is. The images are
 * the judgements': a remembered one is of one image, of a slot that names it, and of one list of pull secrets.
 */
interface Remembered {
  readonly pullSecretsPlace: Pod['pullSecretsPlace'];
  readonly annotationsPlace: Pod['annotationsPlace'];
  readonly slots: readonly {
    readonly source: RememberedJudgement | undefined;
    readonly id: string;
    readonly pointer: string;
  }[];
  readonly writing: Writing;
}

function sameSlots(known: Remembered['slots'], judgements: readonly Judgement[]): boolean {
  if (known.length !== judgements.length) return false;
  for (let index = 0; index < known.length; index += 1) {
    const [slot, judgement] = [known[index], judgements[index]];
    if (slot?.source === undefined || slot.source !== judgement?.source) return false;
    const { id, pointer } = judgement.decision.slot;
    if (slot.id !== id || slot.pointer !== pointer) return false;
  }
  return true;
}

function isAlike(known: Remembered, { pod, judgements }: JudgedPod): boolean {
  return (
    known.pullSecretsPlace === pod.pullSecretsPlace &&
    known.annotationsPlace === pod.annotationsPlace &&
    sameSlots(known.slots, judgements)
  );
}

/** What is written for others follows from more: an earlier annotation of ours, names beyond those looked at, refusals. */
function isCommon({ pod, refused }: JudgedPod): boolean {
  if (refused !== undefined || pod.pullSecretNames.length > MAX_PULL_SECRETS) return false;
  return !Object.hasOwn(pod.annotations, DECISION_ANNOTATION);
}

/** Each is kept under its first judgement, and only for as long as that is remembered itself. */
export class AlikePods {
  readonly #remembered = new WeakMap<RememberedJudgement, readonly Remembered[]>();

  /** For a pod like one before, the very same object. */
  find(judged: JudgedPod): Writing | undefined {
    const key = judged.judgements[0]?.source;
    if (key === undefined || !isCommon(judged)) return undefined;
    return this.#remembered.get(key)?.find((known) => isAlike(known, judged))?.writing;
  }

  remember(judged: JudgedPod, writing: Writing): void {
    const { pod, judgements } = judged;
    const key = judgements[0]?.source;
    if (key === undefined || !isCommon(judged)) return;
    if (writing.annotation === undefined || writing.annotation.length > MAX_ANNOTATION_CHARACTERS) return;
    const { pullSecretsPlace, annotationsPlace } = pod;
    const slots = judgements.map(({ source, decision: { slot } }) => ({
      source,
      id: slot.id,
      pointer: slot.pointer,
    }));
    const known: Remembered = { pullSecretsPlace, annotationsPlace, slots, writing };
    this.#remembered.set(key, [known, ...(this.#remembered.get(key) ?? [])].slice(0, MAX_ALIKE));
  }
}
