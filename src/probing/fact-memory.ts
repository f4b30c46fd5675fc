// Fact memory: what was learnt of images (facts), of rate limits, and of digests. Bounded; never decisions.
import { LRUCache } from 'lru-cache';
import type { Answer } from '../domain/answer.ts';
import type { Outcome } from '../domain/outcome.ts';

/** Outcomes that are facts about an image; the others are about a moment or an endpoint. */
export type FactOutcome = 'available' | 'missing' | 'denied';

export interface Fact {
  readonly outcome: FactOutcome;
  readonly digest: string | undefined;
  readonly detail: string | undefined;
  /** Milliseconds, monotonic. */
  readonly at: number;
  /** The endpoint's epoch when it was learnt; in another one the fact is void. */
  readonly epoch: number;
  /** The answer made of it last: the same object again and again, so that what follows from it is worked out once. */
  told?: Answer;
}

export type Freshness = 'fresh' | 'stale';

/** Bounds and lives. docs/memories.md is generated knowledge for operators: keep it in step. */
export const MEMORY_LIMITS = {
  facts: 20_000,
  throttles: 2_000,
  digests: 20_000,
  availableFreshMs: 30_000,
  availableStaleMs: 300_000,
  refusedMs: 5_000,
} as const;

export function isFactOutcome(outcome: Outcome): outcome is FactOutcome {
  return outcome === 'available' || outcome === 'missing' || outcome === 'denied';
}

export class FactMemory {
  readonly #facts = new LRUCache<string, Fact>({ max: MEMORY_LIMITS.facts });
  readonly #throttles = new LRUCache<string, number>({ max: MEMORY_LIMITS.throttles });
  readonly #digests = new LRUCache<string, string>({ max: MEMORY_LIMITS.digests });

  remember(key: string, fact: Fact): void {
    this.#facts.set(key, fact);
  }

  forget(key: string): void {
    this.#facts.delete(key);
  }

  /** The fact and how fresh it is; undefined when unknown, too old, or learnt before the endpoint's health changed. */
  recall(
    key: string,
    epoch: number,
    now: number,
  ): { readonly fact: Fact; readonly freshness: Freshness } | undefined {
    const fact = this.#facts.get(key);
    if (fact === undefined || fact.epoch !== epoch) return undefined;
    const age = now - fact.at;
    if (fact.outcome !== 'available') {
      return age <= MEMORY_LIMITS.refusedMs ? { fact, freshness: 'fresh' } : undefined;
    }
    if (age <= MEMORY_LIMITS.availableFreshMs) return { fact, freshness: 'fresh' };
    return age <= MEMORY_LIMITS.availableStaleMs ? { fact, freshness: 'stale' } : undefined;
  }

  /** Not to be asked again before `until` (monotonic milliseconds). */
  throttle(key: string, until: number): void {
    this.#throttles.set(key, until);
  }

  isThrottled(key: string, now: number): boolean {
    const until = this.#throttles.get(key);
    if (until === undefined) return false;
    if (until > now) return true;
    this.#throttles.delete(key);
    return false;
  }

  sawDigest(questionId: string, digest: string): void {
    this.#digests.set(questionId, digest);
  }

  lastDigest(questionId: string): string | undefined {
    return this.#digests.get(questionId);
  }
}
