// Report text: what stands below the pods: the declarations' problems, and the answer in one sentence.
import { printProblem } from '../domain/problem.ts';
import { bullet, indent } from './layout.ts';
import type { Paint, Style } from './layout.ts';
import type { ExplainView } from './view.ts';

const ENDINGS: Readonly<Record<ExplainView['result'], readonly [style: Style, sentence: string]>> = {
  served: ['good', 'Every image would be served.'],
  'not-served': ['bad', 'An image cannot be pulled as things stand now.'],
  unknown: ['unsure', 'Could not tell: a registry that might serve an image could not be asked.'],
};

/** Renders what has to be known before anything else is read; nothing when there are no such notes. */
export function renderTop(notes: readonly string[], paint: Paint): readonly string[] {
  if (notes.length === 0) return [];
  const lines = notes.flatMap((note) => indent(note, 0));
  // The second empty line ends the paragraph when the lines are joined.
  return [...lines.map((line) => paint('unsure', line)), '', ''];
}

/** Renders the end of the report. */
export function renderReport(view: ExplainView, paint: Paint): readonly string[] {
  const [style, sentence] = ENDINGS[view.result];
  const problems = view.problems.flatMap((problem) => bullet(printProblem(problem), 2));
  return [
    ...(problems.length === 0
      ? []
      : [paint('title', 'Problems of the declarations (the rest of them was in force)'), ...problems, '']),
    ...(view.passedOver.length === 0
      ? []
      : [...indent(`Passed over, because they make no pods: ${view.passedOver.join(', ')}.`, 0), '']),
    paint(style, sentence),
  ];
}
