// Watch: one watch request from its beginning to its end, whatever ends it.
import { collectionPath, selectorQuery, withQuery } from './api-path.ts';
import { failureOfAnswer, unreachable } from './api-failure.ts';
import type { ApiFailure, ListScope } from './cluster-api.ts';
import { headerOf } from './exchange.ts';
import { LineReader } from './json-lines.ts';
import type { KubeObject, ResourceType } from './resource.ts';
import type { Cancel, StreamListener, StreamRequest } from './stream.ts';
import { parseWatchEvent, type WatchEvent } from './watch-event.ts';

/** What a watch needs of a connection. */
export interface StreamOpener {
  stream(request: StreamRequest, listener: StreamListener): Cancel;
}

export interface WatchRequest {
  readonly type: ResourceType;
  readonly scope: ListScope;
  /** What happened after this. */
  readonly resourceVersion: string;
  /** The API server ends it after so long. */
  readonly timeoutSeconds: number;
}

export type WatchEnd =
  /** In good order, after its time or because the server goes down. */
  | { readonly kind: 'over' }
  | { readonly kind: 'failed'; readonly failure: ApiFailure }
  /** Something was said that cannot be read: only a new list tells what it was. */
  | { readonly kind: 'unreadable'; readonly message: string };

export interface WatchListener {
  /** The API server has agreed. */
  onOpen(): void;
  onPut(object: KubeObject): void;
  onGone(object: KubeObject): void;
  onBookmark(resourceVersion: string): void;
  /** Last, once. */
  onEnd(end: WatchEnd): void;
}

/** Above anything the API server stores (etcd: 1.5 MiB), and far below what would hurt. */
const LINE_CAP = 8 * 1024 * 1024;
const ERROR_CAP = 64 * 1024;
/** The API server sends the head at once, unless it has to queue. */
const HEAD_MS = 30_000;
/** A watch that outlives its time-out by this has been forgotten by the other side. */
const OVERTIME_MS = 30_000;

const JSON_TYPE = 'application/json';
const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

function requestOf(request: WatchRequest): StreamRequest | undefined {
  const { type, scope, resourceVersion, timeoutSeconds } = request;
  const path = collectionPath(type, scope.namespace);
  if (path === undefined) return undefined;
  const query = {
    ...selectorQuery(scope),
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion,
    timeoutSeconds: String(timeoutSeconds),
  };
  const accept = scope.metadataOnly === true ? METADATA_ONLY : JSON_TYPE;
  return { path: withQuery(path, query), headers: { accept } };
}

class Watch implements StreamListener {
  readonly #listener: WatchListener;
  readonly #overtimeMs: number;
  readonly #lines = new LineReader(LINE_CAP, (line) => {
    this.#readLine(line);
  });
  #cancel: Cancel | undefined;
  #timer: NodeJS.Timeout;
  #isDone = false;
  #refusal: { status: number; retryAfter: string | undefined; chunks: Buffer[]; size: number } | undefined;

  constructor(listener: WatchListener, timeoutSeconds: number) {
    this.#listener = listener;
    this.#overtimeMs = timeoutSeconds * 1000 + OVERTIME_MS;
    this.#timer = this.#limit(HEAD_MS, 'no answer to a watch');
  }

  start(connection: StreamOpener, request: StreamRequest): void {
    const cancel = connection.stream(request, this);
    if (this.#isDone) cancel();
    else this.#cancel = cancel;
  }

  stop(): void {
    this.#isDone = true;
    clearTimeout(this.#timer);
    this.#cancel?.();
  }

  onHead(status: number, headers: Parameters<StreamListener['onHead']>[1]): void {
    if (status !== 200) {
      this.#refusal = { status, retryAfter: headerOf(headers, 'retry-after'), chunks: [], size: 0 };
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = this.#limit(this.#overtimeMs, 'the watch outlived its time');
    this.#listener.onOpen();
  }

  onData(chunk: Uint8Array): void {
    if (this.#isDone) return;
    if (this.#refusal === undefined) {
      if (!this.#lines.push(chunk)) {
        this.#end({ kind: 'unreadable', message: `an event is longer than ${LINE_CAP} bytes` });
      }
      return;
    }
    const room = ERROR_CAP - this.#refusal.size;
    this.#refusal.chunks.push(Buffer.from(chunk.subarray(0, Math.max(0, room))));
    this.#refusal.size += chunk.length;
  }

  onEnd(broken: string | undefined): void {
    const refusal = this.#refusal;
    if (refusal !== undefined) {
      const body = Buffer.concat(refusal.chunks).toString('utf8');
      this.#end({ kind: 'failed', failure: failureOfAnswer(refusal.status, body, refusal.retryAfter) });
    } else if (broken === undefined) this.#end({ kind: 'over' });
    else this.#end({ kind: 'failed', failure: unreachable(broken) });
  }

  #readLine(line: string): void {
    if (this.#isDone) return;
    const event = parseWatchEvent(line);
    if (event === undefined) this.#end({ kind: 'unreadable', message: 'an event makes no sense' });
    else this.#tell(event);
  }

  #tell(event: WatchEvent): void {
    switch (event.type) {
      case 'put':
        this.#listener.onPut(event.object);
        return;
      case 'gone':
        this.#listener.onGone(event.object);
        return;
      case 'bookmark':
        this.#listener.onBookmark(event.resourceVersion);
        return;
      case 'failure':
        this.#end({ kind: 'failed', failure: event.failure });
        return;
      case 'unknown':
        return;
    }
  }

  #limit(ms: number, message: string): NodeJS.Timeout {
    return setTimeout(() => {
      this.#end({ kind: 'failed', failure: unreachable(`${message} (${ms / 1000} s)`) });
    }, ms).unref();
  }

  #end(end: WatchEnd): void {
    if (this.#isDone) return;
    this.stop();
    this.#listener.onEnd(end);
  }
}

/** Opens a watch; it always comes to an {@link WatchEnd}, unless it is cancelled before. */
export function openWatch(connection: StreamOpener, request: WatchRequest, listener: WatchListener): Cancel {
  const watch = new Watch(listener, request.timeoutSeconds);
  const stream = requestOf(request);
  if (stream === undefined) throw new Error(`no path to watch ${request.type.plural}`);
  watch.start(connection, stream);
  return () => {
    watch.stop();
  };
}
