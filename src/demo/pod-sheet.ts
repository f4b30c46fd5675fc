// Pod sheet: one pod as the walk-through and the prompt show it: what changed on it, why, and what the audit says.
import type { AuditCandidate, AuditRecord } from '../domain/audit-record.ts';
import { wrap } from './page.ts';
import type { Page } from './page.ts';
import type { Stage } from './stage.ts';
import type { PodReport } from './step-report.ts';
import { printMs } from './step-report.ts';

/** Labels in front of a pod's lines are so wide, with the blank behind them. */
const LABEL = 9;
/** Room for what a registry answered: two lines of a usual terminal, more on a narrow one. */
const ANSWER_CHARACTERS = 2 * 56;

const UNVERIFIED = ' (nobody had asked for it before, so there is nothing to compare)';

/** Does the warning say more than the changed image does? */
function isTelling({ audit }: PodReport): boolean {
  return audit?.action !== 'rewrite' || audit.digest === 'differs';
}

/** The first lines; a mark at the end of the last one says that there would be more. */
function firstLines(lines: readonly string[], count: number, width: number): readonly string[] {
  if (lines.length <= count) return lines;
  return lines
    .slice(0, count)
    .map((line, index) => (index === count - 1 ? `${line.slice(0, width - 1)}…` : line));
}

export class PodSheet {
  readonly #page: Page;
  readonly #stage: Stage;
  /** What is told the first time only. */
  readonly #told = new Set<'warning' | 'unverified'>();

  constructor(page: Page, stage: Stage) {
    this.#page = page;
    this.#stage = stage;
  }

  print(pod: PodReport): void {
    const page = this.#page;
    page.line();
    page.ends(`   new pod of ${pod.pod}`, `${printMs(pod.ms)} ms`, 'bold');
    this.#change(pod);
    if (pod.failure !== undefined)
      page.text(pod.failure, { first: '   failure  ', rest: '            ' }, 'red');
    if (pod.audit !== undefined) this.#labelled('why', pod.audit.sentence);
    this.#warn(pod);
    if (pod.audit !== undefined) this.#audit(pod.audit);
  }

  #change(pod: PodReport): void {
    const page = this.#page;
    const { before, after } = pod.image;
    const added = pod.pullSecrets.after.filter((name) => !pod.pullSecrets.before.includes(name));
    if (before === after) page.line(`     image: ${before}`);
    else {
      page.line(`   - image: ${before}`, 'red');
      page.line(`   + image: ${after}`, 'green');
    }
    for (const name of added) page.line(`   + imagePullSecrets: ${name}`, 'green');
  }

  /** The first warning is always shown, so that it is known how they look; then those that say something new. */
  #warn(pod: PodReport): void {
    if (pod.warnings.length === 0) return;
    const isFirst = this.#isFirst('warning');
    if (!isFirst && !isTelling(pod)) return;
    for (const warning of pod.warnings) this.#labelled('warning', warning, 'yellow');
  }

  #isFirst(what: 'warning' | 'unverified'): boolean {
    if (this.#told.has(what)) return false;
    this.#told.add(what);
    return true;
  }

  #labelled(label: string, text: string, ...styles: ('yellow' | 'dim')[]): void {
    const first = `   ${label.padEnd(LABEL - 1)} `;
    this.#page.text(text, { first, rest: ' '.repeat(first.length) }, ...styles);
  }

  /** What matters of the audit line, and each candidate: --json has it whole. */
  #audit(audit: AuditRecord): void {
    const digest = audit.digest === undefined ? '' : `, digest ${audit.digest}`;
    const note = audit.digest === 'unverified' && this.#isFirst('unverified') ? UNVERIFIED : '';
    this.#labelled('audit', `${audit.action}, ${audit.reason}${digest}${note}`, 'dim');
    for (const candidate of audit.candidates) this.#candidate(candidate);
  }

  #candidate(candidate: AuditCandidate): void {
    const place = this.#stage.shorten(candidate.endpoint).padEnd(LABEL + 2);
    const first = `${' '.repeat(LABEL + 3)}${place} `;
    const { width } = this.#page;
    const lines = wrap(this.#printAnswer(candidate), width, { first, rest: ' '.repeat(first.length) });
    const most = Math.max(2, Math.ceil(ANSWER_CHARACTERS / (width - first.length)));
    for (const line of firstLines(lines, most, width)) this.#page.line(line, 'dim');
  }

  #printAnswer({ outcome, ms, fromMemory, detail = '', secret }: AuditCandidate): string {
    if (outcome === 'not-asked') return 'not asked';
    const when = fromMemory ? 'from memory' : `${printMs(ms)} ms`;
    // The detail begins with the registry's name, which has just been said.
    const said = this.#stage.shorten(detail).replace(/^\w+:? /, '');
    const how = said !== '' ? `: ${said}` : secret === undefined ? '' : `, with ${secret}`;
    return `${outcome}, ${when}${how}`;
  }
}
