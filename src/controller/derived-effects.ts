// What the keeping of derived secrets needs from the rest of the controller, and what it tells it: small interfaces.
import type { MirrorSet } from '../domain/mirror-set.ts';
import type { SecretUser } from '../domain/pod-use.ts';
import type { CredentialFact } from '../domain/set-status-facts.ts';

/** Which living pods name a secret. */
export interface PodUse {
  /** Resolves once the first list of pods is in; before that nobody knows that a secret is not in use. */
  readonly synced: Promise<void>;
  /** False while pods are not heard of: some may use by now what none was known to use. */
  readonly isCurrent: boolean;
  /** Pods that are neither finished nor gone and name the secret; of every namespace, opted in or not. */
  usersOf(namespace: string, secretName: string): readonly SecretUser[];
  /** Called with the namespace in which pods have come, changed images or gone. Returns what ends it. */
  onChange(listener: (namespace: string) => void): () => void;
}

/** The mirror sets in force. */
export interface MirrorSetSource {
  /** Resolves once sets and the install namespace's secrets are all in. */
  readonly synced: Promise<void>;
  sets(): readonly MirrorSet[];
  onChange(listener: () => void): () => void;
}

export type CredentialState = CredentialFact['state'];

/** What status and others read. */
export interface CredentialFacts {
  /** The same array until something changes. */
  facts(): readonly CredentialFact[];
  onChange(listener: () => void): () => void;
}

/** Metrics: `registry_failover_derived_secrets{state}`, `registry_failover_reconciles_total{kind="namespace",result}`. */
export interface CredentialMeter {
  derivedSecrets(counts: Readonly<Record<CredentialState, number>>): void;
  reconciled(kind: 'namespace', result: 'done' | 'later' | 'failed' | 'threw'): void;
}

export type CredentialDeed = 'bound' | 'unbound' | 'written' | 'removed';

/** Log lines. `name` is a RoleBinding's or a secret's; nothing here holds a credential. */
export interface CredentialLog {
  did(deed: CredentialDeed, namespace: string, name: string): void;
  /** A call has failed; it is tried again. */
  failed(namespace: string, name: string, message: string): void;
  /** A bug: something threw. The namespace is tried again. */
  threw(namespace: string, error: unknown): void;
}
