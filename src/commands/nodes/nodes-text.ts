// Nodes text: what came of all nodes, for people: diffs, a table, what is in the way, and the next step.
import { bullet, indent, printable } from '../../explain/layout.ts';
import type { Paint, Style } from '../../explain/layout.ts';
import { sentence } from '../../domain/problem.ts';
import { printFinding } from '../../nodes/findings/finding.ts';
import type { FileChange } from '../../nodes/writing/sync-report.ts';
import type { NodeResult, NodesOutcome } from './nodes-result.ts';
import { graveFindings, isGood } from './nodes-result.ts';
import { diffTexts } from './nodes-unified-diff.ts';
import { printRuntime, styleOf, summarise, titleOf } from './nodes-words.ts';
import type { NodesCommand } from './nodes-words.ts';

/** Everything that a report is made of. */
export interface NodesReport {
  readonly command: NodesCommand;
  readonly isDryRun: boolean;
  readonly hasDeclarations: boolean;
  readonly owner: string;
  readonly results: readonly NodeResult[];
  readonly outcome: NodesOutcome;
}

/** Gathers nodes of which the same is to be said; in the order of the first. */
function groupBy(pairs: readonly (readonly [text: string, node: string])[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [text, node] of pairs) {
    const nodes = groups.get(text);
    if (nodes === undefined) groups.set(text, [node]);
    else nodes.push(node);
  }
  return groups;
}

const MANY = 5;

function printNodes(nodes: readonly string[]): string {
  if (nodes.length <= MANY) return nodes.join(', ');
  return `${nodes.slice(0, MANY - 1).join(', ')} and ${nodes.length - MANY + 1} more`;
}

/** One change as a diff; of a file with credentials only that it changes. */
export function renderChange({ path, action, before, after, secret }: FileChange): readonly string[] {
  if (!secret) return diffTexts(path, before, after);
  return [`${action === 'write' ? '+++' : '---'} ${path} (holds credentials: not shown)`];
}

const MARKS: readonly (readonly [RegExp, Style])[] = [
  [/^(?:\+\+\+|---) /, 'title'],
  [/^@@/, 'quiet'],
  [/^\+/, 'good'],
  [/^-/, 'bad'],
];

function paintDiff(line: string, paint: Paint): string {
  const style = MARKS.find(([mark]) => mark.test(line))?.[1];
  return style === undefined ? printable(line) : paint(style, printable(line));
}

/** The diffs, each once with the nodes that have it. */
function renderDiffs({ results, isDryRun }: NodesReport, paint: Paint): readonly string[] {
  if (!isDryRun) return [];
  const pairs = results
    .filter(({ changes }) => changes.length > 0)
    .map((result) => [result.changes.flatMap(renderChange).join('\n'), result.node] as const);
  return [...groupBy(pairs)].flatMap(([diff, nodes]) => [
    paint('title', `# ${printNodes(nodes)}`),
    ...diff.split('\n').map((line) => paintDiff(line, paint)),
    '',
  ]);
}

function renderTable(report: NodesReport, paint: Paint): readonly string[] {
  const { results, command, hasDeclarations } = report;
  const rows = results.map((result) => ({
    cells: [result.node, printRuntime(result), titleOf(result, command, hasDeclarations)],
    what: summarise(result, command),
    style: styleOf(result),
  }));
  const head = ['NODE', 'RUNTIME', 'STATE'];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map(({ cells }) => cells[column]?.length ?? 0)),
  );
  const pad = (cells: readonly string[]): readonly string[] =>
    cells.map((cell, column) => printable(cell).padEnd(widths[column] ?? 0));
  return [
    [...pad(head), 'WHAT'].join('  '),
    ...rows.map(({ cells, what, style }) => {
      const [node = '', runtime = '', state = ''] = pad(cells);
      return `${node}  ${runtime}  ${paint(style, state)}  ${printable(what)}`.trimEnd();
    }),
  ];
}

