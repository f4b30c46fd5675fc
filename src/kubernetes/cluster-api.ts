// Cluster API: what is asked of the API server, as an interface; failures are values from a closed list.
import type { Result } from '../domain/result.ts';
import type { KubeObject, ResourceType } from './resource.ts';

/** Why a call has failed. `unreachable`: no answer in time, and nobody knows whether it was carried out. */
export type ApiFailureKind =
  | 'not-found'
  | 'forbidden'
  | 'unauthorized'
  | 'conflict'
  | 'already-exists'
  | 'invalid'
  | 'expired'
  | 'throttled'
  | 'unreachable'
  | 'server-error'
  | 'refused';

export interface ApiFailure {
  readonly kind: ApiFailureKind;
  /** HTTP status; undefined with `unreachable`. */
  readonly status: number | undefined;
  /** The API server's own words (Status.message), or what broke the connection; at most 1,024 characters. */
  readonly message: string;
  /** From Retry-After, where it was sent. */
  readonly retryAfterMs: number | undefined;
}

export interface ObjectName {
  /** undefined for what has no namespace. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** Which objects; everything absent: all of the cluster. */
export interface ListScope {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Asks for PartialObjectMetadata: no spec, no data. */
  readonly metadataOnly?: boolean | undefined;
}

export interface ObjectList {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
}

export type Subresource = 'status';

export type JsonPatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

export interface CallOptions {
  /** For this call, milliseconds; 10 s when absent. */
  readonly timeoutMs?: number | undefined;
}

/** The part that only reads. Nothing here throws or rejects: what goes wrong is an {@link ApiFailure}. */
export interface ClusterReader {
  get(type: ResourceType, name: ObjectName, options?: CallOptions): Promise<Result<KubeObject, ApiFailure>>;
  /** All pages together. */
  list(type: ResourceType, scope: ListScope, options?: CallOptions): Promise<Result<ObjectList, ApiFailure>>;
}

/** Everything that is done at the API server. Each call is bounded in time and bytes, and follows no redirect. */
export interface ClusterApi extends ClusterReader {
  create(
    type: ResourceType,
    object: KubeObject,
    options?: CallOptions,
  ): Promise<Result<KubeObject, ApiFailure>>;
  /** PUT; with `metadata.resourceVersion` a change in between is a `conflict`. */
  replace(
    type: ResourceType,
    object: KubeObject,
    options?: CallOptions,
  ): Promise<Result<KubeObject, ApiFailure>>;
  /** Server-side apply under our field manager, forced: what we declare is ours. */
  apply(
    type: ResourceType,
    object: KubeObject,
    options?: CallOptions & { readonly subresource?: Subresource | undefined },
  ): Promise<Result<KubeObject, ApiFailure>>;
  /** JSON Patch (RFC 6902). */
  patch(
    type: ResourceType,
    name: ObjectName,
    operations: readonly JsonPatchOperation[],
    options?: CallOptions & { readonly subresource?: Subresource | undefined },
  ): Promise<Result<KubeObject, ApiFailure>>;
  /** What is gone already is removed. `uid`: only that very object, else a `conflict`. */
  remove(
    type: ResourceType,
    name: ObjectName,
    options?: CallOptions & { readonly uid?: string | undefined },
  ): Promise<Result<undefined, ApiFailure>>;
}

/** A change of what an informer keeps. */
export interface ObjectChange<T> {
  readonly key: string;
  /** undefined: it is new. */
  readonly before: T | undefined;
  /** undefined: it is gone. */
  readonly after: T | undefined;
}

/** Objects of the API server in memory, kept up to date for as long as it is not closed. */
export interface Informer<T> {
  /** By {@link keyOf}. */
  readonly items: ReadonlyMap<string, T>;
  /** Whether the first list is in; from then on it is never empty for want of an API server. */
  readonly isSynced: boolean;
  /** Resolves once synced; never, when closed before. */
  readonly synced: Promise<void>;
  /** Since when nothing has been heard, monotonic milliseconds; undefined while the watch is healthy. */
  readonly staleSince: number | undefined;
  /** A listener that throws is reported and keeps being called; it can stop neither the watch nor the others. */
  onChange(listener: (change: ObjectChange<T>) => void): () => void;
  close(): void;
}

/** What an informer is made from. */
export interface InformerOptions<T> {
  readonly type: ResourceType;
  readonly scope: ListScope;
  /** What is kept of an object; undefined: it is as if it did not exist. Called once per version. */
  readonly keep: (object: KubeObject) => T | undefined;
}

/** Makes informers. */
export interface InformerSource {
  watch<T>(options: InformerOptions<T>): Informer<T>;
}
