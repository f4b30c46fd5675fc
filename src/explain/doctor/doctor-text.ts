// Doctor text: the checks as people read them in 80 columns, each place with what is wrong first.
import { DOCTOR_RESULTS, overallResult } from './doctor-check.ts';
import type { DoctorCheck, DoctorResult } from './doctor-check.ts';
import { indent, printable } from '../layout.ts';
import type { Paint, Style } from '../layout.ts';

const WORDS: Readonly<Record<DoctorResult, readonly [word: string, style: Style]>> = {
  ok: ['ok', 'good'],
  warning: ['note', 'unsure'],
  error: ['WRONG', 'bad'],
  unknown: ['?', 'unsure'],
};
const WORD_COLUMNS = 7;

const ENDINGS: Readonly<Record<DoctorResult, string>> = {
  ok: 'Nothing is wrong.',
  warning: 'Nothing is wrong; see the notes.',
  error: 'Something is wrong.',
  unknown: 'Could not tell: not everything could be looked at.',
};

/** Errors first, then what could not be told, then notes, then what is well; else in the order of the checks. */
const RANKS: Readonly<Record<DoctorResult, number>> = { error: 0, unknown: 1, warning: 2, ok: 3 };

function renderCheck({ check, result, message, fix }: DoctorCheck, paint: Paint): readonly string[] {
  const [word, style] = WORDS[result];
  const lines = indent(`${message.replace(/[.!?]$/, '')}.`, 2 + WORD_COLUMNS);
  const [first = '', ...rest] = lines.map((line) => line.slice(2 + WORD_COLUMNS));
  const head = `  ${paint(style, word.padEnd(WORD_COLUMNS))}${first}`;
  const body = rest.map((line) => `${' '.repeat(2 + WORD_COLUMNS)}${line}`);
  const fixes = fix === '' ? [] : indent(`→ ${fix}`, 2 + WORD_COLUMNS);
  const name = paint('quiet', `${' '.repeat(2 + WORD_COLUMNS)}[${printable(check)}]`);
  return [head, ...body, ...fixes, ...(result === 'ok' ? [] : [name])];
}

/** Renders everything that was looked at. */
export function renderDoctor(
  checks: readonly DoctorCheck[],
  notes: readonly string[],
  paint: Paint,
): readonly string[] {
  const places = [...new Set(checks.map(({ place }) => place))];
  const parts = places.flatMap((place) => {
    const own = checks.filter((check) => check.place === place);
    const sorted = own.toSorted((a, b) => RANKS[a.result] - RANKS[b.result]);
    return [paint('title', printable(place)), ...sorted.flatMap((check) => renderCheck(check, paint)), ''];
  });
  const overall = overallResult(checks);
  const counts = DOCTOR_RESULTS.map(
    (result) => [result, checks.filter((check) => check.result === result).length] as const,
  );
  const told = counts
    .filter(([, count]) => count > 0)
    .map(([result, count]) => `${count} ${WORDS[result][0]}`);
  return [
    ...notes.flatMap((note) => indent(note, 0)),
    ...(notes.length === 0 ? [] : ['']),
    ...parts,
    paint(WORDS[overall][1], `${ENDINGS[overall]} (${told.join(', ')})`),
  ];
}
