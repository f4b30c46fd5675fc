// Demo: plays the walk-through as text or JSON, then stays at a prompt; the exit code says whether it came out as told.
import type { Readable } from 'node:stream';
import { Page } from '../demo/page.ts';
import type { Output } from '../demo/page.ts';
import { Prompt } from '../demo/prompt.ts';
import { Screen } from '../demo/screen.ts';
import type { DeclaredSet } from '../demo/screen.ts';
import type { StepReport } from '../demo/step-report.ts';
import { walk } from '../demo/walk.ts';
import { printEndpoint } from '../domain/endpoint.ts';
import type { MirrorSet } from '../domain/mirror-set.ts';
import { printPrefix } from '../domain/reference.ts';
import { Closing, openTheatre } from './demo-theatre.ts';
import type { TheatreOptions } from './demo-theatre.ts';
import { EXIT } from './exit.ts';

export interface DemoFlags {
  /** End after the walk-through. */
  readonly once: boolean;
  /** Print each step's observations as a line of JSON, and end. */
  readonly json: boolean;
}

/** What tests change; no flag sets any of it. */
export interface DemoInternals extends Partial<TheatreOptions> {
  readonly output?: Output;
  readonly input?: Readable;
}

/**
 * Probes every second, so that a walk-through takes seconds; by default it is every 10 s. Noticing takes one or two probes;
 * ten are waited for.
 */
const USUAL: TheatreOptions = { plantsFaults: true, patienceMs: 10_000, probeIntervalMs: 1_000 };

/** As shells report an end by SIGINT. */
const INTERRUPTED = 130;

const NEXT: readonly (readonly [string, string])[] = [
  ['npm start', 'the same, then break and heal it yourself'],
  ['npm run -s cli -- explain --help', 'what would happen to a pod of yours'],
  ['npm run -s cli -- check --help', 'is an image the same at every mirror?'],
  ['README.md', 'what it is, and how to install it'],
];

function describeSet({ name, prefix, mirrors, digestPolicy }: MirrorSet): DeclaredSet {
  const places = mirrors.map(({ endpoint, source }) => ({ endpoint: printEndpoint(endpoint), source }));
  return { name, upstream: printPrefix(prefix), mirrors: places, digestPolicy };
}

function verdictOf(reports: readonly StepReport[]): number {
  return reports.every((report) => report.ok) ? EXIT.yes : EXIT.no;
}

async function play(flags: DemoFlags, inner: DemoInternals, closing: Closing): Promise<number> {
  const { output = process.stdout, input = process.stdin } = inner;
  const { scene, sets, files } = await openTheatre({ ...USUAL, ...inner }, closing);
  const reports: StepReport[] = [];
  if (flags.json) {
    for await (const report of walk(scene)) {
      output.write(`${JSON.stringify(report)}\n`);
      reports.push(report);
    }
    return verdictOf(reports);
  }
  const page = new Page(output);
  const screen = new Screen(page, scene.stage);
  screen.opening(sets.map(describeSet));
  for await (const report of walk(scene, (step, script) => screen.begin(step, script))) {
    screen.end(report);
    reports.push(report);
  }
  screen.summary(reports);
  if (flags.once) screen.next(NEXT);
  else await new Prompt({ input, output, page, screen, scene, files }).run();
  return verdictOf(reports);
}

/**
 * Plays the walk-through, then stays at a prompt unless told otherwise. Resolves with the exit code: 1 when a step was not
 * observed as the story tells it.
 */
export async function runDemo(flags: DemoFlags, inner: DemoInternals = {}): Promise<number> {
  const closing = new Closing();
  const interrupt = (): never => process.exit(INTERRUPTED);
  // Who reads us has seen enough (`| head`): no reason for a stack trace.
  const leave = (): never => process.exit(EXIT.yes);
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  process.stdout.once('error', leave);
  try {
    return await play(flags, inner, closing);
  } finally {
    await closing.close();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    process.stdout.off('error', leave);
  }
}
