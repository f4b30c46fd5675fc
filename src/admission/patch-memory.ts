// Patch memory: the patch of the last pods that were alike, so that the pods of one ReplicaSet get one patch, printed once.
import { patchPod } from '../domain/patch.ts';
import type { PatchOperation, PodChange } from '../domain/patch.ts';
import { DECISION_ANNOTATION } from '../domain/pod.ts';
import type { Pod } from '../domain/pod.ts';

/** Kinds of pods that are created again and again at one time; each is worked out anew in microseconds. */
const MAX_PATCHES = 256;
/** The annotation of a pod with a dozen images; with its patch it is kept some three times. */
const MAX_KEY_CHARACTERS = 4096;

interface Remembered {
  readonly pullSecretsPlace: Pod['pullSecretsPlace'];
  readonly annotationsPlace: Pod['annotationsPlace'];
  readonly change: PodChange;
  readonly patch: readonly PatchOperation[];
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((text, index) => text === b[index]));
}

function sameImages(a: PodChange['images'], b: PodChange['images']): boolean {
  if (a.length !== b.length) return false;
  return a.every((image, index) => {
    const other = b[index];
    return image.after === other?.after && image.before === other.before && image.pointer === other.pointer;
  });
}

/** All that a patch follows from (domain/patch.ts), beside the annotation, which is the key. */
function isAlike(known: Remembered, pod: Pod, change: PodChange): boolean {
  return (
    known.pullSecretsPlace === pod.pullSecretsPlace &&
    known.annotationsPlace === pod.annotationsPlace &&
    sameTexts(known.change.addedSecrets, change.addedSecrets) &&
    sameImages(known.change.images, change.images)
  );
}

export class PatchMemory {
  readonly #patches = new Map<string, Remembered>();

  /** As `patchPod`; for a pod like one before, the very same object. */
  patch(pod: Pod, change: PodChange): readonly PatchOperation[] {
    const key = change.annotation;
    const isCommon = key !== undefined && key.length <= MAX_KEY_CHARACTERS;
    // A pod that has an annotation of ours may need none: that depends on its text.
    if (!isCommon || Object.hasOwn(pod.annotations, DECISION_ANNOTATION)) return patchPod(pod, change);
    const known = this.#patches.get(key);
    if (known !== undefined && isAlike(known, pod, change)) return known.patch;
    const patch = patchPod(pod, change);
    if (this.#patches.size >= MAX_PATCHES) this.#patches.clear();
    const { pullSecretsPlace, annotationsPlace } = pod;
    this.#patches.set(key, { pullSecretsPlace, annotationsPlace, change, patch });
    return patch;
  }
}
