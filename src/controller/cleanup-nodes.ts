// Cleanup of nodes: asks every agent to give its node back what was there before, waits a while, and says who has not.
import { asObject } from '../domain/json.ts';
import type { Installation } from '../domain/rights.ts';
import type { ApiFailure, ClusterApi } from '../kubernetes/cluster-api.ts';
import { NODE_MIRROR_STATES, PODS, SECRETS } from '../kubernetes/resource.ts';
import type { KubeObject } from '../kubernetes/resource.ts';
import type { NodeLayout } from '../nodes/node-file.ts';
import { DEFAULT_LAYOUT } from '../nodes/node-file.ts';
import { CALL_TIMEOUT_MS } from './namespace-bindings.ts';
import { nodeAuthName } from './nodes/node-auth-secret.ts';
import { CANARY_LABEL } from './nodes/node-canary-pod.ts';

export interface NodeCleanUpOptions {
  readonly api: ClusterApi;
  readonly install: Installation;
  /** One line for people. */
  readonly say: (line: string) => void;
  /** Aborted when the time for everything is up. */
  readonly signal: AbortSignal;
  /** Where the nodes keep their files: for the command that is printed. */
  readonly layout: NodeLayout;
  /** How long agents are waited for, milliseconds. */
  readonly patienceMs: number;
  /** Monotonic, milliseconds. */
  readonly now: () => number;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface NodeCleanUpReport {
  /** Nodes that are as they were. */
  readonly restored: readonly string[];
  /** Nodes that still have files of ours: complete ones, which name every source. */
  readonly left: readonly string[];
  /** What could not be done at the API server; running it again goes on from there. */
  readonly failures: readonly string[];
}

const AT_ONCE = 8;
const POLL_MS = 1_000;
const OPTIONS = { timeoutMs: CALL_TIMEOUT_MS };

/** Runs an action on each item, a few at a time. */
async function forEach<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await act(next);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function listStates({ api, install }: NodeCleanUpOptions): Promise<readonly KubeObject[] | ApiFailure> {
  const list = await api.list(NODE_MIRROR_STATES, { namespace: install.namespace }, OPTIONS);
  if (list.ok) return list.value.items;
  // Without the CRD no node has anything of ours.
  return list.error.kind === 'not-found' ? [] : list.error;
}

function isFailure(value: readonly KubeObject[] | ApiFailure): value is ApiFailure {
  return 'kind' in value;
}

function isRestored(state: KubeObject): boolean {
  const status = asObject(state['status']);
  const action = asObject(asObject(state['spec'])?.['wanted'])?.['action'];
  return (
    action === 'Restore' &&
    status?.['state'] === 'Restored' &&
    status['observedGeneration'] === state.metadata.generation
  );
}

/** The revision is not touched: what an agent says is told apart by the generation. */
async function askToRestore(
  state: KubeObject,
  { api, install }: NodeCleanUpOptions,
): Promise<string | undefined> {
  const { name } = state.metadata;
  const asked = await api.patch(
    NODE_MIRROR_STATES,
    { namespace: install.namespace, name },
    [
      { op: 'replace', path: '/spec/wanted/action', value: 'Restore' },
      { op: 'replace', path: '/spec/wanted/hosts', value: [] },
    ],
    OPTIONS,
  );
  return asked.ok || asked.error.kind === 'not-found' ? undefined : `node ${name}: ${asked.error.message}`;
}

/** Resolves with those that have not restored when all have, or the time is up. */
async function waitForAgents(
  before: readonly KubeObject[],
  options: NodeCleanUpOptions,
): Promise<readonly KubeObject[]> {
  const { now, wait, patienceMs, signal } = options;
  const end = now() + patienceMs;
  let left = before;
  while (!signal.aborted) {
    const found = await listStates(options);
    // An API server that is away for a moment changes nothing of what is known.
    if (!isFailure(found)) left = found.filter((state) => !isRestored(state));
    if (left.length === 0 || now() >= end) break;
    await wait(POLL_MS, signal);
  }
  return left;
}

/** The command that does on a node what its agent has not done. */
function printRestore(hosts: readonly string[], { install, layout }: NodeCleanUpOptions): string {
  const folders: readonly (readonly [flag: string, value: string | undefined, usual: string | undefined])[] =
    [
      ['--containers-folder', layout.containersFolder, DEFAULT_LAYOUT.containersFolder],
      ['--containerd-folder', layout.containerdFolder, DEFAULT_LAYOUT.containerdFolder],
      ['--auth-file', layout.authFile, DEFAULT_LAYOUT.authFile],
    ];
  const flags = folders.flatMap(([flag, value, usual]) =>
    value === undefined || value === usual ? [] : [`${flag} ${value}`],
  );
  const owner = `${install.namespace}/${install.fullname}`;
  return ['registry-failover nodes restore', `--owner ${owner}`, ...flags, `--hosts ${hosts.join(',')}`].join(
    ' ',
  );
}

function sayLeft(left: readonly KubeObject[], options: NodeCleanUpOptions): void {
  if (left.length === 0) return;
  const { say } = options;
  say(
    `${left.length} nodes were not restored in time. Their files are complete and name every registry, so pulls go on; each says why:`,
  );
  for (const state of left) {
    const message = asObject(state['status'])?.['message'];
    const why = typeof message === 'string' && message !== '' ? message : 'its agent has not answered';
    say(`  ${state.metadata.name}: ${why}`);
  }
  say('Take the files away over ssh, by these names or the addresses behind them:');
  say(
    `  ${printRestore(
      left.map(({ metadata }) => metadata.name),
      options,
    )}`,
  );
}

/** Everything of ours for nodes that is at the API server. */
async function removeObjects(states: readonly KubeObject[], options: NodeCleanUpOptions): Promise<string[]> {
  const { api, install } = options;
  const { namespace } = install;
  const failures: string[] = [];
  const note = (what: string, failure: ApiFailure): void => {
    if (failure.kind !== 'forbidden') failures.push(`${what}: ${failure.message}`);
  };
  await forEach(states, async ({ metadata }) => {
    const removed = await api.remove(NODE_MIRROR_STATES, { namespace, name: metadata.name }, OPTIONS);
    if (!removed.ok) note(`NodeMirrorState ${metadata.name}`, removed.error);
  });
  const secret = await api.remove(SECRETS, { namespace, name: nodeAuthName(install) }, OPTIONS);
  if (!secret.ok) note('the Secret for nodes', secret.error);
  const canaries = await api.list(PODS, { namespace, labelSelector: `${CANARY_LABEL}=true` }, OPTIONS);
  if (!canaries.ok) note('canary pods', canaries.error);
  await forEach(canaries.ok ? canaries.value.items : [], async ({ metadata }) => {
    const removed = await api.remove(PODS, { namespace, name: metadata.name }, OPTIONS);
    if (!removed.ok) note(`pod ${metadata.name}`, removed.error);
  });
  return failures;
}

/**
 * Has every node restored by its agent, as far as agents answer in time, and removes the NodeMirrorStates. Whoever calls it has
 * seen to it that no controller writes them anew. A node that does not answer holds nothing up: it is named, with the command.
 */
export async function cleanUpNodes(options: NodeCleanUpOptions): Promise<NodeCleanUpReport> {
  const { say } = options;
  const states = await listStates(options);
  if (isFailure(states)) {
    say(`What nodes have could not be listed: ${states.message}`);
    return { restored: [], left: [], failures: [states.message] };
  }
  const failures: string[] = [];
  if (states.length > 0)
    say(`Asking the agents of ${states.length} nodes to restore what was there before …`);
  await forEach(states, async (state) => {
    const failure = await askToRestore(state, options);
    if (failure !== undefined) failures.push(failure);
  });
  const left = await waitForAgents(states, options);
  const names = new Set(left.map(({ metadata }) => metadata.name));
  const restored = states.map(({ metadata }) => metadata.name).filter((name) => !names.has(name));
  if (states.length > 0) say(`${restored.length} of ${states.length} nodes are as they were.`);
  sayLeft(left, options);
  failures.push(...(await removeObjects(states, options)));
  for (const failure of failures) say(`Not done: ${failure}`);
  return { restored: restored.sort(), left: [...names].sort(), failures };
}
