// node bench/nodes/figures.ts [--rounds 3] [--idle 600] [--only hand-made|agents|idle]: pulls through both runtimes with the upstream
// black-holed, hand-made and with the agents, and what an idle agent costs; on the lab that is up. Writes docs/node-figures.md from
// docs/results/node-figures.json, where each part has its day and commit: they can be measured apart.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { mirror, Sets } from '../../test/cluster/lab/sets.ts';
import { installWithNodes, waitFirst } from '../../test/cluster/lab/nodes-stage.ts';
import { declare, install, uninstall } from '../../test/cluster/lab/product.ts';
import { RUNTIMES, Stage, waitFor } from '../../test/cluster/lab/stage.ts';
import type { Runtime } from '../../test/cluster/lab/stage.ts';
import { DC1, FRA2 } from '../../test/lab/registries/records.ts';
import { measureIdleAgents } from './agent-figures.ts';
import type { AgentFigure } from './agent-figures.ts';
import { PATIENCE_MS, pull, writeRecipe } from './pull-cases.ts';
import type { PullOutcome, PullPlace } from './pull-cases.ts';

const OUT = path.resolve(import.meta.dirname, '../../docs/node-figures.md');
const PREFIX = `${FRA2}/private`;
const MIRROR = `${DC1}/private`;

const RESULTS = path.resolve(import.meta.dirname, '../../docs/results/node-figures.json');
const PARTS = ['hand-made', 'agents', 'idle'] as const;
type Part = (typeof PARTS)[number];

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    idle: { type: 'string', default: '600' },
    only: { type: 'string' },
  },
});
const parts = PARTS.filter((part) => values.only === undefined || values.only === part);
if (parts.length === 0) throw new Error(`--only is one of ${PARTS.join(', ')}`);
const rounds = Number(values.rounds);
const idleSeconds = Number(values.idle);
const stage = new Stage();
const sets = new Sets(stage);

interface Row {
  readonly what: string;
  readonly crio: string;
  readonly containerd: string;
}
/** One part as it was measured last. */
interface Measured {
  readonly commit: string;
  readonly day: string;
  readonly rows: readonly Row[];
}
type Results = Partial<Record<Part, Measured>>;
let rows: Row[] = [];

/** Both runtimes at once: they are two nodes, and neither waits for the other. */
async function row(what: string, place: PullPlace, times: number): Promise<void> {
  const series = async (runtime: Runtime): Promise<readonly PullOutcome[]> => {
    const found: PullOutcome[] = [];
    for (let round = 0; round < times; round += 1) found.push(await pull(stage, place, runtime));
    return found;
  };
  const [crio, containerd] = await Promise.all(RUNTIMES.map(series));
  const found = { what, crio: printOutcomes(crio ?? []), containerd: printOutcomes(containerd ?? []) };
  rows.push(found);
  console.error(`${what}: ${found.crio} | ${found.containerd}`);
}

function printOutcomes(outcomes: readonly PullOutcome[]): string {
  const sorted = outcomes.toSorted((a, b) => a.ms - b.ms);
  const median = sorted[Math.floor((sorted.length - 1) / 2)];
  if (median === undefined) return '';
  const seconds = `${(median.ms / 1000).toFixed(1)} s`;
  if (outcomes.some(({ end }) => end === 'waiting')) return `still pulling after ${PATIENCE_MS / 1000} s`;
  if (outcomes.some(({ end }) => end === 'failed')) return `**fails** after ${seconds}`;
  const most = sorted.at(-1)?.ms ?? 0;
  return outcomes.length === 1 ? seconds : `${seconds} (at most ${(most / 1000).toFixed(1)} s)`;
}

const all = (namespace: string): PullPlace => ({ namespace, reachable: [FRA2, DC1] });
const upstreamOnly = (namespace: string): PullPlace => ({ namespace, reachable: [FRA2] });
const mirrorOnly = (namespace: string): PullPlace => ({ namespace, reachable: [DC1] });

async function healthy(): Promise<void> {
  await stage.lab.registries.reset();
}

/** Without any agent: what a node does by itself, and with a file written by hand. */
async function measureHandMade(plain: string): Promise<void> {
  await row('healthy, no mirror configured (the baseline)', all(plain), rounds);
  let remove = writeRecipe(stage, 'mirror-first', false);
  try {
    await row('healthy, hand-made, mirror first', all(plain), rounds);
    await stage.lab.registries.drop(FRA2);
    await row('**upstream black-holed**, hand-made, mirror first', mirrorOnly(plain), 1);
    await healthy();
    await stage.lab.registries.drop(DC1);
    await row('mirror black-holed, upstream well: hand-made, mirror first', upstreamOnly(plain), 1);
  } finally {
    remove();
    await healthy();
  }
  remove = writeRecipe(stage, 'upstream-first', true);
  try {
    await stage.lab.registries.drop(FRA2);
    await row(
      '**upstream black-holed**, hand-made, upstream first, the mirror’s credential on every node: first and later pulls',
      mirrorOnly(plain),
      2,
    );
  } finally {
    remove();
    await healthy();
  }
}

