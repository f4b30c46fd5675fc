// Status facts: gathers what is known of one mirror set from those who know it.
import type { DeclarationProblem } from '../domain/declared-refs.ts';
import { printEndpoint } from '../domain/endpoint.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { EndpointHealth } from '../domain/health.ts';
import type { MirrorSet } from '../domain/mirror-set.ts';
import type { Census } from '../domain/pod-record-census.ts';
import type {
  CredentialFact,
  EndpointFact,
  NodesFact,
  RefusedCredential,
  SetFacts,
} from '../domain/set-status-facts.ts';
import type { ControllerClock } from './status-clock.ts';
import type { SetObject } from './status-object.ts';

/** Everything that a status is made from, as it is now. */
export interface StatusSources {
  /** Asked at each round. */
  declared(): { readonly sets: readonly MirrorSet[]; readonly problems: readonly DeclarationProblem[] };
  /** `since` is on the monotonic clock. */
  healthOf(endpoint: Endpoint): Pick<EndpointHealth, 'status' | 'cause' | 'detail' | 'since'>;
  credentials(): readonly CredentialFact[];
  refused(): readonly RefusedCredential[];
  census(): Census;
  nodesOf(set: MirrorSet): NodesFact;
  /** Everybody has read what is there: until then what a status says is left standing. */
  isSettled(): boolean;
}

/** One round: what is the same for all sets is asked once. */
export interface Round {
  readonly sets: ReadonlyMap<string, MirrorSet>;
  readonly problems: readonly DeclarationProblem[];
  readonly credentials: ReadonlyMap<string, readonly CredentialFact[]>;
  readonly refused: ReadonlyMap<string, readonly RefusedCredential[]>;
  readonly census: Census;
}

function bySet<T extends { readonly set: string }>(facts: readonly T[]): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const fact of facts) {
    const group = groups.get(fact.set);
    if (group === undefined) groups.set(fact.set, [fact]);
    else group.push(fact);
  }
  return groups;
}

/** Asks everybody. */
export function openRound(sources: StatusSources): Round {
  const { sets, problems } = sources.declared();
  return {
    sets: new Map(sets.map((set) => [set.name, set])),
    problems,
    credentials: bySet(sources.credentials()),
    refused: bySet(sources.refused()),
    census: sources.census(),
  };
}

/** The object's origin begins the path of a problem; one that does not parse has no set to be named by. */
function isAbout(problem: DeclarationProblem, name: string): boolean {
  if (problem.set !== undefined) return problem.set === name;
  return problem.path.split(' ', 1)[0] === `registrymirrorset/${name}`;
}

function endpointFacts(set: MirrorSet, sources: StatusSources, clock: ControllerClock): EndpointFact[] {
  return [set.upstream, ...set.mirrors.map((mirror) => mirror.endpoint)].map((endpoint) => {
    const { status, cause, detail, since } = sources.healthOf(endpoint);
    const at = clock.wall() - (clock.now() - since);
    return { endpoint: printEndpoint(endpoint), health: status, cause, detail, since: at };
  });
}

function compareNames(a: CredentialFact, b: CredentialFact): number {
  const [first, second] = [`${a.namespace}/${a.secret}`, `${b.namespace}/${b.secret}`];
  if (first === second) return 0;
  return first < second ? -1 : 1;
}

function compareRefused(a: RefusedCredential, b: RefusedCredential): number {
  const [first, second] = [a, b].map((each) => `${each.namespace}/${each.secret} ${each.endpoint}`);
  if (first === second || first === undefined || second === undefined) return 0;
  return first < second ? -1 : 1;
}

export interface FactsRequest {
  readonly object: SetObject;
  readonly round: Round;
  readonly sources: StatusSources;
  readonly clock: ControllerClock;
  readonly installNamespace: string;
}

/** The facts of one set. undefined: the declarations do not know it yet as it is now. */
export function gatherFacts(request: FactsRequest): SetFacts | undefined {
  const { object, round, sources, clock, installNamespace } = request;
  const set = round.sets.get(object.name);
  const problems = round.problems.filter((problem) => isAbout(problem, object.name));
  // Neither in force nor refused as it is now: the declarations have not got to this generation yet.
  if (problems.length === 0 && (set?.generation ?? -1) < object.generation) return undefined;
  const census = round.census.bySet.get(object.name) ?? round.census.everywhere;
  const inForce: Pick<SetFacts, 'nodes' | 'endpoints'> =
    set === undefined
      ? { nodes: { kind: 'NotKnown' }, endpoints: [] }
      : { nodes: sources.nodesOf(set), endpoints: endpointFacts(set, sources, clock) };
  return {
    ...inForce,
    generation: object.generation,
    set,
    problems,
    nodesEnabled: object.nodesEnabled,
    credentials: [...(round.credentials.get(object.name) ?? [])].sort(compareNames),
    refused: [...(round.refused.get(object.name) ?? [])].sort(compareRefused),
    namespaces: census.namespaces,
    admission: census.admission,
    podsOnMirrors: set === undefined ? 0 : census.podsOnMirrors,
    installNamespace,
  };
}
