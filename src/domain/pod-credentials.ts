// Pod credentials: the keyring a pod will have once our pull secrets are added, and which names to add.
import { deriveForSet, deriveFromSource, derivedNameFromSource, isDerivedName } from './derived-secret.ts';
import { Keyring } from './keyring.ts';
import type { MirrorSet } from './mirror-set.ts';
import { problemUnder } from './problem.ts';
import type { Problem } from './problem.ts';
import type { ParsedPullSecret } from './pull-secret.ts';

/** What came of reading one pull secret of a pod. */
export type SecretReading =
  | { readonly name: string; readonly state: 'parsed'; readonly secret: ParsedPullSecret }
  /** Absent, or of a type the kubelet ignores: harmless, the pull goes on without it. */
  | { readonly name: string; readonly state: 'absent' }
  /** It could not be read in time, or we may not. */
  | { readonly name: string; readonly state: 'unread' }
  /** It does not parse: the kubelet refuses every pull of the pod (credentialprovider MakeDockerKeyring). */
  | { readonly name: string; readonly state: 'broken'; readonly problem: Problem };

export interface PodCredentials {
  readonly keyring: Keyring;
  /** A secret of the pod could not be read, so no registry may be asked in its name. */
  readonly unread: boolean;
  /** Why, for people. */
  readonly problem: Problem | undefined;
  /** Derived pull secrets to append, in order; never one the pod already names. */
  readonly added: readonly string[];
}

/** The sets a pod's images are in, and all sets of its namespace (the content of a derived secret covers all of them). */
export interface CredentialScope {
  readonly relevant: readonly MirrorSet[];
  /** Sets that only observe: nothing is added for them, but what would have been is judged with. */
  readonly observed?: readonly MirrorSet[];
  readonly all: readonly MirrorSet[];
  /** False where imagePullSecrets cannot be changed: ephemeral containers, static pods, opted-out pods. */
  readonly mayAdd: boolean;
}

function derivedSecrets(
  readings: readonly SecretReading[],
  scope: CredentialScope,
): Map<string, ParsedPullSecret> {
  const derived = new Map<string, ParsedPullSecret>();
  for (const reading of readings) {
    if (reading.state !== 'parsed' || isDerivedName(reading.name)) continue;
    const secret = deriveFromSource(reading.secret, scope.all);
    if (secret !== undefined) derived.set(secret.name, secret);
  }
  for (const set of scope.all) {
    const secret = deriveForSet(set);
    if (secret !== undefined) derived.set(secret.name, secret);
  }
  return derived;
}

function hasSameAsUpstream(sets: readonly MirrorSet[]): boolean {
  return sets.some((set) => set.mirrors.some((mirror) => mirror.source === 'SameAsUpstream'));
}

/** Names for the derived secrets that this pod's images can use, whether or not the pod has them already. */
function wantedNames(readings: readonly SecretReading[], relevant: readonly MirrorSet[]): string[] {
  const fromSources = readings.flatMap((reading) => {
    if (isDerivedName(reading.name)) return [];
    if (reading.state === 'unread') {
      return hasSameAsUpstream(relevant) ? [derivedNameFromSource(reading.name)] : [];
    }
    const derived = reading.state === 'parsed' ? deriveFromSource(reading.secret, relevant) : undefined;
    return derived === undefined ? [] : [derived.name];
  });
  const fromSets = relevant.flatMap((set) => deriveForSet(set)?.name ?? []);
  return [...fromSources, ...fromSets];
}

/**
 * Works out a pod's credentials as the kubelet will see them after admission: its own secrets in its own order, then
 * the derived ones that we append. A derived secret's content is computed, not read, so that the very first pod of a
 * namespace is judged by what its pull will have.
 */
export function podCredentials(readings: readonly SecretReading[], scope: CredentialScope): PodCredentials {
  const derived = derivedSecrets(readings, scope);
  const own = new Set(readings.map((reading) => reading.name));
  const added = scope.mayAdd ? wantedNames(readings, scope.relevant).filter((name) => !own.has(name)) : [];
  const uniqueAdded = [...new Set(added)];
  const named = readings.flatMap((reading) => {
    const secret = isDerivedName(reading.name) ? derived.get(reading.name) : undefined;
    return secret ?? (reading.state === 'parsed' ? reading.secret : []);
  });
  const supposed = scope.mayAdd ? wantedNames(readings, scope.observed ?? []) : [];
  const appended = [...new Set([...uniqueAdded, ...supposed])]
    .filter((name) => !own.has(name))
    .flatMap((name) => derived.get(name) ?? []);
  const broken = readings.find((reading) => reading.state === 'broken');
  return {
    keyring: new Keyring([...named, ...appended]),
    unread: readings.some(
      (reading) => reading.state === 'broken' || (reading.state === 'unread' && !isDerivedName(reading.name)),
    ),
    problem: broken === undefined ? undefined : problemUnder(`pull secret ${broken.name}`, broken.problem),
    added: uniqueAdded,
  };
}
