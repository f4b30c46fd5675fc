// Node record: what is kept of a Node and of its NodeMirrorState; nothing that an agent has written there is trusted to have a shape.
import { asArray, asObject, asString, own } from '../../domain/json.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { Labels } from '../../domain/label-selector.ts';
import {
  isSupportedRuntime,
  managedNodeOf,
  runtimeOf,
  SUPPORTED_RUNTIMES,
} from '../../domain/managed-node.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../domain/rights.ts';
import { apiVersionOf, NODE_MIRROR_STATES } from '../../kubernetes/resource.ts';
import type { KubeObject, ObjectMeta } from '../../kubernetes/resource.ts';
import type { LeftOutReason } from '../../nodes/node-file.ts';
import { parseNodeWanted } from '../../nodes/data/wanted-parse.ts';
import type { NodeWanted, Runtime } from '../../nodes/data/wanted.ts';
import { printCanonical } from '../status-object.ts';

/** A node of the cluster. */
export interface NodeRecord {
  readonly name: string;
  readonly labels: Labels;
  readonly isReady: boolean;
  /** Or why nothing is written there: one sentence with the fix, without a full stop. */
  readonly runtime: Runtime | { readonly obstacle: string };
}

/** What a node's agent has said last. */
export interface AgentStatus {
  readonly generation: number;
  readonly revision: string;
  /** '' when it has said nothing yet. */
  readonly state: string;
  readonly message: string;
  /** Prefix → the endpoint that is asked first. */
  readonly first: ReadonlyMap<string, string>;
  /** Somebody else's files in the way, what is wrong with the node, credentials that are not there yet: the first words of each. */
  readonly troubles: readonly string[];
}

/** A NodeMirrorState. */
export interface StateRecord {
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  /** undefined: somebody has written there what cannot be used. */
  readonly wanted: NodeWanted | undefined;
  /** The revision whose canaries were found well; '' when none. */
  readonly released: string;
  /** Of what we write, to see whether it still stands there. */
  readonly text: string;
  readonly status: AgentStatus;
}

export const MANAGED_LABELS = { [MANAGED_BY_LABEL]: MANAGED_BY } as const;
export const RELEASED_ANNOTATION = 'registry-failover.io/released';

/** Of a text that comes from a node, characters: the status of a mirror set quotes it. */
const MAX_TEXT = 600;
const MAX_TROUBLES = 3;
/** What only the node knows: a Secret that has not reached it, an entry of somebody else's that ours would replace. */
const NODE_REASONS: ReadonlySet<string> = new Set<LeftOutReason>(['NoNodeCredential', 'OthersEntry']);
const MAX_FIRST = 256;

function textOf(object: JsonObject | undefined, key: string): string {
  return asString(own(object, key)) ?? '';
}

/** On one line, cut, without what would make a full stop of ours the second one. */
function words(object: JsonObject | undefined, key: string): string {
  const text = textOf(object, key).replaceAll(/\s+/gu, ' ').trim();
  const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return cut.endsWith('.') ? cut.slice(0, -1) : cut;
}

function isReady(status: JsonObject | undefined): boolean {
  return asArray(own(status, 'conditions')).some((entry) => {
    const condition = asObject(entry);
    return textOf(condition, 'type') === 'Ready' && textOf(condition, 'status') === 'True';
  });
}

/** The agents' DaemonSet is for Linux: another node would be waited for until it counted as failed, and stop all others. */
const WINDOWS =
  'it runs Windows, where no agent runs and no file is written; pods are served by rewriting all the same. Leave it out: spec.nodes.selector with matchLabels kubernetes.io/os: linux';

function runtimeOfNode(info: JsonObject | undefined, labels: Labels): NodeRecord['runtime'] {
  if (textOf(info, 'operatingSystem') === 'windows') return { obstacle: WINDOWS };
  const containerRuntimeVersion = textOf(info, 'containerRuntimeVersion');
  const managed = managedNodeOf({
    osImage: textOf(info, 'osImage'),
    kubeletVersion: textOf(info, 'kubeletVersion'),
    containerRuntimeVersion,
    labels,
  });
  if (managed !== undefined) return { obstacle: `${managed.message}. ${managed.fix}` };
  const runtime = runtimeOf(containerRuntimeVersion);
  if (runtime !== undefined && isSupportedRuntime(runtime)) return runtime;
  const found =
    containerRuntimeVersion === ''
      ? 'it has not named its runtime'
      : `its runtime is ${containerRuntimeVersion}`;
  return { obstacle: `${found}, supported are ${SUPPORTED_RUNTIMES}` };
}

