// Patch: decisions as JSON Patch (RFC 6902), built from the decision so that nothing the user wrote is ever removed.
import type { Pod } from './pod.ts';
import { DECISION_ANNOTATION } from './pod.ts';

/**
 * Only `add` and `replace`, never `test`: a decodable patch that fails to apply rejects the pod even with
 * failurePolicy Ignore (apiserver pkg/admission/plugin/webhook/mutating/dispatcher.go).
 */
export type PatchOperation =
  | { readonly op: 'replace'; readonly path: string; readonly value: string }
  | { readonly op: 'add'; readonly path: string; readonly value: unknown };

/** Escapes one JSON pointer token (RFC 6901 section 3). */
function pointerToken(token: string): string {
  return token.replaceAll('~', '~0').replaceAll('/', '~1');
}

function secretOperations(pod: Pod, names: readonly string[]): PatchOperation[] {
  if (names.length === 0 || pod.pullSecretsPlace === 'taken') return [];
  const value = names.map((name) => ({ name }));
  // An absent array has to be added whole: appending to nothing does not apply.
  if (pod.pullSecretsPlace === 'absent') return [{ op: 'add', path: '/spec/imagePullSecrets', value }];
  return value.map((entry) => ({ op: 'add', path: '/spec/imagePullSecrets/-', value: entry }));
}

function annotationOperations(pod: Pod, text: string | undefined): PatchOperation[] {
  if (text === undefined || pod.annotationsPlace === 'taken') return [];
  if (pod.annotations[DECISION_ANNOTATION] === text) return [];
  if (pod.annotationsPlace === 'absent') {
    return [{ op: 'add', path: '/metadata/annotations', value: { [DECISION_ANNOTATION]: text } }];
  }
  return [{ op: 'add', path: `/metadata/annotations/${pointerToken(DECISION_ANNOTATION)}`, value: text }];
}

/** What a pod is to become. */
export interface PodChange {
  readonly images: readonly { readonly pointer: string; readonly before: string; readonly after: string }[];
  /** Appended behind the user's own, which stay first and in order. */
  readonly addedSecrets: readonly string[];
  /** The decision annotation; undefined where it cannot be written. */
  readonly annotation: string | undefined;
}

/** The operations that are needed, and no others: for a pod that is as it should be, none. */
export function patchPod(pod: Pod, change: PodChange): PatchOperation[] {
  const images = change.images
    .filter((image) => image.before !== image.after)
    .map((image): PatchOperation => ({ op: 'replace', path: image.pointer, value: image.after }));
  return [
    ...images,
    ...secretOperations(pod, change.addedSecrets),
    ...annotationOperations(pod, change.annotation),
  ];
}
