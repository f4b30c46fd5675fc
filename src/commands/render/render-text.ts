// Render text: the files as they are, so that they can be copied, and around them what a person has to know.
import type { LabelSelector } from '../../domain/label-selector.ts';
import { printProblem } from '../../domain/problem.ts';
import { bullet, indent, printable } from '../../explain/layout.ts';
import type { Paint, Style } from '../../explain/layout.ts';
import type { LeftOut } from '../../nodes/node-file.ts';
import type { RenderView } from './render-view.ts';

const NAMES = { crio: 'CRI-O and podman', containerd: 'containerd' } as const;

function printSelector({ matchLabels, matchExpressions }: LabelSelector): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const rules = matchExpressions.map(({ key, operator, values }) =>
    `${key} ${operator} ${values.join('|')}`.trimEnd(),
  );
  return [...labels, ...rules].join(', ');
}

function printFile({ path, mode, content }: RenderView['files'][number], paint: Paint): string[] {
  return [paint('title', `==> ${printable(path)} (mode ${mode}) <==`), content];
}

function printLeftOut({ set, prefix, endpoint, message }: LeftOut, paint: Paint): string[] {
  const what =
    endpoint === undefined ? `${prefix}, all of its mirrors` : `${endpoint}, a mirror of ${prefix}`;
  return [`  ${paint('unsure', printable(`${what} (mirror set ${set})`))}`, ...indent(message, 4), ''];
}

function section(title: string, lines: readonly string[], paint: Paint): string[] {
  return lines.length === 0 ? [] : [paint('title', title), ...lines, ''];
}

/** What stands beside the files. */
function factsOf({ runtime, authEntries, selectors, files }: RenderView): string[] {
  const login =
    authEntries &&
    `${authEntries.keys.join(', ')}: the node's credential is merged into ${authEntries.file}, beside what is there.`;
  return [
    ...(runtime.isAssumed && files.length > 0
      ? [`Written for version ${runtime.version}; say --runtime-version for another.`]
      : []),
    ...(login === undefined ? [] : [login]),
    ...selectors.map(
      ({ set, selector }) => `Mirror set ${set} is only for nodes with ${printSelector(selector)}.`,
    ),
  ];
}

const ENDINGS: Readonly<Record<RenderView['result'], readonly [style: Style, sentence: string]>> = {
  complete: ['good', 'Every mirror of the sets for nodes is in a file. Nothing was written.'],
  partly: ['unsure', 'Something is left out, as said above. Nothing was written.'],
  nothing: ['bad', 'A node would get no file.'],
};

/** Renders the whole: one line per element, a file's content as one. */
export function printRender(view: RenderView, paint: Paint): readonly string[] {
  const { runtime, result, files } = view;
  const [style, sentence] = ENDINGS[result];
  const count = files.length === 1 ? '1 file' : `${files.length} files`;
  return [
    ...view.notes.flatMap((note) => [...indent(note, 0), '']),
    ...(files.length === 0 ? [] : [`${count} for ${NAMES[runtime.name]} ${runtime.version}:`, '']),
    ...files.flatMap((file) => printFile(file, paint)),
    ...section('Left out', view.leftOut.flatMap((one) => printLeftOut(one, paint)).slice(0, -1), paint),
    ...section(
      'Notes',
      factsOf(view).flatMap((fact) => bullet(fact, 2)),
      paint,
    ),
    ...section(
      'Problems of the declarations (the rest of them is in force)',
      view.problems.flatMap((problem) => bullet(printProblem(problem), 2)),
      paint,
    ),
    paint(style, sentence),
  ];
}
