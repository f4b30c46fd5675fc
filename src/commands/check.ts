// Check: is an image served by every endpoint, with the same digest and platforms?
import { DeclaredState } from '../admission/declared-state.ts';
import { indexMirrorSets, planImage } from '../domain/plan.ts';
import type { ImagePlan } from '../domain/plan.ts';
import { podCredentials } from '../domain/pod-credentials.ts';
import type { Problem } from '../domain/problem.ts';
import { candidatesFor, ownRegistry } from '../explain/candidates.ts';
import { renderCheck, renderCheckProblems } from '../explain/check-text.ts';
import { overallCheck, viewCheck } from '../explain/check-view.ts';
import type { CheckImageView, CheckResult, CheckView } from '../explain/check-view.ts';
import { createPaint } from '../explain/paint.ts';
import { renderTop } from '../explain/report-text.ts';
import { describeAt } from './check-endpoint.ts';
import { loadDeclarations } from './declarations.ts';
import type { LiveState, LoadedState } from './declarations.ts';
import type { Engine } from './engine.ts';
import { refuse } from './error-lines.ts';
import { EXIT } from './exit.ts';
import { runWithEngine } from './explain-engine.ts';
import { namespaceProblems } from './explain-namespace.ts';
import { printData, printOut } from './explain-output.ts';
import type { OutputFormat } from './explain-output.ts';

export interface CheckFlags {
  readonly manifests: readonly string[];
  readonly namespace: string;
  readonly dockerConfig?: string | undefined;
  readonly installNamespace: string;
  readonly output: OutputFormat;
}

const EXIT_OF: Readonly<Record<CheckResult, number>> = {
  same: EXIT.yes,
  different: EXIT.no,
  unknown: EXIT.unknown,
};

/** Everything about one namespace that the images have in common. */
class Namespace {
  readonly #engine: Engine;
  readonly #declared: DeclaredState;
  readonly #name: string;
  /** All pull secrets of the namespace, and the docker config. */
  readonly #secretNames: readonly string[];

  constructor(engine: Engine, { objects }: LiveState, name: string) {
    this.#engine = engine;
    this.#declared = new DeclaredState(objects);
    this.#name = name;
    const own = objects.secrets.filter((secret) => secret.namespace === name).map((secret) => secret.name);
    this.#secretNames = [...own, ...(objects.standIn === undefined ? [] : [objects.standIn.name])];
  }

  plan(image: string): ImagePlan {
    return planImage(image, indexMirrorSets(this.#declared.forNamespace(this.#name)));
  }

  async check(plan: ImagePlan): Promise<CheckImageView> {
    const all = this.#declared.forNamespace(this.#name);
    const relevant = plan.set === undefined ? [] : [plan.set];
    const readings = this.#declared.read(this.#name, this.#secretNames);
    const { keyring } = podCredentials(readings, { relevant, all, mayAdd: true });
    const candidates = candidatesFor(plan);
    const answers = candidates.map((candidate) => describeAt(candidate, keyring, this.#engine));
    return viewCheck(plan, await Promise.all(answers));
  }
}

/** An image that nobody can be asked about is a mistake on the command line. */
function problemsOf(images: readonly string[]): readonly Problem[] {
  return images.flatMap((image) => {
    const own = ownRegistry(image);
    return own.ok ? [] : [{ ...own.error, path: image }];
  });
}

async function checkAll(
  images: readonly string[],
  namespace: Namespace,
  { output, namespace: name }: CheckFlags,
): Promise<readonly CheckImageView[]> {
  const paint = createPaint(process.stdout);
  const views: CheckImageView[] = [];
  for (const image of images) {
    const view = await namespace.check(namespace.plan(image));
    views.push(view);
    if (output === 'text') await printOut(`${renderCheck(view, name, paint).join('\n')}\n`);
  }
  return views;
}

async function run(
  engine: Engine,
  images: readonly string[],
  state: LoadedState,
  flags: CheckFlags,
): Promise<number> {
  const notes = state.absence;
  if (flags.output === 'text') await printOut(renderTop(notes, createPaint(process.stdout)).join('\n'));
  const views = await checkAll(images, new Namespace(engine, state, flags.namespace), flags);
  const result = overallCheck(views);
  const view: CheckView = {
    kind: 'check',
    v: 1,
    result,
    namespace: flags.namespace,
    images: views,
    notes,
    problems: state.problems,
  };
  if (flags.output !== 'text') await printData(view, flags.output);
  else await printOut(renderCheckProblems(view, createPaint(process.stdout)).join('\n'));
  return EXIT_OF[result];
}

/**
 * Checks images. Resolves with the exit code: 0 the same everywhere, 1 different or absent somewhere, 2 bad input, 3 an
 * endpoint could not be asked.
 */
export async function runCheck(images: readonly string[], flags: CheckFlags): Promise<number> {
  const state = await loadDeclarations({ ...flags, allowedEndpoint: [] });
  const problems = [
    ...namespaceProblems(flags.namespace),
    ...problemsOf(images),
    ...(state.ok ? [] : state.error),
  ];
  if (!state.ok || problems.length > 0) return refuse(problems);
  return runWithEngine(state.value.objects, (engine) => run(engine, images, state.value, flags));
}
