// Which derived secrets a namespace should have, from its pull secrets and the mirror sets that select it.
import {
  deriveForSet,
  deriveFromSource,
  derivedNameForSet,
  derivedNameFromSource,
  isDerivedName,
} from './derived-secret.ts';
import { printEndpoint } from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';
import type { Mirror, MirrorSet } from './mirror-set.ts';
import type { Problem } from './problem.ts';
import type { ParsedPullSecret, PullSecretEntry } from './pull-secret.ts';
import { normaliseKey } from './registry-key.ts';
import type { Result } from './result.ts';
import type { WantedSecret } from './secret-plan-object.ts';

/** A pull secret of the namespace that is not ours. */
export interface SourceSecret {
  readonly name: string;
  readonly uid: string;
  /** A problem: the kubelet would refuse every pull of a pod that names it. */
  readonly content: Result<ParsedPullSecret, Problem>;
}

/** A wanted secret, and the sets that want it. */
export interface Want extends WantedSecret {
  readonly sets: readonly string[];
}

/** A source that cannot be read: what was derived from it before is left as it is. */
export interface Unreadable {
  readonly source: SourceSecret;
  readonly derivedName: string;
  readonly problem: Problem;
  /** Sets that might have wanted something from it. */
  readonly sets: readonly string[];
}

function compareNames(a: { readonly name: string }, b: { readonly name: string }): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}

function isAt(endpoint: Endpoint, { key }: PullSecretEntry): boolean {
  const [normalised, place] = [normaliseKey(key), printEndpoint(endpoint)];
  return normalised === place || normalised?.startsWith(`${place}/`) === true;
}

/**
 * A mirror whose own secret is absent or unreadable keeps what was derived before: one wrong edit in the install namespace
 * must not take a credential away from every namespace. Taking the mirror, or its `secretRef`, out of the set does.
 */
function withFormerSecret(mirror: Mirror, former: readonly PullSecretEntry[]): Mirror {
  if (mirror.source !== 'Secret' || mirror.secret !== undefined) return mirror;
  const entries = former.filter((entry) => isAt(mirror.endpoint, entry));
  return { ...mirror, secret: { name: '', entries } };
}

function wantsOfSet(set: MirrorSet, formerOf: (name: string) => readonly PullSecretEntry[]): Want[] {
  const former = formerOf(derivedNameForSet(set.name));
  const secret = deriveForSet({
    ...set,
    mirrors: set.mirrors.map((mirror) => withFormerSecret(mirror, former)),
  });
  return secret === undefined
    ? []
    : [{ ...secret, origin: { kind: 'set', name: set.name }, sets: [set.name] }];
}

function wantsOfSource({ name, uid, content }: SourceSecret, sets: readonly MirrorSet[]): Want[] {
  if (!content.ok) return [];
  const secret = deriveFromSource(content.value, sets);
  if (secret === undefined) return [];
  const wanting = sets.filter((set) => deriveFromSource(content.value, [set]) !== undefined);
  return [{ ...secret, origin: { kind: 'source', name, uid }, sets: wanting.map((set) => set.name) }];
}

/** What a namespace should have; the order of sources and sets does not matter. */
export interface Wants {
  /** By name, each name once. */
  readonly secrets: readonly Want[];
  readonly unreadable: readonly Unreadable[];
}

/**
 * Derives everything that is wanted. Sets that only observe make nothing.
 * @param formerOf Entries of the derived secret of that name as it is now; empty when there is none.
 */
export function deriveWants(
  sources: readonly SourceSecret[],
  sets: readonly MirrorSet[],
  formerOf: (name: string) => readonly PullSecretEntry[],
): Wants {
  const active = sets.filter((set) => set.mode !== 'Observe').sort(compareNames);
  const own = sources.filter(({ name }) => !isDerivedName(name)).sort(compareNames);
  const wants = [
    ...active.flatMap((set) => wantsOfSet(set, formerOf)),
    ...own.flatMap((source) => wantsOfSource(source, active)),
  ];
  const byName = new Map<string, Want>();
  // Names that were cut can be equal only by a collision of their hashes; then the first source stays.
  for (const want of wants) if (!byName.has(want.name)) byName.set(want.name, want);
  const needy = active.filter((set) => set.mirrors.some(({ source }) => source === 'SameAsUpstream'));
  const unreadable = own.flatMap((source) =>
    source.content.ok || needy.length === 0
      ? []
      : [
          {
            source,
            derivedName: derivedNameFromSource(source.name),
            problem: source.content.error,
            sets: needy.map((set) => set.name),
          },
        ],
  );
  return { secrets: [...byName.values()].sort(compareNames), unreadable };
}