/** An informer's `keep` for nodes. */
export function keepNode({ metadata, status }: KubeObject): NodeRecord {
  const labels = metadata.labels ?? {};
  const seen = asObject(status);
  return {
    name: metadata.name,
    labels,
    isReady: metadata.deletionTimestamp === undefined && isReady(seen),
    runtime: runtimeOfNode(asObject(own(seen, 'nodeInfo')), labels),
  };
}

/** Warnings that say more than that: what the node could reach before us and no longer asks. */
const LOSSES: ReadonlySet<string> = new Set(['CrioEntryReplaced', 'ContainerdDefaultHidden']);

function troublesOf(status: JsonObject | undefined): string[] {
  const conflicts = asArray(own(status, 'conflicts')).map((entry) => {
    const conflict = asObject(entry);
    return `${textOf(conflict, 'path').slice(0, MAX_TEXT)}: ${words(conflict, 'message')}`;
  });
  const errors = asArray(own(status, 'findings'))
    .map(asObject)
    .filter((finding) => textOf(finding, 'severity') === 'error' || LOSSES.has(textOf(finding, 'code')))
    .map((finding) => `${words(finding, 'message')}. ${words(finding, 'fix')}`);
  return [...conflicts, ...errors, ...leftOutByNode(status)].slice(0, MAX_TROUBLES);
}

/** The controller knows of everything else that is left out. */
function leftOutByNode(status: JsonObject | undefined): string[] {
  return asArray(own(status, 'leftOut'))
    .map(asObject)
    .filter((entry) => NODE_REASONS.has(textOf(entry, 'reason')))
    .map((entry) => words(entry, 'message'));
}

function readStatus(value: unknown): AgentStatus {
  const status = asObject(value);
  const generation = own(status, 'observedGeneration');
  const order = asArray(own(status, 'order')).slice(0, MAX_FIRST).map(asObject);
  return {
    generation: typeof generation === 'number' ? generation : 0,
    revision: textOf(status, 'observedRevision'),
    state: textOf(status, 'state'),
    message: words(status, 'message'),
    first: new Map(order.map((entry) => [textOf(entry, 'prefix'), textOf(entry, 'first')])),
    troubles: troublesOf(status),
  };
}

/** Is it an object that we have made? */
export function isManaged({ labels }: ObjectMeta): boolean {
  return own(labels, MANAGED_BY_LABEL) === MANAGED_BY;
}

/** What of an object is ours: spec, labels, and the annotation. */
export function textOfState({ metadata, spec }: KubeObject): string {
  const released = own(metadata.annotations, RELEASED_ANNOTATION);
  return printCanonical([spec, released ?? '', isManaged(metadata)]);
}

/** An informer's `keep` for NodeMirrorStates. Endpoints that are not allowed are refused where they are declared, and by agents. */
export function keepState(object: KubeObject): StateRecord | undefined {
  const { metadata, spec, status } = object;
  if (metadata.uid === undefined) return undefined;
  const wanted = parseNodeWanted(own(asObject(spec), 'wanted'), { allowedEndpoints: [] });
  return {
    name: metadata.name,
    uid: metadata.uid,
    generation: metadata.generation ?? 0,
    wanted: wanted.ok ? wanted.value : undefined,
    released: asString(own(metadata.annotations, RELEASED_ANNOTATION)) ?? '',
    text: textOfState(object),
    status: readStatus(status),
  };
}

/** The object as it is applied: all that is ours, and nothing else. */
export function printState(
  namespace: string,
  name: string,
  wanted: NodeWanted,
  isReleased: boolean,
): KubeObject {
  return {
    apiVersion: apiVersionOf(NODE_MIRROR_STATES),
    kind: NODE_MIRROR_STATES.kind,
    metadata: {
      namespace,
      name,
      labels: MANAGED_LABELS,
      ...(isReleased ? { annotations: { [RELEASED_ANNOTATION]: wanted.revision } } : {}),
    },
    spec: { wanted },
  };
}
