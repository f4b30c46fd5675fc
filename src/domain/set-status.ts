// Set status: "is it working?" of one mirror set, as a pure function of facts, what stood there before, and the time.
import type { HealthStatus } from './health.ts';
import { asArray, asObject, asString, own } from './json.ts';
import { findAdmissionActive, findUpstreamAvailable, findValid } from './set-status-conditions.ts';
import { findCredentialsReady } from './set-status-credentials.ts';
import { findNodesReady } from './set-status-nodes.ts';
import type { Finding } from './set-status-condition.ts';
import type { EndpointFact, SetFacts } from './set-status-facts.ts';

/** metav1.Condition. */
export interface Condition extends Finding {
  readonly observedGeneration: number;
  /** RFC 3339, in seconds. */
  readonly lastTransitionTime: string;
}

export interface EndpointStatus {
  readonly endpoint: string;
  readonly health: HealthStatus;
  readonly since: string;
  readonly reason?: string;
}

/** The status as it is written; the schema is config/mirror-set-status.ts. */
export interface SetStatus {
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
  readonly endpoints: readonly EndpointStatus[];
  readonly namespaces: number;
  readonly derivedSecrets: number;
  readonly podsOnMirrors: number;
  readonly refused: readonly {
    readonly namespace: string;
    readonly secret: string;
    readonly endpoint: string;
  }[];
  /** Absent where nodes are none of our business. */
  readonly nodes?: NodeCounts;
}

export interface NodeCounts {
  readonly matched: number;
  readonly upToDate: number;
  readonly failed: number;
}

/** What of a former status lives on: since when things are as they are. */
export interface FormerStatus {
  /** By type: the status and its lastTransitionTime. */
  readonly conditions: ReadonlyMap<string, { readonly status: string; readonly at: string }>;
  /** By endpoint. */
  readonly endpoints: ReadonlyMap<string, { readonly health: string; readonly since: string }>;
}

/** As the schema has it (config/mirror-set-status.ts); a test compares them. */
export const MAX_REFUSED = 64;
const MAX_ENDPOINTS = 17;
const MAX_MESSAGE_CHARACTERS = 8_000;
const MAX_REASON_CHARACTERS = 1_000;

/** RFC 3339 in UTC, to the second. */
export function printTime(unixMs: number): string {
  return `${new Date(unixMs).toISOString().slice(0, 19)}Z`;
}

/** A time that people or older versions have put there counts only if it is one. */
function timeOf(value: unknown): string | undefined {
  const text = asString(value);
  return text === undefined || Number.isNaN(Date.parse(text)) ? undefined : text;
}

function readKeyed<T>(
  list: unknown,
  keyName: string,
  read: (entry: ReturnType<typeof asObject>) => T | undefined,
): ReadonlyMap<string, T> {
  const found = new Map<string, T>();
  for (const entry of asArray(list).map(asObject)) {
    const key = asString(own(entry, keyName));
    const value = read(entry);
    if (key !== undefined && value !== undefined) found.set(key, value);
  }
  return found;
}

/** Reads what stands in an object's status; nothing of it is trusted to have a shape. */
export function readFormerStatus(status: unknown): FormerStatus {
  const root = asObject(status);
  return {
    conditions: readKeyed(own(root, 'conditions'), 'type', (entry) => {
      const [value, at] = [asString(own(entry, 'status')), timeOf(own(entry, 'lastTransitionTime'))];
      return value === undefined || at === undefined ? undefined : { status: value, at };
    }),
    endpoints: readKeyed(own(root, 'endpoints'), 'endpoint', (entry) => {
      const [health, since] = [asString(own(entry, 'health')), timeOf(own(entry, 'since'))];
      return health === undefined || since === undefined ? undefined : { health, since };
    }),
  };
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}

function endpointStatus(fact: EndpointFact, before: FormerStatus): EndpointStatus {
  const { endpoint, health } = fact;
  const former = before.endpoints.get(endpoint);
  const since = former?.health === health ? former.since : printTime(fact.since);
  const reason = cut(fact.detail, MAX_REASON_CHARACTERS);
  return { endpoint, health, since, ...(health === 'up' || reason === '' ? {} : { reason }) };
}

function endpointStatuses(facts: SetFacts, before: FormerStatus): EndpointStatus[] {
  const byName = new Map(
    facts.endpoints.map((fact) => [fact.endpoint, endpointStatus(fact, before)] as const),
  );
  return [...byName.values()].slice(0, MAX_ENDPOINTS);
}

/** Of which generation a finding is: Valid judges what is declared, the others what is in force. */
function generationOf({ type }: Finding, facts: SetFacts): number {
  return type === 'Valid' ? facts.generation : (facts.set?.generation ?? facts.generation);
}

function nodeCounts({ nodesEnabled, set, nodes }: SetFacts): { readonly nodes?: NodeCounts } {
  if (!nodesEnabled || set === undefined || nodes.kind !== 'Known') return {};
  const { matched, upToDate, failed } = nodes;
  return { nodes: { matched, upToDate, failed } };
}

/**
 * The status of a set.
 * @param now Milliseconds of Unix time; stands in the result only where something has changed.
 */
export function makeSetStatus(facts: SetFacts, before: FormerStatus, now: number): SetStatus {
  const findings = [
    findValid(facts),
    findUpstreamAvailable(facts),
    findCredentialsReady(facts),
    findAdmissionActive(facts),
    findNodesReady(facts),
  ];
  return {
    observedGeneration: facts.generation,
    conditions: findings.map((finding) => {
      const former = before.conditions.get(finding.type);
      return {
        ...finding,
        message: cut(finding.message, MAX_MESSAGE_CHARACTERS),
        observedGeneration: generationOf(finding, facts),
        lastTransitionTime: former?.status === finding.status ? former.at : printTime(now),
      };
    }),
    endpoints: endpointStatuses(facts, before),
    namespaces: facts.namespaces,
    derivedSecrets: facts.credentials.filter(({ state }) => state === 'ready').length,
    podsOnMirrors: facts.podsOnMirrors,
    refused: facts.refused
      .slice(0, MAX_REFUSED)
      .map(({ namespace, secret, endpoint }) => ({ namespace, secret, endpoint })),
    ...nodeCounts(facts),
  };
}
