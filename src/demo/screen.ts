// Screen: the walk-through for people: an opening, each step's report laid out, a summary, and where to go next.
import type { Page } from './page.ts';
import { PodSheet } from './pod-sheet.ts';
import type { StepScript } from './step-script.ts';
import { CAST, PLACES } from './cast.ts';
import type { Place } from './cast.ts';
import type { Stage } from './stage.ts';
import type { Expectation, PodReport, StepReport } from './step-report.ts';
import { printMs } from './step-report.ts';

const BODY = { first: '   ', rest: '   ' };
/** Room for the longest title in the summary. */
const TITLE = 34;
/** Room for the longest command to copy. */
const COMMAND = 32;

/** What there is of a mirror set to show. */
export interface DeclaredSet {
  readonly name: string;
  /** The prefix that pods use. */
  readonly upstream: string;
  readonly mirrors: readonly { readonly endpoint: string; readonly source: string }[];
  readonly digestPolicy: string;
}

/** Milliseconds of the slowest of some pods. */
function slowestOf(pods: readonly PodReport[]): number {
  return Math.max(...pods.map((pod) => pod.ms));
}

export class Screen {
  readonly #page: Page;
  readonly #stage: Stage;
  readonly #pods: PodSheet;

  constructor(page: Page, stage: Stage) {
    this.#page = page;
    this.#stage = stage;
    this.#pods = new PodSheet(page, stage);
  }

  /** Says what is running and what was declared. */
  opening(sets: readonly DeclaredSet[]): void {
    const page = this.#page;
    page.line('registry-failover: pods keep starting when their image registry is down.', 'bold');
    page.text('In this process, over TLS: the webhook and three registries, one account each.');
    page.text('Pods are sent to it as the API server sends them. No cluster, no internet.');
    page.line();
    for (const place of PLACES) this.#introduce(place);
    page.line();
    page.line("   Declared (mirror sets, and where each mirror's credential comes from):");
    for (const set of sets) this.#declared(set);
    page.line();
  }

  /** What is about to be done: said first, since the registries take their time. */
  begin(step: number, { title, act }: StepScript): void {
    this.#page.heading(`${step} ${title}`);
    this.#page.text(act, BODY);
  }

  /** What was seen. */
  end(report: StepReport): void {
    const page = this.#page;
    if (report.before.length > 0) page.line();
    for (const pod of report.before) this.#inOneLine('first', [pod]);
    for (const pod of report.pods) this.#pods.print(pod);
    this.#inOneLine('then', report.following);
    page.line();
    for (const expectation of report.expected) this.#expectation(expectation);
    page.text(report.lesson, { first: '   → ', rest: '     ' }, 'cyan');
    page.line();
  }

  /** One pod with what changed on it, why, and what the audit says. */
  pod(pod: PodReport): void {
    this.#pods.print(pod);
    this.#page.line();
  }

  summary(reports: readonly StepReport[]): void {
    const page = this.#page;
    page.heading('In short');
    page.ends(`   ${'step'.padEnd(TITLE + 2)}image from`, 'ms', 'dim');
    for (const report of reports) this.#summarise(report);
    page.line();
    const wrong = reports.filter((report) => !report.ok).map((report) => report.step);
    if (wrong.length === 0) return;
    page.text(
      `Not as told: step ${wrong.join(', ')}. Run again with --json for everything that was seen.`,
      undefined,
      'red',
    );
    page.line();
  }

  /** What to do next, as commands to copy. */
  next(commands: readonly (readonly [string, string])[]): void {
    for (const [command, what] of commands) {
      this.#page.text(what, { first: `   ${command.padEnd(COMMAND)} `, rest: ' '.repeat(COMMAND + 4) });
    }
  }

  #introduce(place: Place): void {
    const { role, username } = CAST[place];
    const first = `   ${place}  ${this.#stage.hostPort(place).padEnd(23)}`;
    this.#page.text(`${role}; account ${username}`, { first, rest: ' '.repeat(first.length) });
  }

  #declared({ name, upstream, mirrors, digestPolicy }: DeclaredSet): void {
    const places = mirrors.map(({ endpoint, source }) => `${this.#stage.shorten(endpoint)} (${source})`);
    const policy = digestPolicy === 'Prefer' ? '' : `; digestPolicy ${digestPolicy}`;
    const first = `   ${name.padEnd(6)}${this.#stage.shorten(upstream).padEnd(10)}→ `;
    this.#page.text(`${places.join(', ')}${policy}`, { first, rest: ' '.repeat(first.length) });
  }

  #inOneLine(when: 'first' | 'then', pods: readonly PodReport[]): void {
    const [one] = pods;
    if (one === undefined) return;
    const many =
      pods.length === 1 ? `${when === 'then' ? 'and' : when} a pod` : `${when} ${pods.length} pods`;
    const ms = pods.map((pod) => printMs(pod.ms)).join(' ');
    this.#page.ends(`   ${many} of ${one.pod}: ${this.#stage.shorten(one.image.after)}`, `${ms} ms`, 'bold');
  }

  #expectation({ ok, says, seen }: Expectation): void {
    const mark = ok ? '✔' : '✘ NOT SO:';
    this.#page.text(`${says} (${seen})`, { first: `   ${mark} `, rest: '     ' }, ok ? 'green' : 'red');
  }

  #summarise(report: StepReport): void {
    const { step, title, pods, following, ok } = report;
    const images = pods.map((pod) => this.#shortPlace(pod));
    const after = following.length === 0 ? '' : `, then ${printMs(slowestOf(following))}`;
    const ms = `${pods.map((pod) => printMs(pod.ms)).join(' and ')}${after}`;
    const left = ` ${ok ? '✔' : '✘'} ${step} ${title.padEnd(TITLE)}${images.join(', ')}`;
    this.#page.ends(left, ms, ...(ok ? [] : (['red'] as const)));
  }

  /** `ams/shop`, or `fra/shop (kept)`. */
  #shortPlace({ image }: PodReport): string {
    const short = this.#stage.shorten(image.after);
    const place = short.slice(0, short.lastIndexOf('/'));
    return image.after === image.before ? `${place} (kept)` : place;
  }
}