/** The agents, with a private mirror that nodes have a credential for. */
async function installAgents(): Promise<void> {
  await installWithNodes(stage);
  await declare();
  await sets.declare({
    name: 'figures',
    prefix: PREFIX,
    mirrors: [mirror(MIRROR, { source: 'Secret', secretRef: { name: 'dc1-pull' } })],
    further: { nodes: { enabled: true, wholeHost: true, credentials: 'NodeAuth' } },
  });
  // The kubelet takes a minute or two to bring the credentials' Secret to the agents.
  await waitFor('the nodes to have the mirror with its credential', 240_000, async () => {
    return (await sets.condition('figures', 'NodesReady'))?.reason === 'UpToDate';
  });
}

async function measureAgents(plain: string, optedIn: string): Promise<void> {
  await row('healthy, with the agents', all(plain), rounds);
  await stage.lab.registries.drop(DC1);
  await row('mirror black-holed, upstream well: with the agents', upstreamOnly(plain), 1);
  await healthy();
  await waitFirst(stage, PREFIX, PREFIX);
  await stage.lab.registries.drop(FRA2);
  await row('**upstream black-holed**, agents alone: the first pull, at once', mirrorOnly(plain), 1);
  await waitFirst(stage, PREFIX, MIRROR);
  await row('**upstream black-holed**, agents alone: later ones', mirrorOnly(plain), rounds);
  await row('**upstream black-holed**, a pod that the webhook sees: later ones', mirrorOnly(optedIn), rounds);
  await healthy();
  await waitFirst(stage, PREFIX, PREFIX);
  const image = await stage.imageOf('private/known', FRA2, DC1);
  await stage.waitJudged(optedIn, `${FRA2}/${image}`, 'upstream-available');
  await stage.lab.registries.drop(FRA2);
  await row(
    '**upstream black-holed**, a pod that the webhook sees: the first one, at once',
    mirrorOnly(optedIn),
    1,
  );
  await healthy();
  await waitFirst(stage, PREFIX, PREFIX);
}

async function measureIdle(): Promise<void> {
  console.error(`idle for ${idleSeconds} s`);
  const agents = await measureIdleAgents(idleSeconds);
  const [first, second] = agents;
  const minutes = Math.round(idleSeconds / 60);
  const figure = (what: string, pick: (agent: AgentFigure) => string): Row => ({
    what,
    crio: first === undefined ? '' : pick(first),
    containerd: second === undefined ? '' : pick(second),
  });
  rows = [
    figure(
      `an idle agent: working set of its container, the most in ${minutes} min (budget 60 MB)`,
      ({ workingSetMb }) => `${workingSetMb.toFixed(0)} MB`,
    ),
    figure(`an idle agent: CPU over ${minutes} min, thousandths of a core`, ({ milliCores }) =>
      milliCores.toFixed(1),
    ),
  ];
}

function readResults(): Results {
  return existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as Results) : {};
}

/** Keeps a part with the commit that it was measured of, and writes the page anew. */
function keep(part: Part): void {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const results = { ...readResults(), [part]: { commit, day: new Date().toISOString().slice(0, 10), rows } };
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(OUT, page(results));
  rows = [];
}

function page(results: Results): string {
  const known = PARTS.flatMap((part) => results[part] ?? []);
  const table = known.flatMap((one) =>
    one.rows.map((row) => `| ${row.what} | ${row.crio} | ${row.containerd} |`),
  );
  const from = PARTS.flatMap((part) => {
    const one = results[part];
    return one === undefined ? [] : [`${part}: ${one.day}, commit ${one.commit}`];
  });
  return `# Pulls in an outage, and what the agent costs

Written by \`node bench/nodes/figures.ts\` on the lab (\`npm run cluster -- up\`: a real API server, kubelets, CRI-O 1.34 and containerd 2.3 on one
machine with two cores); do not edit. Measured: ${from.join('; ')}.

From a pod's creation to Running, with an image that the node has never seen; the median, and the longest where there were several.

| | CRI-O | containerd |
|---|---|---|
${table.join('\n')}

Upstream and mirror are private, each with an account of its own, and the pods have the upstream's credential, as pods do. "Black-holed": the
registry's packets are dropped, as behind a firewall. "Hand-made" is what the guides show: one entry with one mirror, written on every node. CRI-O
does not show a pod's credential to a mirror; containerd shows it the upstream's. "Agents alone": the pods are in a namespace that is not
opted in, so no webhook sees them, as with static pods; the order is turned within seconds of the outage, and until then a runtime
tries the upstream first: containerd gives up on it after 1 s for each request, CRI-O after 30 s a dial, which nobody can set. It made two
here: the lab's build (the Go module 1.34.0, which is older than the release), and releases 1.33.0 to 1.33.3, ask for an OCI artifact of that
name before they ask for the image; later ones ask for the image first.
`;
}

try {
  await stage.lab.registries.reset();
  const plain = await stage.namespace('plain', { optedIn: false });
  const optedIn = await stage.namespace('figures');
  if (parts.includes('hand-made')) {
    await measureHandMade(plain);
    keep('hand-made');
  }
  if (parts.includes('agents') || parts.includes('idle')) await installAgents();
  if (parts.includes('agents')) {
    await measureAgents(plain, optedIn);
    keep('agents');
  }
  if (parts.includes('idle')) {
    await measureIdle();
    keep('idle');
  }
  console.error(`written: ${path.relative(process.cwd(), OUT)}`);
} finally {
  await stage.lab.registries.reset();
  await sets.close();
  // The hook of the uninstall takes everything off the nodes; an upgrade without agents would be refused before that.
  await uninstall();
  await install();
  await declare();
  await stage.close();
}
