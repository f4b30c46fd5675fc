// Pod record census: how many pods stand on mirrors, and how many were never seen at admission, per mirror set.
import type { Labels } from './label-selector.ts';
import type { MirrorSet } from './mirror-set.ts';
import type { PodRecord } from './pod-record.ts';
import { setsFor } from './set-selection.ts';
import type { AdmissionFact } from './set-status-facts.ts';

/** An opted-in namespace. */
export interface CensusNamespace {
  readonly name: string;
  readonly labels: Labels;
  /** When the opt-in was seen, milliseconds of Unix time by our clock. */
  readonly optedInAt: number;
  readonly pods: readonly PodRecord[];
}

/** What one mirror set has to do with. */
export interface SetCensus {
  /** Opted-in namespaces that it is for. */
  readonly namespaces: number;
  readonly admission: AdmissionFact;
  readonly podsOnMirrors: number;
}

export interface Census {
  readonly bySet: ReadonlyMap<string, SetCensus>;
  /** As if one set were for every opted-in namespace; for sets that are not in force. */
  readonly everywhere: SetCensus;
}

/** Names of the sets whose mirrors serve images of the pod now. */
export type MirrorsOfPod = (pod: PodRecord, sets: readonly MirrorSet[]) => ReadonlySet<string>;

/**
 * A pod's age is told by the API server's clock in whole seconds, an opt-in's by ours, and the API server's webhook cache is
 * a moment behind: a pod this close to the opt-in says nothing.
 */
export const OPT_IN_MARGIN_MS = 5_000;

/** As long as a pod that was not seen is this young, admission is taken to be skipped even if others were seen since. */
export const SKIPPING_MS = 10 * 60_000;

const MAX_EXAMPLES = 3;

/** Counts that can be added up. */
class Tally {
  namespaces = 0;
  podsOnMirrors = 0;
  seen = 0;
  unseen = 0;
  newestSeen = 0;
  newestUnseen = 0;
  readonly examples: string[] = [];

  add(other: Tally): void {
    this.namespaces += other.namespaces;
    this.seen += other.seen;
    this.unseen += other.unseen;
    this.newestSeen = Math.max(this.newestSeen, other.newestSeen);
    this.newestUnseen = Math.max(this.newestUnseen, other.newestUnseen);
    this.examples.push(...other.examples.slice(0, MAX_EXAMPLES - this.examples.length));
  }

  census(now: number): SetCensus {
    const isSkipping =
      this.unseen > 0 && (now - this.newestUnseen < SKIPPING_MS || this.newestSeen <= this.newestUnseen);
    const { namespaces, podsOnMirrors, seen, unseen, examples } = this;
    return {
      namespaces,
      podsOnMirrors,
      admission: { seen, unseen, examples: [...examples].sort(), isSkipping },
    };
  }
}

/** Does the pod tell whether admission works? Static pods and those that go do not. */
function tells(pod: PodRecord): boolean {
  return pod.isLiving && !pod.isDeleting && !pod.isStatic;
}

function countAdmission(namespace: CensusNamespace): Tally {
  const tally = new Tally();
  tally.namespaces = 1;
  for (const pod of namespace.pods) {
    if (!tells(pod)) continue;
    if (pod.decisions !== undefined) {
      tally.seen += 1;
      tally.newestSeen = Math.max(tally.newestSeen, pod.createdAt);
    } else if (pod.createdAt > namespace.optedInAt + OPT_IN_MARGIN_MS) {
      tally.unseen += 1;
      tally.newestUnseen = Math.max(tally.newestUnseen, pod.createdAt);
      if (tally.examples.length < MAX_EXAMPLES) tally.examples.push(`${namespace.name}/${pod.name}`);
    }
  }
  return tally;
}

/** The name of a set once for each pod that it serves from a mirror. */
function namesOnMirrors(
  { pods }: CensusNamespace,
  sets: readonly MirrorSet[],
  mirrorsOf: MirrorsOfPod,
): readonly string[] {
  return pods.filter((pod) => pod.isLiving && !pod.isDeleting).flatMap((pod) => [...mirrorsOf(pod, sets)]);
}

/**
 * Takes the census.
 * @param now Milliseconds of Unix time.
 */
export function takeCensus(
  namespaces: Iterable<CensusNamespace>,
  sets: readonly MirrorSet[],
  mirrorsOf: MirrorsOfPod,
  now: number,
): Census {
  const tallies = new Map(sets.map((set) => [set.name, new Tally()]));
  const all = new Tally();
  for (const namespace of namespaces) {
    const counted = countAdmission(namespace);
    all.add(counted);
    const selected = setsFor(sets, namespace.labels);
    for (const set of selected) tallies.get(set.name)?.add(counted);
    for (const name of namesOnMirrors(namespace, selected, mirrorsOf)) {
      const tally = tallies.get(name);
      if (tally !== undefined) tally.podsOnMirrors += 1;
    }
  }
  return {
    bySet: new Map([...tallies].map(([name, tally]) => [name, tally.census(now)])),
    everywhere: all.census(now),
  };
}
