// Oracle questions: every case's files and the images to ask about, what the runtimes' own code is to answer, and for which versions.
import { createHash } from 'node:crypto';
import { endpointOfPrefix } from '../../../src/domain/endpoint.ts';
import { parsePrefix } from '../../../src/domain/reference.ts';
import { renderNode } from '../../../src/nodes/rendering/render.ts';
import type { RuntimeName, WantedHost } from '../../../src/nodes/data/wanted.ts';
import { must } from '../../support/make.ts';
import { NODE_CASES, inputOf } from '../cases.ts';
import type { NodeCase } from '../cases.ts';
import { harmsOf } from './harms.ts';

export interface OracleProgram {
  readonly runtime: RuntimeName;
  /** Of the runtime. */
  readonly version: string;
  /** The Go program, the module it is about, what its import path begins with, and the module's version. */
  readonly source: 'containerd.go.txt' | 'image.go.txt';
  readonly module: string;
  readonly root: string;
  readonly moduleVersion: string;
}

function containerd(version: string): OracleProgram {
  const isFirst = version.startsWith('1.');
  const module = `github.com/containerd/containerd${isFirst ? '' : '/v2'}`;
  const root = isFirst ? module : `${module}/core`;
  return {
    runtime: 'containerd',
    version,
    source: 'containerd.go.txt',
    module,
    root,
    moduleVersion: `v${version}`,
  };
}

function image(version: string, module: string, moduleVersion: string): OracleProgram {
  return { runtime: 'crio', version, source: 'image.go.txt', module, root: module, moduleVersion };
}

/** The oldest and the newest that is supported, and where their reader of the files has changed. */
export const ORACLES: readonly OracleProgram[] = [
  containerd('1.7.28'),
  containerd('2.0.5'),
  containerd('2.1.4'),
  containerd('2.3.7'),
  image('1.28.0', 'github.com/containers/image/v5', 'v5.27.0'),
  image('1.36.0', 'go.podman.io/image/v5', 'v5.38.0'),
];

/** Whose answer is meant: which runtime, and of which version the files are. */
export type Asked = Pick<OracleProgram, 'runtime' | 'version'>;

export interface OracleQuestion {
  readonly files: Readonly<Record<string, string>>;
  readonly images: readonly string[];
}

/** An image below each prefix, and one at each port that is named beside a host without one. */
function imagesOf({ hosts }: NodeCase): string[] {
  const below = hosts.map(({ prefix }) => `${prefix}/${prefix === 'docker.io' ? 'library/' : ''}app`);
  const ports = hosts.flatMap(({ sources }) => sources.map(({ endpoint }) => endpoint));
  const beside = ports
    .filter((endpoint) => endpoint.startsWith('a.example:'))
    .map((endpoint) => `${endpoint}/app`);
  return [...new Set([...below, ...beside])];
}

export function questionOf(one: NodeCase, { runtime, version }: Asked): OracleQuestion {
  const { files } = renderNode(inputOf(one, { name: runtime, version }));
  const named = files.map(({ path, content }) => [path.slice(1), content] as const);
  return { files: Object.fromEntries(named), images: imagesOf(one) };
}

/** Everything that a program is asked, by name. */
export function questionsOf(
  program: OracleProgram,
): readonly { readonly name: string; readonly question: OracleQuestion }[] {
  return [
    ...NODE_CASES.map((one) => ({ name: one.name, question: questionOf(one, program) })),
    ...harmsOf(program),
  ];
}

/** Changes with whatever is asked, so that answers to other questions are not taken for these. */
export function oracleDigest(): string {
  const asked = ORACLES.map((program) => [program, ...questionsOf(program).map(({ question }) => question)]);
  return createHash('sha256').update(JSON.stringify(asked)).digest('hex');
}

function hostOf(name: string): string {
  return name.split('/', 1)[0] ?? '';
}

/** The host whose files answer for an image: the longest prefix, and on containerd the one that has the host. */
function governing(one: NodeCase, asked: string, program: Asked): WantedHost | undefined {
  const { leftOut } = renderNode(inputOf(one, { name: program.runtime, version: program.version }));
  const lost = new Set(leftOut.filter(({ endpoint }) => endpoint === undefined).map(({ prefix }) => prefix));
  const covering = one.hosts
    .filter(({ prefix }) => !lost.has(prefix) && asked.startsWith(`${prefix}/`))
    .toSorted((a, b) => b.prefix.length - a.prefix.length);
  return covering[0];
}

/** A source as a runtime is to ask it for an image. */
export interface ExpectedSource {
  /** The image's name there. */
  readonly reference: string;
  /** The repository's, below which its manifests are. */
  readonly url: string;
  /** The credential of the node for it. */
  readonly basic: string | undefined;
}

/** What is to be asked for an image, by the rule alone: each source's name in place of the prefix. */
export function expectedSources(one: NodeCase, asked: string, program: Asked): readonly ExpectedSource[] {
  const input = inputOf(one, { name: program.runtime, version: program.version });
  const { leftOut } = renderNode(input);
  const governs = governing(one, asked, program);
  const gone = leftOut.filter(({ prefix }) => prefix === governs?.prefix).map(({ endpoint }) => endpoint);
  const order = (governs?.order ?? [hostOf(asked)]).filter((endpoint) => !gone.includes(endpoint));
  const rest = asked.slice((governs?.prefix ?? hostOf(asked)).length);
  return order.map((endpoint) => {
    const { host, path } = endpointOfPrefix(must(parsePrefix(endpoint)));
    const address = host === 'docker.io' ? 'registry-1.docker.io' : host;
    const url = `https://${address}/v2${path === '' ? '' : `/${path}`}${rest}`;
    return { reference: endpoint + rest, url, basic: input.credentials.get(endpoint)?.basic() };
  });
}

/** No image at all to CRI-O, whatever is configured: an address in brackets. */
export function isNoImage(asked: string, { runtime }: Asked): boolean {
  return runtime === 'crio' && asked.startsWith('[');
}

/** The same, as the oracle says it. */
export function expectedAnswer(one: NodeCase, asked: string, program: Asked): readonly string[] {
  if (isNoImage(asked, program)) return ['error: invalid reference format'];
  const sources = expectedSources(one, asked, program);
  if (program.runtime === 'crio') return sources.map(({ reference }) => reference);
  return sources.map(({ url, basic }) => (basic === undefined ? url : `${url} Basic ${basic}`));
}
