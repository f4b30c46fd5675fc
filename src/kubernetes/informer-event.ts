// Informer event: what an informer tells about itself, for logs and metrics.
import type { ApiFailureKind } from './cluster-api.ts';

/** `what`: `secrets in shop`, `registrymirrorsets`. */
export type InformerEvent =
  | { readonly event: 'synced' | 'relisted'; readonly what: string; readonly count: number }
  /** A list or a watch has failed; it is tried again after `retryMs`. */
  | {
      readonly event: 'broken';
      readonly what: string;
      readonly kind: ApiFailureKind;
      readonly message: string;
      readonly retryMs: number;
    }
  /** The watch is there again after having been stale. */
  | { readonly event: 'healed'; readonly what: string; readonly staleMs: number }
  /** A bug of ours: it has been survived, and must be told. */
  | {
      readonly event: 'listener-threw' | 'keep-threw';
      readonly what: string;
      readonly key: string;
      readonly error: unknown;
    };
