// Secret memory: what came of reading pull secrets, for how long that holds, and within which bounds it is kept.
import { LRUCache } from 'lru-cache';
import { asString } from '../domain/json.ts';
import type { SecretReading } from '../domain/pod-credentials.ts';
import { isPullSecretType, parsePullSecret, pullSecretData } from '../domain/pull-secret.ts';
import type { Result } from '../domain/result.ts';
import type { ApiFailure } from '../kubernetes/cluster-api.ts';
import type { KubeObject } from '../kubernetes/resource.ts';

/** Bounds and lives; docs/memories.md tells them. */
export const SECRET_LIMITS = {
  secrets: 10_000,
  bytes: 32 * 1024 * 1024,
  freshMs: 60_000,
  /** It may be made at any moment. */
  absentMs: 5_000,
  /** A right that was refused, or an API server that did not answer: not asked again before. */
  failedMs: 2_000,
  /** How long a reading is good without an API server to confirm it. */
  lastGoodMs: 600_000,
} as const;

/** What is known of one secret. Times are monotonic milliseconds. */
export interface KnownSecret {
  /** The same object for as long as the content is: callers compare by identity. */
  readonly reading: SecretReading;
  readonly content: SecretContent | undefined;
  /** When the API server said so last; -Infinity: it has not. */
  readonly confirmedAt: number;
  /** Until when nobody is asked again. */
  readonly freshUntil: number;
}

/** The type and the data that a reading follows from. */
interface SecretContent {
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}

const IGNORED: SecretContent = { type: '', data: {} };

/** Of a type that the kubelet passes over nothing is kept. */
function contentOf(object: KubeObject): SecretContent {
  const type = asString(object['type']) ?? '';
  return isPullSecretType(type) ? { type, data: pullSecretData(type, object['data']) } : IGNORED;
}

function sameContent(a: SecretContent | undefined, b: SecretContent): boolean {
  return a?.type === b.type && JSON.stringify(a.data) === JSON.stringify(b.data);
}

function read(name: string, content: SecretContent): SecretReading {
  const parsed = parsePullSecret({ name, ...content });
  if (!parsed.ok) return { name, state: 'broken', problem: parsed.error };
  if (parsed.value === undefined) return { name, state: 'absent' };
  return { name, state: 'parsed', secret: parsed.value };
}

function sizeOf({ content, reading }: KnownSecret): number {
  const texts = Object.values(content?.data ?? {}).reduce((sum, text) => sum + text.length, 0);
  // The text itself and what was parsed from it, and what an entry costs in itself.
  return 2 * texts + reading.name.length + 512;
}

function known(name: string, found: KubeObject, before: KnownSecret | undefined, now: number): KnownSecret {
  const content = contentOf(found);
  const isSame = before !== undefined && sameContent(before.content, content);
  const reading = isSame ? before.reading : read(name, content);
  return { reading, content, confirmedAt: now, freshUntil: now + SECRET_LIMITS.freshMs };
}

function withState(name: string, before: KnownSecret | undefined, state: 'absent' | 'unread'): SecretReading {
  // A content of a type that is passed over reads as absent too: that reading may stay.
  return before?.reading.state === state ? before.reading : { name, state };
}

/** Is this still good for want of anything newer? */
export function isGood({ content, confirmedAt }: KnownSecret, now: number): boolean {
  return content !== undefined && now - confirmedAt < SECRET_LIMITS.lastGoodMs;
}

/** What is known after one more try. Pure. */
export function learn(
  name: string,
  before: KnownSecret | undefined,
  answer: Result<KubeObject, ApiFailure>,
  now: number,
): KnownSecret {
  if (answer.ok) return known(name, answer.value, before, now);
  const { kind, retryAfterMs = 0 } = answer.error;
  if (kind === 'not-found') {
    const reading = withState(name, before, 'absent');
    return { reading, content: undefined, confirmedAt: now, freshUntil: now + SECRET_LIMITS.absentMs };
  }
  const freshUntil = now + Math.max(SECRET_LIMITS.failedMs, Math.min(retryAfterMs, SECRET_LIMITS.freshMs));
  // A right that was taken away takes what was read with it.
  if (kind !== 'forbidden' && before !== undefined && isGood(before, now)) return { ...before, freshUntil };
  const reading = withState(name, before, 'unread');
  return { reading, content: undefined, confirmedAt: -Infinity, freshUntil };
}

/** The readings of a process, by namespace and name. */
export class SecretMemory {
  readonly #known = new LRUCache<string, KnownSecret>({
    max: SECRET_LIMITS.secrets,
    maxSize: SECRET_LIMITS.bytes,
    sizeCalculation: sizeOf,
  });

  get(key: string): KnownSecret | undefined {
    return this.#known.get(key);
  }

  set(key: string, secret: KnownSecret): void {
    this.#known.set(key, secret);
  }

  /** Forgets what nobody has asked for while it was good: credentials are not kept for nothing. */
  sweep(now: number): void {
    for (const [key, secret] of this.#known.entries()) {
      const limit =
        secret.content === undefined ? secret.freshUntil : secret.confirmedAt + SECRET_LIMITS.lastGoodMs;
      if (limit <= now) this.#known.delete(key);
    }
  }
}
