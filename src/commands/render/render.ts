// Render: the files that a node would get from these declarations, and what is left out of them and why. Asks and writes nothing.
import { printEndpoint } from '../../domain/endpoint.ts';
import { isSupportedRuntime } from '../../domain/managed-node.ts';
import type { Problem } from '../../domain/problem.ts';
import { quote } from '../../domain/reference-grammar.ts';
import { notesOnTwoNames } from '../../domain/two-names.ts';
import { createPaint } from '../../explain/paint.ts';
import { unsupported } from '../../nodes/findings/found-runtime.ts';
import { nodeCredentials } from '../../nodes/sources/node-credentials.ts';
import type { NodeFile, NodeLayout } from '../../nodes/node-file.ts';
import { nodeHosts } from '../../nodes/sources/node-sources.ts';
import { readsCertificates } from '../../nodes/rendering/pem-text.ts';
import { renderNode } from '../../nodes/rendering/render.ts';
import { USUAL_VERSIONS, isRuntimeVersion } from '../../nodes/data/runtime-version.ts';
import { WANTED_VERSION } from '../../nodes/data/wanted.ts';
import type { Runtime, RuntimeName } from '../../nodes/data/wanted.ts';
import { loadDeclarations } from '../declarations.ts';
import type { LoadedState } from '../declarations.ts';
import { EXIT } from '../exit.ts';
import { refuse } from '../error-lines.ts';
import { readLayout } from '../node-layout.ts';
import type { LayoutFlags } from '../node-layout.ts';
import { printData, printOut } from '../explain-output.ts';
import type { OutputFormat } from '../explain-output.ts';
import { printRender } from './render-text.ts';
import { viewRender } from './render-view.ts';
import type { RenderView } from './render-view.ts';

export interface RenderFlags extends LayoutFlags {
  readonly manifests: readonly string[];
  readonly runtime: RuntimeName;
  readonly runtimeVersion?: string | undefined;
  /** Endpoints as the declarations have them. */
  readonly out?: readonly string[] | undefined;
  readonly installNamespace: string;
  readonly output: OutputFormat;
}

function versionProblems({ runtimeVersion }: RenderFlags): readonly Problem[] {
  const isRight =
    runtimeVersion === undefined || (/^v?\d+\.\d/.test(runtimeVersion) && isRuntimeVersion(runtimeVersion));
  if (isRight) return [];
  return [
    {
      path: '--runtime-version',
      code: 'InvalidFlag',
      message: `${quote(runtimeVersion)} is not a version`,
      fix: 'Write it as the runtime says it, for example 1.34.0',
    },
  ];
}

/** It is the first half of the owner's id, which stands in the files. */
function namespaceProblems({ installNamespace }: RenderFlags): readonly Problem[] {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(installNamespace)) return [];
  return [
    {
      path: '--install-namespace',
      code: 'InvalidFlag',
      message: `${quote(installNamespace)} is no name of a namespace`,
      fix: 'Write it as kubectl get namespaces shows it',
    },
  ];
}

/** A registry that nobody declares changes no order: most likely it is misspelt. */
function outProblems({ out = [] }: RenderFlags, { objects }: LoadedState): readonly Problem[] {
  const endpoints = objects.sets.flatMap((set) => [
    set.upstream,
    ...set.mirrors.map(({ endpoint }) => endpoint),
  ]);
  const known = new Set(endpoints.map(printEndpoint));
  return out
    .filter((text) => !known.has(text))
    .map((text) => ({
      path: '--out',
      code: 'InvalidFlag',
      message: `${quote(text)} is no registry of these declarations`,
      fix: known.size === 0 ? 'Leave it away' : `Write one of ${[...known].join(', ')}`,
    }));
}

/** Whoever looks at files has no need of passwords, and shells have a memory. */
function withoutCredentials(
  files: readonly NodeFile[],
  secrets: readonly (readonly [string, string])[],
): NodeFile[] {
  return files.map((file) => {
    const hide = (text: string, [endpoint, secret]: readonly [string, string]): string =>
      text.replaceAll(secret, `(the credential for ${endpoint})`);
    return { ...file, content: secrets.reduce(hide, file.content) };
  });
}

function renderState(state: LoadedState, flags: RenderFlags, layout: NodeLayout): RenderView {
  const version = flags.runtimeVersion?.replace(/^v/, '') ?? USUAL_VERSIONS[flags.runtime];
  const runtime: Runtime = { name: flags.runtime, version };
  const { sets } = state.objects;
  const out = new Set(flags.out);
  const planned = nodeHosts({
    sets,
    runtime,
    readsCertificates,
    orderOf: (endpoint) => (out.has(printEndpoint(endpoint)) ? 'out' : 'well'),
  });
  const credentials = nodeCredentials(sets);
  const rendered = renderNode({
    wanted: {
      version: WANTED_VERSION,
      revision: '0'.repeat(16),
      owner: `${flags.installNamespace}/registry-failover`,
      runtime,
      action: 'Apply',
      hosts: planned.hosts,
    },
    layout,
    credentials,
  });
  const secrets = [...credentials].map(([endpoint, credential]) => [endpoint, credential.basic()] as const);
  return viewRender({
    runtime,
    isAssumed: flags.runtimeVersion === undefined,
    authFile: layout.authFile,
    sets,
    planned,
    rendered: { ...rendered, files: withoutCredentials(rendered.files, secrets) },
    notes: [
      ...state.absence,
      ...notesOnTwoNames(sets),
      ...(isSupportedRuntime(runtime) ? [] : [`${unsupported(runtime).message}.`]),
    ],
    problems: state.problems,
  });
}

const EXIT_OF: Readonly<Record<RenderView['result'], number>> = {
  complete: EXIT.yes,
  nothing: EXIT.no,
  partly: EXIT.partly,
};

/** Renders for one kind of node. Resolves with the exit code: 0 all, 1 no file, 2 bad input, 4 something is left out. */
export async function runRender(flags: RenderFlags): Promise<number> {
  const layout = readLayout(flags);
  const wrong = [...versionProblems(flags), ...namespaceProblems(flags), ...(layout.ok ? [] : layout.error)];
  const state = await loadDeclarations({ ...flags, allowedEndpoint: [] });
  if (!state.ok) return refuse([...wrong, ...state.error]);
  const problems = [...wrong, ...outProblems(flags, state.value)];
  if (problems.length > 0 || !layout.ok) return refuse(problems);
  const view = renderState(state.value, flags, layout.value);
  if (flags.output === 'text')
    await printOut(`${printRender(view, createPaint(process.stdout)).join('\n')}\n`);
  else await printData(view, flags.output);
  return EXIT_OF[view.result];
}
