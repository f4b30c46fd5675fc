// Pod text: the view of a pod for people, in 80 columns, for somebody who has never seen the product.
import { bullet, indent, labelled, printDuration, printable, shortDigest } from './layout.ts';
import type { Paint, Style } from './layout.ts';
import { renderSources } from './source-text.ts';
import type { SourceExtras } from './source-text.ts';
import type { CandidateView, ImageResult, ImageView, PodView, PullSecretView, SecretState } from './view.ts';
import type { PatchOperation } from '../domain/patch.ts';
import { DECISION_ANNOTATION } from '../domain/pod.ts';

const STYLE_OF: Readonly<Record<ImageResult, Style>> = {
  served: 'good',
  'not-served': 'bad',
  unknown: 'unsure',
  'never-pulled': 'quiet',
};

function verdictOf(image: ImageView): string {
  const chosen = image.candidates.find((candidate) => candidate.chosen);
  const where = chosen === undefined ? 'its registry' : `${chosen.endpoint} (${chosen.role})`;
  switch (image.result) {
    case 'served':
      return `served by ${where}`;
    case 'not-served':
      return image.reason === 'image-unparsable'
        ? 'can never be pulled: not an image reference'
        : 'cannot be pulled now';
    case 'unknown':
      return `could not tell whether ${where} serves it`;
    case 'never-pulled':
      return 'never pulled: it has to be on the node already';
  }
}

function sourceLines({ candidates }: ImageView, paint: Paint): readonly string[] {
  if (candidates.every((candidate) => candidate.outcome === 'not-asked')) return [];
  const hasMirrors = candidates.some((candidate) => candidate.role === 'mirror');
  const title = hasMirrors
    ? 'in order of preference; -> is where the pod will go:'
    : 'the registry that the image names:';
  const extrasOf = ({ chosen, digest }: CandidateView): SourceExtras => ({
    isMarked: chosen,
    facts: digest === undefined ? [] : [shortDigest(digest)],
  });
  return [...labelled('sources', title, 4), ...renderSources(candidates, extrasOf, paint)];
}

function decisionOf(image: ImageView): string {
  if (image.action === 'keep') return `keep the image: ${image.reason}`;
  return image.action === 'rewrite'
    ? `take it from a mirror: ${image.reason}`
    : `take it from its upstream again: ${image.reason}`;
}

function imageLines(slots: readonly string[], image: ImageView, paint: Paint, isAsked: boolean): string[] {
  const set = image.mirrorSet === undefined ? '' : ` (mirror set ${image.mirrorSet.name})`;
  return [
    ...indent(slots.join(', '), 2).map((line) => paint('title', line)),
    ...labelled('image', image.image, 4),
    ...labelled('result', `${isAsked ? '' : 'without the webhook: '}${verdictOf(image)}`, 4, (text) =>
      paint(STYLE_OF[image.result], text),
    ),
    ...labelled('decision', `${decisionOf(image)}${set}`, 4),
    ...indent(image.sentence, 14),
    ...(image.chosen === image.image ? [] : labelled('becomes', image.chosen, 4)),
    ...image.notes.flatMap((note) => labelled('note', note, 4)),
    ...sourceLines(image, paint),
    '',
  ];
}

/** What makes two slots one paragraph: the same image, the same decision, the same answers; not the milliseconds. */
function likeness(image: ImageView): string {
  const candidates = image.candidates.map(({ outcome, digest, detail }) => [outcome, digest, detail]);
  return JSON.stringify([image.image, image.result, image.reason, image.chosen, image.notes, candidates]);
}

function imagesLines({ images, optIn }: PodView, paint: Paint): string[] {
  const groups = Map.groupBy(images, likeness);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    const slots = group.map((image) => image.slot);
    return first === undefined ? [] : imageLines(slots, first, paint, optIn.asked !== 'no');
  });
}

const STATE_WORDS: Readonly<Record<SecretState, string>> = {
  read: 'named by the pod',
  'stand-in': 'the docker config stands in for it, because the manifests lack it',
  derived: 'named by the pod, made from the declarations',
  absent: 'named by the pod, but not in the manifests: nothing was asked with it',
  ignored: 'named by the pod, but no pull secret: the kubelet passes over it',
  broken: 'named by the pod, and broken: the kubelet refuses every pull',
};

function secretLines(secret: PullSecretView, paint: Paint): string[] {
  const state = secret.added ? 'added by the webhook' : STATE_WORDS[secret.state];
  const covers = secret.covers.length === 0 ? '' : `; opens ${secret.covers.join(', ')}`;
  return [
    `    ${secret.state === 'broken' ? paint('bad', printable(secret.name)) : printable(secret.name)}`,
    ...indent(state + covers, 6),
    ...(secret.problem === undefined ? [] : indent(secret.problem, 6)),
  ];
}

function patchLines(operation: PatchOperation): string[] {
  const text = typeof operation.value === 'string' ? operation.value : JSON.stringify(operation.value);
  // The annotation says in JSON what stands above.
  const value = text.includes(DECISION_ANNOTATION)
    ? `${DECISION_ANNOTATION}: the decisions above, ${text.length} characters (in full: --output json)`
    : text;
  return [...indent(`${operation.op} ${operation.path}`, 4), ...indent(value, 6)];
}

function section(title: string, lines: readonly string[], paint: Paint): string[] {
  return lines.length === 0 ? [] : [`  ${paint('title', title)}`, ...lines, ''];
}

/** Renders a pod: one line per element. */
export function renderPod(pod: PodView, paint: Paint): readonly string[] {
  const patch = pod.patch.length === 0 ? ['    none: the pod stays as it is'] : pod.patch.flatMap(patchLines);
  return [
    paint('title', printable(`${pod.workload} in namespace ${pod.namespace} (${pod.origin})`)),
    ...indent(pod.optIn.sentence, 2).map((line) =>
      pod.optIn.asked === 'yes' ? line : paint('unsure', line),
    ),
    '',
    ...imagesLines(pod, paint),
    ...section(
      'Pull secrets',
      pod.pullSecrets.flatMap((secret) => secretLines(secret, paint)),
      paint,
    ),
    ...section(
      'Warnings that the author of a bare pod sees',
      pod.warnings.flatMap((text) => bullet(text, 4)),
      paint,
    ),
    ...section(`Patch of each such pod (answered after ${printDuration(pod.ms)})`, patch, paint),
    ...section(
      'Notes',
      pod.notes.flatMap((note) => bullet(note, 4)),
      paint,
    ),
  ];
}
