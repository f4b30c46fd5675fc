// Explain: what would happen to these pods, and why: the webhook's own admission, asked from a person's desk.
import { DeclaredState } from '../admission/declared-state.ts';
import type { PodSubject } from '../domain/pod-template.ts';
import type { Problem } from '../domain/problem.ts';
import { createPaint } from '../explain/paint.ts';
import { renderPod } from '../explain/pod-text.ts';
import { viewPod } from '../explain/pod-view.ts';
import { renderReport, renderTop } from '../explain/report-text.ts';
import { judgeOptIn } from '../explain/opt-in.ts';
import { overallResult } from '../explain/view.ts';
import type { ExplainView, PodView } from '../explain/view.ts';
import { loadDeclarations } from './declarations.ts';
import type { LoadedState } from './declarations.ts';
import { refuse } from './error-lines.ts';
import { EXIT } from './exit.ts';
import { runWithEngine } from './explain-engine.ts';
import { readSubjects } from './explain-file.ts';
import type { SubjectFile } from './explain-file.ts';
import { printData, printOut } from './explain-output.ts';
import type { OutputFormat } from './explain-output.ts';
import { namespaceProblems, overruledNotes } from './explain-namespace.ts';
import { NodeNotes } from './explain-nodes.ts';
import { explainPod } from './explain-pod.ts';
import type { ExplainContext } from './explain-pod.ts';

export interface ExplainFlags {
  /** `-` is standard input. */
  readonly file: string;
  readonly manifests: readonly string[];
  readonly namespace?: string | undefined;
  readonly dockerConfig?: string | undefined;
  readonly installNamespace: string;
  readonly output: OutputFormat;
}

const EXIT_OF: Readonly<Record<ExplainView['result'], number>> = {
  served: EXIT.yes,
  'not-served': EXIT.no,
  unknown: EXIT.unknown,
};

const ONE_STANDARD_INPUT: Problem = {
  path: '--file',
  code: 'InvalidFlag',
  message: 'standard input cannot be both the pod (-f -) and the declarations (-m -)',
  fix: 'Write one of them to a file',
};

type Subject = PodSubject & { readonly origin: string };

async function explainOne(
  subject: Subject,
  context: ExplainContext,
  installNamespace: string,
): Promise<PodView> {
  const { namespace } = subject;
  const labels = context.state.namespaceLabels.get(namespace);
  const optIn = judgeOptIn(namespace, labels, installNamespace);
  return viewPod(await explainPod(subject, optIn, context));
}

/** One pod after the other, so that each is judged on its own; what one has learnt of a registry the next one knows. */
async function explainAll(
  subjects: SubjectFile,
  context: ExplainContext & { readonly state: LoadedState },
  flags: ExplainFlags,
): Promise<ExplainView> {
  const paint = createPaint(process.stdout);
  const notes = [...context.state.absence, ...overruledNotes(flags.namespace, subjects.pods)];
  if (flags.output === 'text') await printOut(renderTop(notes, paint).join('\n'));
  const pods: PodView[] = [];
  for (const subject of subjects.pods) {
    const pod = await explainOne(subject, context, flags.installNamespace);
    pods.push(pod);
    if (flags.output === 'text') await printOut(`${renderPod(pod, paint).join('\n')}\n`);
  }
  const result = overallResult(pods.flatMap((pod) => pod.images));
  const { passedOver } = subjects;
  const view: ExplainView = {
    kind: 'explain',
    v: 1,
    result,
    pods,
    passedOver,
    notes,
    problems: context.state.problems,
  };
  if (flags.output === 'text') await printOut(`${renderReport(view, paint).join('\n')}\n`);
  else await printData(view, flags.output);
  return view;
}

/**
 * Explains the pods of a file. Resolves with the exit code: 0 every image would be served, 1 an image can be had from
 * nobody, 2 bad input, 3 could not tell.
 */
export async function runExplain(flags: ExplainFlags): Promise<number> {
  if (flags.file === '-' && flags.manifests.includes('-')) return refuse([ONE_STANDARD_INPUT]);
  const [subjects, state] = await Promise.all([
    readSubjects(flags.file, flags.namespace ?? 'default'),
    loadDeclarations({ ...flags, allowedEndpoint: [] }),
  ]);
  const problems = [
    ...namespaceProblems(flags.namespace),
    ...(subjects.ok ? [] : subjects.error),
    ...(state.ok ? [] : state.error),
  ];
  if (!subjects.ok || !state.ok || problems.length > 0) return refuse(problems);
  return runWithEngine(state.value.objects, async (engine) => {
    const declared = new DeclaredState(state.value.objects);
    const nodeNotes = new NodeNotes(state.value.objects.sets);
    const context = { engine, state: state.value, declared, nodeNotes };
    const view = await explainAll(subjects.value, context, flags);
    return EXIT_OF[view.result];
  });
}
