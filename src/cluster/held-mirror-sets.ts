// Held mirror sets: of each RegistryMirrorSet the last valid content, and what is wrong with the present one.
import type { DeclarationProblem } from '../domain/declared-refs.ts';
import type { MirrorSetObject } from '../domain/mirror-set-object.ts';
import type { MirrorSetVersion, RefusedCredential } from './declared-object.ts';

interface Held {
  readonly uid: string;
  /** undefined: it has not been valid since it was created, or since this process began. */
  readonly valid: MirrorSetObject | undefined;
  readonly problems: readonly DeclarationProblem[];
  readonly refused: readonly RefusedCredential[];
}

function sameText(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What one more version has changed. */
export interface HeldChange {
  readonly objects: boolean;
  readonly refused: boolean;
}

/** The mirror sets of a cluster, each as it was last valid. */
export class HeldMirrorSets {
  readonly #held = new Map<string, Held>();

  /** @param version undefined: the object is gone. */
  take(name: string, version: MirrorSetVersion | undefined): HeldChange {
    const before = this.#held.get(name);
    if (version === undefined) {
      this.#held.delete(name);
      return { objects: before !== undefined, refused: (before?.refused.length ?? 0) > 0 };
    }
    const after = next(name, before, version);
    this.#held.set(name, after);
    return {
      // A status is written every few seconds: only what is declared counts as a change.
      objects: !sameText([before?.valid, before?.problems], [after.valid, after.problems]),
      refused: !sameText(before?.refused ?? [], after.refused),
    };
  }

  objects(): readonly MirrorSetObject[] {
    return [...this.#held.values()].flatMap(({ valid }) => valid ?? []);
  }

  problems(): readonly DeclarationProblem[] {
    return [...this.#held.values()].flatMap(({ problems }) => problems);
  }

  refused(): readonly RefusedCredential[] {
    return [...this.#held.values()].flatMap(({ refused }) => refused);
  }
}

function next(name: string, before: Held | undefined, version: MirrorSetVersion): Held {
  const { uid, parsed, refused } = version;
  if (parsed.ok) return { uid, valid: parsed.value, problems: [], refused };
  // Another object under the same name does not inherit what the former one said.
  const valid = before?.uid === uid ? before.valid : undefined;
  return { uid, valid, problems: parsed.error.map((problem) => ({ ...problem, set: name })), refused };
}
