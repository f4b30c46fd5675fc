// Set status facts: everything that the status of one mirror set is made from, gathered by the controller.
import type { DownCause, HealthStatus } from './health.ts';
import type { MirrorSet } from './mirror-set.ts';
import type { Problem } from './problem.ts';

/** A derived pull secret that a mirror set wants in a namespace, and how far it is. */
export interface CredentialFact {
  /** Name of the mirror set. */
  readonly set: string;
  readonly namespace: string;
  /** Name of the derived secret; '' when it is not known which, because the namespace cannot be worked on at all. */
  readonly secret: string;
  readonly state: 'ready' | 'pending' | 'failed';
  readonly problem?: Pick<Problem, 'message' | 'fix'> | undefined;
}

/** A mirror that does not take the credential in a derived pull secret. */
export interface RefusedCredential {
  readonly set: string;
  readonly namespace: string;
  /** Name of the derived pull secret. */
  readonly secret: string;
  /** `host[:port][/path]` of the mirror. */
  readonly endpoint: string;
  /** The registry's own words, cleaned. */
  readonly message: string;
}

export interface EndpointFact {
  /** `host[:port][/path]` as declared. */
  readonly endpoint: string;
  readonly health: HealthStatus;
  readonly cause: DownCause | undefined;
  /** For people; '' when there is nothing to say. */
  readonly detail: string;
  /** Milliseconds of Unix time. */
  readonly since: number;
}

/** Whether pods of the set's opted-in namespaces come through the webhook. */
export interface AdmissionFact {
  /** Living pods with our annotation. */
  readonly seen: number;
  /** Living pods without it, created after the opt-in was seen. */
  readonly unseen: number;
  /** Some of those, `namespace/name`. */
  readonly examples: readonly string[];
  /** One of those is young, or no pod has been seen since. */
  readonly isSkipping: boolean;
}

/** A node by name, and one sentence about it, without a full stop. */
export interface NodeNote {
  readonly node: string;
  readonly message: string;
}

/** How far the configuration of nodes is for one set. `NotInstalled`: nobody works on nodes. `NotKnown`: they are being read. */
export type NodesFact =
  | { readonly kind: 'NotInstalled' }
  | { readonly kind: 'NotKnown' }
  | {
      readonly kind: 'Known';
      /** Nodes of the cluster. */
      readonly total: number;
      /** Those that the set selects: the sum of the six below. */
      readonly matched: number;
      readonly upToDate: number;
      readonly inProgress: number;
      /** For their turn. */
      readonly waiting: number;
      /** Until they are Ready. */
      readonly notReady: number;
      readonly failed: number;
      /** Their own system writes the runtime's configuration, or the runtime is none that we know. */
      readonly notConfigurable: number;
      /** Of those up to date: how many have something in the way, so that their runtime may not heed the files. */
      readonly hindered: number;
      /** Of the selected nodes: how many get files for this set at all. */
      readonly written: number;
      /** The first of each kind. */
      readonly failure: NodeNote | undefined;
      readonly wait: NodeNote | undefined;
      /** With the fix in its message. */
      readonly obstacle: NodeNote | undefined;
      /** What is declared and cannot be in the files, one sentence each, each once. */
      readonly leftOut: readonly string[];
      /** Mirrors at which nodes show a credential of their own, for every pod there: as text, each once. */
      readonly loginsAt: readonly string[];
      /** What agents report beside: files of others in the way, an order that could not be changed. One sentence each. */
      readonly remarks: readonly string[];
    };

export type KnownNodes = Extract<NodesFact, { readonly kind: 'Known' }>;

export interface SetFacts {
  /** metadata.generation of the object. */
  readonly generation: number;
  /** undefined: not in force, and `problems` say why. An older generation than the object's when that is not valid. */
  readonly set: MirrorSet | undefined;
  /** Of the declaration; their paths begin with where it comes from. */
  readonly problems: readonly Problem[];
  readonly nodesEnabled: boolean;
  readonly nodes: NodesFact;
  /** The upstream first, then the mirrors in order; empty when the set is not in force. */
  readonly endpoints: readonly EndpointFact[];
  readonly credentials: readonly CredentialFact[];
  readonly refused: readonly RefusedCredential[];
  /** Opted-in namespaces that the set is for. */
  readonly namespaces: number;
  readonly admission: AdmissionFact;
  readonly podsOnMirrors: number;
  /** Where the program runs, for the commands in messages. */
  readonly installNamespace: string;
}
