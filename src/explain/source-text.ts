// Source text: a registry that was asked, as one aligned line and what it said below; `explain` and `check` print alike.
import type { Outcome } from '../domain/outcome.ts';
import { WIDTH, indent, printDuration } from './layout.ts';
import type { Paint, Style } from './layout.ts';

/** What is printed of a registry that was asked. */
export interface SourceLine {
  readonly role: 'upstream' | 'mirror';
  readonly endpoint: string;
  readonly outcome: Outcome | 'not-asked';
  readonly ms: number;
  readonly fromMemory?: boolean;
  readonly secret?: string;
  readonly detail?: string;
  readonly notes: readonly string[];
}

/** What differs between the two commands. */
export interface SourceExtras {
  readonly isMarked: boolean;
  /** Before the credential: `sha256:9f86d081884c`. */
  readonly facts: readonly string[];
}

const STYLE_OF: Readonly<Record<SourceLine['outcome'], Style>> = {
  available: 'good',
  missing: 'bad',
  denied: 'bad',
  throttled: 'bad',
  failing: 'bad',
  unreachable: 'unsure',
  slow: 'unsure',
  'not-asked': 'quiet',
};

const DETAIL_COLUMN = 17;
/** Endpoints in a column of their own; a longer one pushes the rest of its line to the right. */
const ENDPOINT_WIDTHS = { min: 24, max: 36 };

/** As people write it; data has a hyphen. */
function wordOf(outcome: SourceLine['outcome']): string {
  return outcome === 'not-asked' ? 'not asked' : outcome;
}

function credentialOf(source: SourceLine): string {
  if (source.outcome === 'not-asked') return '';
  return source.secret === undefined ? 'without a credential' : `with pull secret ${source.secret}`;
}

function tookOf(source: SourceLine): string {
  if (source.outcome === 'not-asked') return '';
  return source.fromMemory === true ? 'remembered' : printDuration(source.ms);
}

/** Whoever reads one registry's paragraph knows which registry speaks. */
function withoutHost(detail: string, endpoint: string): string {
  const host = endpoint.split('/', 1)[0] ?? '';
  return detail.startsWith(host) ? detail.slice(host.length).replace(/^:? /, '') : detail;
}

/** One line where it is short enough, otherwise a line each. */
function joined(facts: readonly string[]): readonly string[] {
  const line = facts.filter((fact) => fact !== '').join(', ');
  return line.length <= WIDTH - DETAIL_COLUMN ? [line] : facts;
}

function sourceLines(
  source: SourceLine,
  { isMarked, facts }: SourceExtras,
  columns: { readonly label: string; readonly width: number },
  paint: Paint,
): string[] {
  const line = [
    isMarked ? '   ->' : '     ',
    columns.label.padEnd(10),
    source.endpoint.padEnd(columns.width + 1),
    paint(STYLE_OF[source.outcome], wordOf(source.outcome).padEnd(11)),
    tookOf(source).padStart(10),
  ];
  const said = withoutHost(source.detail ?? '', source.endpoint);
  const below = [...joined([...facts, credentialOf(source)]), said, ...source.notes].filter(
    (text) => text !== '',
  );
  return [line.join(' ').trimEnd(), ...below.flatMap((text) => indent(text, DETAIL_COLUMN))];
}

/** Renders the sources of one image, the upstream first. */
export function renderSources<S extends SourceLine>(
  sources: readonly S[],
  extrasOf: (source: S) => SourceExtras,
  paint: Paint,
): readonly string[] {
  const longest = Math.max(...sources.map(({ endpoint }) => endpoint.length), ENDPOINT_WIDTHS.min);
  const width = Math.min(longest, ENDPOINT_WIDTHS.max);
  const mirrors = sources.filter((source) => source.role === 'mirror').length;
  return sources.flatMap((source, position) => {
    const label = source.role === 'mirror' && mirrors > 1 ? `mirror ${position}` : source.role;
    return sourceLines(source, extrasOf(source), { label, width }, paint);
  });
}
