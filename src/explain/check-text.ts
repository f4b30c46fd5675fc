// Check text: one image at all of its endpoints, side by side, for people in 80 columns.
import { printProblem } from '../domain/problem.ts';
import type { CheckImageView, CheckResult, CheckView, EndpointView } from './check-view.ts';
import { bullet, indent, printable, shortDigest } from './layout.ts';
import type { Paint, Style } from './layout.ts';
import { renderSources } from './source-text.ts';

const STYLE_OF: Readonly<Record<CheckResult, Style>> = { same: 'good', different: 'bad', unknown: 'unsure' };

function factsOf({ digest, platforms }: EndpointView): readonly string[] {
  if (digest === undefined) return [];
  const list = platforms === undefined || platforms.length === 0 ? [] : [platforms.join(', ')];
  return [[shortDigest(digest), ...list].join(' for ')];
}

function namesOf(endpoints: readonly EndpointView[]): string {
  return endpoints.map(({ endpoint }) => endpoint).join(', ');
}

function sentencesOf({ endpoints, notes }: CheckImageView): readonly string[] {
  const serving = endpoints.filter((endpoint) => endpoint.digest !== undefined);
  const lacking = endpoints.filter(({ outcome }) => outcome === 'missing' || outcome === 'denied');
  const silent = endpoints.filter((endpoint) => !serving.includes(endpoint) && !lacking.includes(endpoint));
  const builds = new Set(serving.map(({ digest }) => digest)).size;
  return [
    ...(builds > 1 ? [`Different: ${builds} builds under this name.`] : []),
    ...(lacking.length > 0 ? [`Not to be had at ${namesOf(lacking)}.`] : []),
    ...(silent.length > 0 ? [`Could not tell what ${namesOf(silent)} would serve.`] : []),
    ...notes,
  ];
}

function endingOf(view: CheckImageView): string {
  const sentences = sentencesOf(view);
  if (sentences.length > 0) return sentences.join(' ');
  return view.endpoints.length > 1
    ? 'The same at every endpoint.'
    : 'Served; there is no mirror to compare with.';
}

/** Renders one image, checked from a namespace. */
export function renderCheck(view: CheckImageView, namespace: string, paint: Paint): readonly string[] {
  const set =
    view.mirrorSet === undefined
      ? `no mirror set covers it in namespace ${namespace} (-n NAME asks for another)`
      : `mirror set ${view.mirrorSet}`;
  return [
    paint('title', printable(view.image)),
    ...indent(set, 2),
    ...renderSources(view.endpoints, (source) => ({ isMarked: false, facts: factsOf(source) }), paint),
    ...indent(endingOf(view), 2).map((line) => paint(STYLE_OF[view.result], line)),
    '',
  ];
}

/** Renders what stands below all images. */
export function renderCheckProblems({ problems }: CheckView, paint: Paint): readonly string[] {
  if (problems.length === 0) return [];
  const title = paint('title', 'Problems of the declarations (the rest of them was in force)');
  return [title, ...problems.flatMap((problem) => bullet(printProblem(problem), 2)), ''];
}