function renderList(
  title: string,
  pairs: readonly (readonly [string, string])[],
  paint: Paint,
): readonly string[] {
  if (pairs.length === 0) return [];
  const bullets = [...groupBy(pairs)].flatMap(([text, nodes]) => bullet(`${printNodes(nodes)}: ${text}`, 2));
  return ['', paint('title', title), ...bullets];
}

/** A sentence without the name that stands before it anyway, and with its full stop. */
function tidy(text: string, node: string): string {
  const plain = text.startsWith(`${node}: `) ? text.slice(node.length + 2) : text;
  return /[:)]$/.test(plain) ? plain : sentence(plain);
}

function renderReasons({ results }: NodesReport, paint: Paint): readonly string[] {
  const each = (texts: (result: NodeResult) => readonly string[]): readonly (readonly [string, string])[] =>
    results.flatMap((result) => texts(result).map((text) => [text, result.node] as const));
  return [
    ...renderList(
      'What went wrong',
      each(({ error, node }) => (error === undefined ? [] : [tidy(error, node)])),
      paint,
    ),
    ...renderList(
      'In the way: until this is put right the files have no effect, or not all of it',
      each((result) => graveFindings(result).map(printFinding)),
      paint,
    ),
    ...renderList(
      'Left as they are, because they are not ours to change',
      each(({ conflicts }) =>
        conflicts.map(({ path, message }) => (message.startsWith(path) ? message : `${path}: ${message}`)),
      ),
      paint,
    ),
    ...renderList(
      'Good to know',
      each(({ findings }) => findings.filter(({ severity }) => severity === 'warning').map(printFinding)),
      paint,
    ),
  ];
}

/** What is declared and not on the nodes; by mirror set, since it is the declaration that would have to change. */
function renderLeftOut({ results }: NodesReport, paint: Paint): readonly string[] {
  const pairs = results.flatMap(({ leftOut, node }) =>
    leftOut.map(
      ({ set, endpoint, prefix, message }) =>
        [
          `${set === '' ? prefix : set}${endpoint === undefined ? '' : `, ${endpoint}`}: ${message}`,
          node,
        ] as const,
    ),
  );
  if (pairs.length === 0) return [];
  const bullets = [...groupBy(pairs)].flatMap(([text, nodes]) => bullet(`${text} (${printNodes(nodes)})`, 2));
  return ['', paint('title', 'Declared, and not written to nodes'), ...bullets];
}

const STYLES: Readonly<Record<NodesOutcome, Style>> = {
  done: 'good',
  different: 'unsure',
  partly: 'bad',
  unknown: 'bad',
};

function countStates({ results, command, hasDeclarations }: NodesReport): string {
  const titles = results.map((result) => titleOf(result, command, hasDeclarations));
  const groups = groupBy(titles.map((title) => [title, title] as const));
  return [...groups].map(([title, nodes]) => `${nodes.length} ${title}`).join(', ');
}

/** The sentence that stands last. */
function nextStep({ results, outcome, command, isDryRun }: NodesReport): string {
  const tried = results.filter(({ state }) => state !== 'not-tried');
  if (tried.length < results.length)
    return tried.every(isGood)
      ? ' The others were not begun; run the command again.'
      : ' Nothing was begun after the failure; put it right and run the command again.';
  if (outcome === 'different' && (command === 'diff' || isDryRun))
    return command === 'restore' ? ' Without --dry-run it is done.' : ' nodes apply would do it.';
  if (outcome === 'done' && command === 'apply' && results.every(({ state }) => state === 'unchanged'))
    return ' Nothing was changed on any node.';
  return '';
}

/** Renders the whole report, lines without line feeds. */
export function renderNodes(report: NodesReport, paint: Paint): readonly string[] {
  return [
    ...renderDiffs(report, paint),
    ...renderTable(report, paint),
    ...renderReasons(report, paint),
    ...renderLeftOut(report, paint),
    '',
    ...indent(`${countStates(report)}.${nextStep(report)}`, 0).map((line) =>
      paint(STYLES[report.outcome], line),
    ),
  ];
}
