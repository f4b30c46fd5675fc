// Explanation: everything that was found out about one pod, in domain values, before any of it is put into words.
import type { Answer } from '../domain/answer.ts';
import type { SlotDecision } from '../domain/decision.ts';
import type { MirrorSet } from '../domain/mirror-set.ts';
import type { PatchOperation } from '../domain/patch.ts';
import type { Candidate } from '../domain/plan.ts';
import type { SecretReading } from '../domain/pod-credentials.ts';
import type { Question } from '../domain/question.ts';
import type { OptIn } from './view.ts';

/** A candidate with what became of asking it. */
export interface CandidateFinding {
  readonly candidate: Candidate;
  /** undefined: it could not be put as a question. */
  readonly question: Question | undefined;
  /** undefined: not asked. */
  readonly answer: Answer | undefined;
  /** The decision rested on this answer, or could have. */
  readonly decisive: boolean;
  /** Why the runtimes of nodes are not told of this mirror, sentences; only where the set is for nodes. */
  readonly nodeNotes?: readonly string[];
}

export interface SlotFinding {
  readonly decision: SlotDecision;
  /** For an image outside of every set: its own registry alone. */
  readonly candidates: readonly CandidateFinding[];
  /** Why the runtimes of nodes are told of none of the set's mirrors, sentences. */
  readonly nodeNotes?: readonly string[];
}

/** A pull secret that the pod names when it arrives, and where it came from. */
export interface NamedSecret {
  readonly reading: SecretReading;
  readonly from: 'manifests' | 'docker-config' | 'nowhere';
}

export interface PodExplanation {
  readonly workload: string;
  readonly origin: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** False: pull secrets of its service account may come in addition. */
  readonly pullSecretsKnown: boolean;
  readonly optIn: OptIn;
  readonly slots: readonly SlotFinding[];
  readonly named: readonly NamedSecret[];
  readonly added: readonly string[];
  readonly warnings: readonly string[];
  readonly patch: readonly PatchOperation[];
  readonly ms: number;
  /** All sets, those for other namespaces too. */
  readonly sets: readonly MirrorSet[];
}
